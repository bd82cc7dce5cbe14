"""The previous release, from the history of git: its processes, and clients that work with it."""

import itertools
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from house.repository import ROOT
from world import report

# The newest commit of the schema that this release still upgrades from without a stop: the one place that names it.
PREVIOUS = "1ec1c408"
REPEATS = 10
PARTS = ("alembic", "api", "client", "core", "site_agent", "workers")


def unpack(folder: Path) -> Path:
    """Put the code of the previous release into a folder, and return the folder."""
    argv = ["git", "-C", str(ROOT), "archive", PREVIOUS, *PARTS]
    archive = subprocess.run(argv, capture_output=True, check=False)
    assert archive.returncode == 0, f"{PREVIOUS} is not in this clone: {archive.stderr.decode()}; git fetch --unshallow"
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    return folder


class Release:
    """The code in a folder, run against one database and one Redis."""

    def __init__(self, code: Path, environment: Mapping[str, str]) -> None:
        path = os.pathsep.join(str(code / part) for part in PARTS if part != "alembic")
        self.environment = os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **environment}

    def run(self, *argv: str) -> str:
        """Run one of its modules, and return what it prints."""
        done = subprocess.run([sys.executable, "-P", "-m", *argv], env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def serving(self, log: Path, *argv: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run one of its processes as long as the block lasts."""
        with log.open("ab") as out:
            running = subprocess.Popen(
                [sys.executable, "-P", "-m", *argv], env=self.environment | more, stdout=out, stderr=out
            )
        try:
            yield running
            assert running.poll() is None, log.read_text()[-3000:]
        finally:
            running.terminate()
            running.wait(60)


class Load:
    """Clients of one user that create jobs, run them, read them and count them, until they are stopped.

    ``errors`` are the calls that failed, ``repeats`` the answers 503.
    """

    def __init__(self, url: str, token: str, name: str) -> None:
        self.url, self.token = f"{url}/api/v1", token
        self.errors: list[str] = []
        self.calls: Counter[str] = Counter()
        self.repeats = 0
        self.created: list[int] = []
        self._stop = threading.Event()
        with self._client() as client:
            self.site = int(self._ask(client, "POST", "/sites/", {"name": name})["id"])
            app = {"site_id": self.site, "name": "Echo", "command_template": "echo"}
            self.app = int(self._ask(client, "POST", "/apps/", app)["id"])
        works = (self._create, self._create, self._work, self._work, self._read)
        self._threads = [threading.Thread(target=self._repeat, args=(work,)) for work in works]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Have all clients end what they are doing."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _client(self) -> httpx.Client:
        return httpx.Client(headers={"Authorization": f"Bearer {self.token}"}, timeout=30)

    def _repeat(self, work: Any) -> None:
        with self._client() as client:
            try:
                for number in itertools.takewhile(lambda _: not self._stop.is_set(), itertools.count()):
                    work(client, number)
            except Exception as error:
                self.errors.append(f"{work.__name__}: {error!r}")

    def _ask(self, client: httpx.Client, method: str, path: str, body: Any = None) -> Any:
        """Make a call, repeated with the same key while the server is busy (503), as the Python client does."""
        headers = {"Idempotency-Key": str(uuid4())} if method == "POST" else {}
        for _ in range(REPEATS):
            answer = client.request(method, f"{self.url}{path}", json=body, headers=headers)
            self.calls[f"{method} /{path.split('/')[1]}"] += 1
            if answer.status_code != 503:
                break
            self.repeats += 1
            time.sleep(float(answer.headers["Retry-After"]))
        if answer.is_error:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content else None

    def _create(self, client: httpx.Client, number: int) -> None:
        rows: list[dict[str, Any]] = [
            {"app_id": self.app, "workdir": f"w/{number}", "tags": {"n": "1"}} for _ in range(3)
        ]
        rows[2]["parent_refs"] = [0, 1]
        results = self._ask(client, "POST", "/jobs/", rows)["results"]
        self.created += [row["id"] for row in results]
        self._stop.wait(0.1)

    def _work(self, client: httpx.Client, number: int) -> None:
        """Open a session, run what comes, and end the session."""
        session = self._ask(client, "POST", "/sessions/", {"site_id": self.site, "ttl_sec": 60})["id"]
        for _ in range(10):
            ask = {"max_num_jobs": 20, "states": None}
            jobs = self._ask(client, "POST", f"/sessions/{session}/acquire?wait=0.5", ask)["jobs"]
            for state in ("RUNNING", "RUN_DONE"):
                reports = [report(job, state) for job in jobs]
                refused = self._ask(client, "POST", f"/sessions/{session}/report", {"reports": reports})["refused"]
                assert not refused, refused
            if self._stop.is_set():
                break
        self._ask(client, "DELETE", f"/sessions/{session}")

    def _read(self, client: httpx.Client, number: int) -> None:
        self._ask(client, "POST", "/jobs/counts", {"by": "state", "filter": {"site_id": self.site}})
        self._ask(client, "GET", f"/jobs/?site_id={self.site}&limit=20")
        self._ask(client, "POST", "/events/query", {"limit": 20, "ordering": ["-position"]})
        self._ask(client, "PATCH", f"/sites/{self.site}", {"path": f"/sites/{number}"})
        self._stop.wait(0.05)

    def finish(self, rounds: int) -> dict[str, int]:
        """Run what is left, and return the numbers of jobs by state."""
        with self._client() as client:
            for number in range(rounds):
                self._work(client, number)
            ask = {"by": "state", "filter": {"site_id": self.site}}
            return {str(state): int(n) for state, n in self._ask(client, "POST", "/jobs/counts", ask)["counts"].items()}
