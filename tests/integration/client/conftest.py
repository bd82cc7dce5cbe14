"""What all tests of the client share."""

from collections.abc import Iterator

import pytest

from storax import Client
from world import User, World


@pytest.fixture
def user(world: World) -> Iterator[User]:
    """A user of the running server, whose client is the current one."""
    user = world.user()
    with Client(world.url, user.token):
        yield user
