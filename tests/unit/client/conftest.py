"""What several tests of the client share."""

import pytest

from fakes.rest import client_of


@pytest.fixture
def client(script):
    """A client of the server that the module's ``script`` plays."""
    with client_of(script) as client:
        yield client
