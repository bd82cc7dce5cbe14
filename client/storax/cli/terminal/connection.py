"""The client of a command: one per command line, made when the command runs, not for its help."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

# A command line should not hang; a command that waits long connects again by itself.
CONNECT_WITHIN_SEC = 1.5


def choose(profile: str | None) -> None:
    """Use this stored profile for the commands of this process; None: the server that scripts would use."""
    if profile is None and "storax._runtime.settings" not in sys.modules:
        return  # nothing was chosen, and help must not pay for the import
    from storax._runtime.settings import choose_profile

    choose_profile(profile)


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
