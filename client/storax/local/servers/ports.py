"""Free ports on the loopback interface, reserved against other stacks that start at the same time."""

import errno
import random
import socket
from collections.abc import Iterable

from storax.local.errors import PortBusyError

HOST = "127.0.0.1"
DEFAULT_PORT = 8360

# Below Linux's ephemeral range, so that no outgoing connection takes a server's port while the server restarts.
_PRIVATE_RANGE = range(20000, 32000)


class Ports:
    """Ports reserved by this process until it ends.

    A reservation is an abstract socket, which no other process can bind and which leaves nothing behind.
    """

    def __init__(self) -> None:
        self._reservations: dict[int, socket.socket] = {}

    def claim(self, port: int) -> bool:
        """Reserve a port; return False when it is in use, or reserved by another stack."""
        return port in self._reservations or (is_free(port) and self._reserve(port))

    def exactly(self, port: int) -> int:
        """Reserve this port or fail.

        Raises:
            PortBusyError: it is in use.
        """
        if not self.claim(port):
            raise PortBusyError(
                f"Port {port} is in use by another program. Choose another with --port, "
                f"or leave --port out to take the next free one."
            )
        return port

    def first(self, candidates: Iterable[int]) -> int:
        """Reserve the first free port of the candidates.

        Raises:
            PortBusyError: none is free.
        """
        for port in candidates:
            if self.claim(port):
                return port
        raise PortBusyError("No free port was found on 127.0.0.1. Stop some programs, or choose one with --port.")

    def private(self, preferred: int | None) -> int:
        """Reserve a port for a server behind the API: the preferred one if it is free, else any."""
        preferences = [preferred] if preferred else []
        return self.first([*preferences, *random.sample(_PRIVATE_RANGE, 200)])

    def _reserve(self, port: int) -> bool:
        reservation = socket.socket(socket.AF_UNIX)
        try:
            reservation.bind(f"\0storax-port-{port}")
        except OSError:
            reservation.close()
            return False
        self._reservations[port] = reservation
        return True

    def release(self) -> None:
        """Give up all reservations."""
        for reservation in self._reservations.values():
            reservation.close()
        self._reservations.clear()


def is_free(port: int) -> bool:
    """Return whether a server could listen on that port of the loopback interface now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: TIME_WAIT is no obstacle
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno == errno.EACCES:
                raise PortBusyError(
                    f"Port {port} may only be used by root. Choose one above 1023 with --port."
                ) from error
            return False
        return True
