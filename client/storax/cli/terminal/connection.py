"""The client of a command: one per command line, made when the command runs, not for its help."""

from collections.abc import Iterator
from contextlib import contextmanager

# A command line should not hang; a command that waits long connects again by itself.
CONNECT_WITHIN_SEC = 1.5

_profile: list[str | None] = [None]


def choose(profile: str | None) -> None:
    """Use this stored profile for the rest of this process; None chooses the server as scripts do."""
    _profile[0] = profile


def chosen() -> str | None:
    """Return the chosen profile; None where none was."""
    return _profile[0]


@contextmanager
def connected() -> Iterator[None]:
    """Connect the models to the chosen server inside the block, unless a client is in force already.

    Raises:
        NotConfigured: no argument, variable or profile names a server.
    """
    from storax.client import Client, scoped_client

    if scoped_client() is not None:
        yield
        return
    with Client(profile=_profile[0], connect_within=CONNECT_WITHIN_SEC):
        yield
