"""What hostile and careless callers send: held back, cut and broken requests, large rows, mute viewers, heavy queries."""

import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx

MIB = 1 << 20
JOBS = "/api/v1/jobs/"
DEEP = ["[" * 2000 + "]" * 2000, '{"a":' * 500 + "1" + "}" * 500, "[" + "1," * 400_000 + "1]", '{"x": NaN}', "{"]
HEADS = [
    "GET / HTTP/1.1",
    "POST /api/v1/jobs/ HTTP/1.1",
    "PATCH /api/v1/jobs/1 HTTP/9.9",
    "\x00\x01\x02",
    "GET " + "/a" * 40_000,
]


class Target:
    """An API under attack, with an account of its own for the attacks. ``statuses`` counts its answers.

    Args:
        url: Address of the API.
        token: Token of the account.
        app_id: An App of a site that nobody serves.
    """

    def __init__(self, url: str, token: str, app_id: int) -> None:
        self.url, self.app_id = url, app_id
        self.statuses: Counter[int] = Counter()
        self._address = (httpx.URL(url).host, httpx.URL(url).port)
        self._headers = {"authorization": f"Bearer {token}"}
        self._lock = threading.Lock()

    def connect(self) -> socket.socket:
        """Open a connection."""
        return socket.create_connection(self._address, timeout=30)

    def head(self, method: str, path: str, length: int, *, signed: bool) -> bytes:
        """Return the head of a request."""
        lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {length}"]
        lines += [f"Authorization: {self._headers['authorization']}"] if signed else []
        return "\r\n".join([*lines, "\r\n"]).encode()

    def ask(self, method: str, path: str, *, body: Any = None, signed: bool = True, **options: Any) -> httpx.Response:
        """Send one request and count its answer; a connection that is cut counts as 0."""
        raw = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        headers = self._headers if signed else {}
        try:
            answer = httpx.request(
                method, f"{self.url}{path}", content=raw, headers=headers, timeout=90, follow_redirects=False, **options
            )
        except httpx.TransportError:
            answer = httpx.Response(0)
        with self._lock:
            self.statuses[answer.status_code] += 1
        return answer


def hold_back(target: Target, rng: random.Random) -> None:
    """Announce a large body, send a part of it, and wait."""
    with target.connect() as connection:
        connection.sendall(target.head("POST", JOBS, 30 * MIB, signed=rng.random() < 0.5))
        with suppress(OSError):
            for _ in range(rng.randrange(1, 24)):
                connection.sendall(b" " * MIB)
            time.sleep(rng.uniform(0, 3))


def cut(target: Target, rng: random.Random) -> None:
    """Send a request up to some byte, or what is none."""
    body = json.dumps({"app_id": target.app_id, "workdir": "w"}).encode()
    whole = target.head("POST", JOBS, len(body), signed=True) + body
    with target.connect() as connection, suppress(OSError):
        if rng.random() < 0.5:
            connection.sendall(whole[: rng.randrange(len(whole))])
        else:
            connection.sendall(rng.choice(HEADS).encode() + b"\r\n" + rng.randbytes(rng.randrange(4096)))
        connection.settimeout(rng.uniform(0.01, 1))
        connection.recv(4096)


def break_json(target: Target, rng: random.Random) -> None:
    """Send bodies that are deep, wide or no JSON."""
    target.ask(rng.choice(["POST", "PATCH"]), JOBS, body=rng.choice(DEEP).encode())


def store_large_rows(target: Target, rng: random.Random) -> None:
    """Store rows of almost a megabyte, read them in one page, and delete them."""
    tag = {"large": str(rng.randrange(10**9))}
    rows = [{"app_id": target.app_id, "workdir": "w", "tags": tag, "data": {"x": "x" * 900_000}}] * rng.randrange(1, 9)
    target.ask("POST", JOBS, body=rows, params={"format": "rows"})
    target.ask("POST", f"{JOBS}query", body={"filter": {"tags": tag}})
    target.ask("DELETE", JOBS, body={"filter": {"tags": tag}})


def watch_without_reading(target: Target, rng: random.Random) -> None:
    """Open the stream of all events, and read none."""
    with target.connect() as connection, suppress(OSError):
        connection.sendall(target.head("GET", "/api/v1/events/stream?after=0", 0, signed=True))
        time.sleep(rng.uniform(1, 8))


def ask_much(target: Target, rng: random.Random) -> None:
    """Ask for as much as one call may have, and for more."""
    queries: list[dict[str, Any]] = [
        {"limit": 10_000, "ordering": ["-priority"], "count": True},
        {"limit": 10_000, "offset": rng.randrange(10**6)},
        {"filter": {"id": rng.sample(range(10**6), 20_000)}},
        {"filter": {"workdir__contains": "zz"}, "count": True},
        {"exclude": [{"num_nodes": n} for n in range(200)], "limit": 1000},
        {"as_of": rng.randrange(1, 10**5), "limit": 1000},
        {"limit": 10**9},
    ]
    target.ask("POST", f"{JOBS}query", body=rng.choice(queries))
    target.ask("GET", "/api/v1/events/", params={"limit": 10_000, "after": rng.randrange(10**5)})


def guess(target: Target, rng: random.Random) -> None:
    """Guess passwords, tokens and pages."""
    for _ in range(4):
        body = {"username": rng.choice(["local", "x"]), "password": rng.randbytes(40).hex()}
        target.ask("POST", "/api/v1/auth/login", body=body, signed=False)
    for path in ("/ui/jobs", "/ui/../../etc/passwd", "/metrics", "/api/v1/nothing", "/docs"):
        target.ask("GET", path, signed=False)


def work(target: Target, rng: random.Random) -> None:
    """Do what users do all day: create jobs, change, cancel, retry and delete them, and read them."""
    tag = {"batch": str(rng.randrange(10**9))}
    rows = [{"app_id": target.app_id, "workdir": f"w/{n}", "tags": tag} for n in range(rng.randrange(1, 300))]
    where = {"filter": {"tags": tag}}
    target.ask("POST", JOBS, body=rows)
    target.ask("PATCH", JOBS, body={**where, "patch": {"priority": rng.randrange(100)}})
    target.ask("POST", f"{JOBS}query", body=where)
    target.ask("POST", f"{JOBS}cancel", body=where)
    target.ask("POST", f"{JOBS}retry", body=where)
    target.ask("DELETE", JOBS, body=where)


ALL: tuple[Callable[[Target, random.Random], None], ...] = (
    hold_back, cut, break_json, store_large_rows, watch_without_reading, ask_much, guess, work,
)  # fmt: skip
