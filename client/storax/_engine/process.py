"""The engine's process: find it, start it if it does not run, stop it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from storax import _installation as installation
from storax._engine.folder import EngineFolder, Running
from storax._runtime.processes import end
from storax.errors import EngineDown

START_WITHIN_SEC = 30.0
STOP_WITHIN_SEC = 10.0
_POLL_SEC = 0.02
_TAIL_LINES = 8


def ensure(folder: EngineFolder, *, url: str, token: str | None) -> tuple[Running, bool]:
    """The engine of this folder, started if none runs; and whether it had to be started.

    Raises:
        EngineDown: it cannot be started, or works for another server.
    """
    folder.prepare()
    starting = folder.lock("start.lock", wait=True)  # of several scripts that begin at once, one starts it
    try:
        running = folder.read()
        if running is not None:
            return _fitting(running, url=url), False
        return _start(folder, url=url, token=token), True
    finally:
        if starting is not None:
            os.close(starting)


def stop(folder: EngineFolder, *, url: str | None = None) -> bool:
    """Stop the engine of this folder, with ``url`` only if it works for that server; return whether one ran."""
    running = folder.read()
    if running is None or (url is not None and running.url != url):
        return False
    end([running.process], number=signal.SIGTERM, grace=STOP_WITHIN_SEC)
    return True


def _fitting(running: Running, *, url: str) -> Running:
    if running.url == url:
        return running
    raise EngineDown(
        f"The engine that runs here (pid {running.process.pid}) works for {running.url}, and this script for {url}.",
        hint="End it with `storax engine stop` (what is not saved is lost), or set STORAX_HOME to another folder.",
    )


def _start(folder: EngineFolder, *, url: str, token: str | None) -> Running:
    environment = {**os.environ, "STORAX_URL": url, "PYTHONUNBUFFERED": "1"}
    environment.pop("STORAX_TOKEN", None)
    if token:
        environment["STORAX_TOKEN"] = token
    begin = folder.log.stat().st_size if folder.log.exists() else 0
    # -P: a file of the user's that is named like a library must not be imported in its place.
    command = [sys.executable, "-P", "-m", "storax_engine", "serve", str(folder.path)]
    with folder.log.open("ab") as log:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd="/", start_new_session=True
        )
    deadline = time.monotonic() + START_WITHIN_SEC
    while time.monotonic() < deadline:
        running = folder.read()
        if running is not None:
            child.returncode = 0  # it outlives this process, which need not be told how it ended
            return running
        if child.poll() is not None:
            raise EngineDown("The engine did not start.", hint=_why(folder.log, begin))
        time.sleep(_POLL_SEC)
    child.kill()
    child.wait()
    raise EngineDown(f"The engine did not start within {START_WITHIN_SEC:.0f} s.", hint=_why(folder.log, begin))


def _why(log: Path, begin: int) -> str:
    with log.open("rb") as file:
        file.seek(begin)
        lines = file.read().decode(errors="replace").strip().splitlines()
    if any("No module named" in line for line in lines):
        return f"Install it: {installation.add_extra('engine')}"
    return "\n".join([f"Its log, {log}, ends with:", *lines[-_TAIL_LINES:]])
