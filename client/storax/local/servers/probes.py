"""Does it answer? One short question per kind of server, in its own protocol."""

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
    """Whether Postgres takes connections: it asks for the password, or has no slot left; not while it recovers."""
    words = b"user\0" + user.encode() + b"\0\0"
    start = struct.pack("!ii", len(words) + 8, _PROTOCOL_3) + words
    answer = _ask(host, port, start)
    return answer[:1] == b"R" or (answer[:1] == b"E" and _CANNOT_CONNECT_NOW not in answer)


def valkey_answers(port: int, *, password: str, host: str = "127.0.0.1") -> bool:
    """Whether Valkey takes commands with that password; False while it reads its file."""
    return b"+PONG" in _ask(host, port, f"AUTH {password}\r\nPING\r\nQUIT\r\n".encode(), whole=True)


def http_status(url: str, *, token: str = "") -> int:
    """Status code of a GET; 0 when nothing answers."""
    return http_get(url, token=token)[0]


def http_get(url: str, *, token: str = "") -> tuple[int, Any]:
    """Status code and JSON body of a GET; 0 when nothing answers, None for a body that is not JSON."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_SEC)
    try:
        connection.request("GET", parts.path or "/", headers={"Authorization": f"Bearer {token}"} if token else {})
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


def _ask(host: str, port: int, question: bytes, *, whole: bool = False) -> bytes:
    try:
        with socket.create_connection((host, port), timeout=_TIMEOUT_SEC) as line:
            line.sendall(question)
            answer = line.recv(4096)
            while whole and (more := line.recv(4096)):
                answer += more
            return answer
    except OSError:
        return b""
