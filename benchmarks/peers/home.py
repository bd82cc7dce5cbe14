"""Where the other systems live: a virtual environment in the cache folder, a Valkey of their own, and their processes.

Nothing of this is a part of Storax or needed by it.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from platformdirs import user_cache_path

from benchmarks.measure import progress
from benchmarks.peers.keeper import descendants
from storax.local.servers.binaries import valkey_program

# Each is installed for itself, so that one that cannot be had leaves the others.
NEEDS = {
    "hyperqueue": ("hyperqueue>=0.27,<1",),
    "parsl": ("parsl>=2026.1,<2028",),
    "celery": ("celery[redis]>=5.5,<6", "hiredis>=3,<4"),
    "rq": ("rq>=2.3,<3", "hiredis>=3,<4"),
}
BROKERED = {"celery", "rq"}
INSIDE = Path(__file__).with_name("inside")
KEEPER = Path(__file__).with_name("keeper.py")
INSTALL_SEC, START_SEC, STOP_SEC = 600.0, 15.0, 10.0


class PeerError(Exception):
    """A system that cannot be measured; the message says why."""


class Home:
    """The environment, and for the length of a ``with`` block whatever is started: the systems, their broker."""

    def __init__(self) -> None:
        self._venv = user_cache_path("storax") / f"bench-peers-py{sys.version_info.major}.{sys.version_info.minor}"
        self.folder = Path(tempfile.mkdtemp(prefix="storax-bench-"))
        self._socket = self.folder / "valkey.sock"
        self._started: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for one in self._started:
            if one.stdin:
                with suppress(OSError):
                    one.stdin.close()  # each ends its workers in its own order then
        for one in reversed(self._started):  # the broker was the first
            _ended(one)
        shutil.rmtree(self.folder, ignore_errors=True)

    def install(self, name: str) -> str:
        """Install a system if it is missing and return its version.

        Raises:
            PeerError: pip could not.
        """
        needs = NEEDS[name]
        stamp = self._venv / f"{name}-{hashlib.sha256(repr(needs).encode()).hexdigest()[:12]}"
        if not stamp.exists():
            progress(f"installing {', '.join(needs)} into {self._venv}")
            if not self._python.exists():
                self._run(sys.executable, "-m", "venv", str(self._venv))
            self._run(str(self._python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *needs)
            stamp.touch()
        code = f"import importlib.metadata as m; print(m.version({name!r}))"
        return self._run(str(self._python), "-c", code).strip()

    def start(self, name: str) -> "subprocess.Popen[str]":
        """Start a system's script of ``inside``; its pipes carry lines, its words go to a log in ``folder``.

        Raises:
            PeerError: it needs the broker, and that does not start.
        """
        if name in BROKERED and not self._socket.exists():
            self._start_valkey()
        pipe, argv = subprocess.PIPE, (self._python, INSIDE / f"with_{name}.py")
        return self._keep(name, *argv, stdin=pipe, stdout=pipe)

    def log(self, name: str) -> Path:
        """Return the path of a system's log."""
        return self.folder / f"{name}.log"

    def pids(self) -> list[int]:
        """Return the ids of all processes started here that still run, detached ones too."""
        return [pid for one in self._started for pid in (one.pid, *descendants(one.pid))]

    @property
    def _python(self) -> Path:
        return self._venv / "bin" / "python"

    def _environment(self, name: str) -> dict[str, str]:
        own = self.folder / name
        own.mkdir(exist_ok=True)
        path = f"{self._python.parent}{os.pathsep}{os.environ['PATH']}"  # Parsl looks for its programs there
        own_variables = {"PATH": path, "PYTHONPATH": str(INSIDE), "PYTHONDONTWRITEBYTECODE": "1"}
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("STORAX_", "PYTHON"))}
        return {**kept, **own_variables, "STORAX_BENCH_FOLDER": str(own), "STORAX_BENCH_VALKEY": str(self._socket)}

    def _start_valkey(self) -> None:
        """Over a Unix socket in a folder of ours, and with nothing kept on disk: the fastest a broker can be."""
        argv = [valkey_program(), "--port", "0", "--unixsocket", self._socket, "--unixsocketperm", "700", "--save", "",
                "--appendonly", "no", "--dir", self.folder]  # fmt: skip
        valkey = self._keep("valkey", *map(str, argv), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SEC
        while not self._socket.exists():
            if valkey.poll() is not None or time.monotonic() > deadline:
                raise PeerError(f"the other systems' Valkey did not start: {self.log('valkey').read_text()[-500:]}")
            time.sleep(0.02)

    def _keep(self, name: str, *argv: str | Path, stdin: int, stdout: int) -> "subprocess.Popen[str]":
        with self.log(name).open("w") as log:
            process = subprocess.Popen(
                [sys.executable, KEEPER, *argv], env=self._environment(name), cwd=self.folder,
                stdin=stdin, stdout=stdout, stderr=log, text=True, start_new_session=True,
            )  # fmt: skip
        self._started.append(process)
        return process

    @staticmethod
    def _run(*argv: str) -> str:
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=INSTALL_SEC, check=False)
        except subprocess.TimeoutExpired as error:
            raise PeerError(f"{argv[0]} did not end within {INSTALL_SEC:.0f} s") from error
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if not line.startswith("WARNING")]
            raise PeerError(lines[-1] if lines else f"{argv[0]} ended with {done.returncode}")
        return done.stdout


def _ended(one: "subprocess.Popen[str]") -> None:
    """Wait until a process has ended, and end it if it does not end by itself."""
    if one.stdin:
        with suppress(subprocess.TimeoutExpired):
            one.wait(STOP_SEC)
    one.terminate()
    one.wait()
