"""What all tests of the client share."""

from collections.abc import Iterator

import pytest

from fakes.terminal import Terminal
from storax import Client
from world import User, World


@pytest.fixture
def user(world: World) -> Iterator[User]:
    """A user of the running server, whose client is the current one."""
    user = world.user()
    with Client(world.url, user.token):
        yield user


@pytest.fixture
def storax(world: World, user: User) -> Terminal:
    """The command line of that user."""
    return Terminal(STORAX_URL=world.url, STORAX_TOKEN=user.token, PYTHONIOENCODING="utf-8")
