"""Ports for servers that tests start."""

from random import SystemRandom

from storax.local.servers.ports import Ports

# Below the ports that the kernel hands out, to clients and to servers that name none.
RANGE = range(30_000, 32_768)

_reserved = Ports()


def free_port() -> int:
    """Return a port of the loopback interface that is free until its server listens, and while that starts again.

    It is reserved until this process ends, so that neither another test nor a stack takes it.
    """
    return _reserved.first(SystemRandom().sample(RANGE, len(RANGE)))
