"""The client that a command uses: one a command line, made when the command runs and not for its help."""

from collections.abc import Iterator
from contextlib import contextmanager

# Nobody wants to look at a dead command line; what waits long asks again by itself.
CONNECT_WITHIN_SEC = 1.5

_profile: list[str | None] = [None]


def choose(profile: str | None) -> None:
    """Use this stored profile for the rest of this process; None finds the server as scripts do."""
    _profile[0] = profile


def chosen() -> str | None:
    """The profile that was chosen; None where none was."""
    return _profile[0]


@contextmanager
def connected() -> Iterator[None]:
    """Inside the block the models speak to the chosen server; a client that is in force already stays.

    Raises:
        NotConfigured: no server is named anywhere.
    """
    from storax.client import Client, scoped_client

    if scoped_client() is not None:
        yield
        return
    with Client(profile=_profile[0], connect_within=CONNECT_WITHIN_SEC):
        yield
