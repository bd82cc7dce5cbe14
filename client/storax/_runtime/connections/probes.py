"""Probes of silent connections: a network that forgets one says nothing, so the kernel asks the other machine."""

import socket

# In seconds: from the last byte to the first probe, between probes; probes unanswered; milliseconds for sent bytes.
# Together they end a connection whose other machine does not answer for 30 s. macOS lacks some.
_TCP = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 30_000}
SOCKET_OPTIONS = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *((socket.IPPROTO_TCP, getattr(socket, name), value) for name, value in _TCP.items() if hasattr(socket, name)),
]
