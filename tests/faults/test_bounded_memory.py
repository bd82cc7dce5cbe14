"""The memory of a real API process under callers that send much, hold back, or do not read: its peak stays within a bound."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from chaos.kit.processes import peak_mib
from ports import free_port
from storax_core import limits
from waiting import eventually
from world import ANYBODY, User, World

MIB = 1 << 20


class Api:
    """An API process of its own, and the highest memory that it ever had."""

    def __init__(self, port: int, pid: int) -> None:
        self.url, self.port, self._pid = f"http://127.0.0.1:{port}", port, pid

    def peak(self) -> float:
        """Return the peak of its resident memory since the last ``forget_peak``, in MiB."""
        return peak_mib(self._pid)

    def forget_peak(self) -> None:
        """Let the peak begin anew, at the present memory."""
        Path(f"/proc/{self._pid}/clear_refs").write_text("5")

    def connect(self) -> socket.socket:
        """Open a connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)


@pytest.fixture(scope="module")
def api(world: World) -> Iterator[Api]:
    """An API process with little memory for bodies and answers."""
    port = free_port()
    settings = {"DATABASE_URL": world.database_url, "REDIS_URL": world.redis_url, "PORT": str(port), "MEMORY_MB": "128"}
    env = os.environ | {f"STORAX_{name}": value for name, value in settings.items()}
    with subprocess.Popen([sys.executable, "-m", "storax_api"], env=env, stderr=subprocess.PIPE) as running:
        try:
            api = Api(port, running.pid)
            eventually(lambda: _answers(api), step=0.05)
            yield api
        finally:
            running.kill()


def _answers(api: Api) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return ANYBODY.get(f"{api.url}/readyz").status_code == 200
    return False


def grows(api: Api, attack: Callable[[], object]) -> float:
    """Return by how many MiB the peak grew, with the process as alive as before."""
    api.forget_peak()
    before = api.peak()
    attack()
    assert _answers(api)
    return api.peak() - before


def hold_back(api: Api, path: str, size: int, token: str = "") -> bytes:
    """Send a body but for its last byte, wait, and return what was answered until then."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n"
    head += f"Authorization: Bearer {token}\r\n\r\n" if token else "\r\n"
    with api.connect() as connection:
        connection.sendall(head.encode())
        answer, sent = b"", 0
        connection.settimeout(0.001)
        while sent < size - 1 and not answer:
            with contextlib.suppress(TimeoutError):
                answer = connection.recv(4096)
            connection.settimeout(60)
            connection.sendall(b" " * min(MIB, size - 1 - sent))
            connection.settimeout(0.001)
            sent += MIB
        connection.settimeout(2)
        with contextlib.suppress(TimeoutError):
            answer = answer or connection.recv(4096)
        return answer


@pytest.mark.parametrize("path", ["/api/v1/auth/login", "/api/v1/jobs/"])
def test_strangers_that_hold_back_the_last_byte_of_large_bodies_cost_little(api: Api, path: str) -> None:
    def attack() -> None:
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda _: hold_back(api, path, 30 * MIB), range(12)))
        assert {a.split()[1] for a in answers} <= {b"401", b"404", b"413"}

    assert grows(api, attack) < 48


def test_bodies_of_one_user_that_are_held_back_stay_within_the_memory_for_them(api: Api, world: World) -> None:
    user, other = world.user(), world.user()

    def attack() -> None:
        with ThreadPoolExecutor(13) as pool:
            held = [pool.submit(hold_back, api, "/api/v1/jobs/", 30 * MIB, user.token) for _ in range(12)]
            time.sleep(1)
            assert _get(api, other, "/jobs/").status_code == 200, "another user is served meanwhile"
            answers = [h.result() for h in held]
        assert any(b" 429 " in a and b"Retry-After: 1" in a.replace(b"retry-after", b"Retry-After") for a in answers)

    assert grows(api, attack) < 200


@pytest.mark.slow("it writes and reads 300 MB")
def test_lists_of_large_rows_stay_within_the_memory_for_them(api: Api, world: World) -> None:
    user = world.user()
    app = user.app()
    large = {"x": "x" * 1_000_000}
    mine = user.jobs(app, 24, data=large)
    user.patch("/jobs/", {"filter": {"id": mine}, "patch": {"return_value": large}})
    user.patch("/jobs/", {"filter": {"id": mine}, "patch": {"launch_params": large}})

    def attack() -> None:
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: _get(api, user, "/jobs/", limit=24), range(4)))
        good = [a for a in answers if a.status_code == 200]
        assert good
        assert all(a.json()["next"] for a in good), "72 MB do not fit into a page"
        assert {a.status_code for a in answers} <= {200, 429, 503}

    assert grows(api, attack) < 220


@pytest.mark.slow("it writes 100 MB of events")
def test_a_viewer_that_does_not_read_costs_little_and_another_misses_nothing(api: Api, world: World) -> None:
    user = world.user()
    app = user.app()
    eventually(lambda: world.value("SELECT coalesce(max(position), 0) FROM feed") >= user.events()[-1]["position"])

    def attack() -> None:
        with api.connect() as mute:
            ask = f"GET /api/v1/events/stream?after=0 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {user.token}\r\n\r\n"
            mute.sendall(ask.encode())
            assert mute.recv(100).startswith(b"HTTP/1.1 200")
            for _ in range(10):
                user.jobs(app, 12, data={"x": "x" * 900_000})
            last = user.get("/events/", ordering="-position", limit=1)["results"][0]["position"]
            eventually(lambda: world.value("SELECT max(position) FROM feed") >= last)
            eventually(lambda: _seen(api, user, last))

    assert grows(api, attack) < 100


def _seen(api: Api, user: User, last: int) -> bool:
    """Whether a viewer of this process gets the last event from the log."""
    params = {"after": str(last - 1)}
    with httpx.Client(headers={"Authorization": f"Bearer {user.token}"}, timeout=30) as client:  # noqa: SIM117
        with client.stream("GET", f"{api.url}/api/v1/events/stream", params=params) as answer:
            return any(line == f"id: {last}" for line in answer.iter_lines())


def _get(api: Api, user: User, path: str, **params: int) -> httpx.Response:
    headers = {"Authorization": f"Bearer {user.token}"}
    return httpx.get(f"{api.url}/api/v1{path}", params=params, headers=headers, timeout=60)


def test_the_default_memory_takes_one_largest_body(world: World) -> None:
    settings = world.settings
    assert limits.table(settings)[-1].value >= 4 * (settings.max_body_mb << 20)
