"""Two stacks never choose the same port."""

import socket

import pytest

from storax.local.errors import PortBusyError
from storax.local.servers.ports import Ports, is_free


@pytest.fixture
def listener() -> socket.socket:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_a_port_in_use_is_refused_by_name_with_the_way_out(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    assert not is_free(port)
    with pytest.raises(PortBusyError, match=rf"Port {port} is in use .* --port"):
        Ports().exactly(port)


def test_the_next_free_port_is_taken(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    ports = Ports()
    assert ports.first(range(port, port + 50)) > port
    ports.release()


def test_a_port_is_reserved_before_its_server_listens() -> None:
    first, second = Ports(), Ports()
    port = first.private(None)
    assert is_free(port)
    assert not second.claim(port)
    assert first.claim(port)
    first.release()
    assert second.claim(port)
    second.release()
