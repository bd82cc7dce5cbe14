"""The client of a command: one per command line, made when the command runs, not for its help."""

from collections.abc import Iterator
from contextlib import contextmanager

# A command line should not hang; a command that waits long connects again by itself.
CONNECT_WITHIN_SEC = 1.5


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
    with Client(connect_within=CONNECT_WITHIN_SEC):
        yield
