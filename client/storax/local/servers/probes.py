"""Probes: one short request per kind of server, in its own protocol."""

import http.client
import json
import socket
import struct
from typing import Any
from urllib.parse import urlsplit

_TIMEOUT_SEC = 2.0
_PROTOCOL_3 = 196608
_CANNOT_CONNECT_NOW = b"57P03"


def postgres_answers(port: int, *, user: str, host: str = "127.0.0.1") -> bool:
    """Return whether Postgres takes connections: it asks for the password, or has no slot left. False in a recovery."""
    parameters = b"user\0" + user.encode() + b"\0\0"
    start = struct.pack("!ii", len(parameters) + 8, _PROTOCOL_3) + parameters
    reply = _exchange(host, port, start)
    return reply[:1] == b"R" or (reply[:1] == b"E" and _CANNOT_CONNECT_NOW not in reply)


def valkey_answers(port: int, *, password: str, host: str = "127.0.0.1") -> bool:
    """Return whether Valkey takes commands with that password; False while it loads its data."""
    return b"+PONG" in _exchange(host, port, f"AUTH {password}\r\nPING\r\nQUIT\r\n".encode(), whole=True)


def http_status(url: str, *, token: str = "") -> int:
    """Return the status code of a GET; 0 when nothing answers."""
    return http_get(url, token=token)[0]


def http_get(url: str, *, token: str = "") -> tuple[int, Any]:
    """Return the status code and JSON body of a GET; 0 when nothing answers, None for a body that is not JSON."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = connect(parts.hostname or "", parts.port, timeout=_TIMEOUT_SEC)
    try:
        connection.request("GET", target, headers={"Authorization": f"Bearer {token}"} if token else {})
        reply = connection.getresponse()
        return reply.status, _json(reply.read())
    except (OSError, http.client.HTTPException):
        return 0, None
    finally:
        connection.close()


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _exchange(host: str, port: int, request: bytes, *, whole: bool = False) -> bytes:
    try:
        with socket.create_connection((host, port), timeout=_TIMEOUT_SEC) as connection:
            connection.sendall(request)
            reply = connection.recv(4096)
            while whole and (more := connection.recv(4096)):
                reply += more
            return reply
    except OSError:
        return b""
