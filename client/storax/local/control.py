"""Start, stop, supervise and inspect a stack; the commands and the classes build on these functions."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from storax._runtime.processes import end, orphans, wait_gone
from storax.local.config import StackConfig
from storax.local.errors import LocalError, StackBusyError, StartError
from storax.local.folder import Folder
from storax.local.processes.stopping import stop_parts
from storax.local.servers.probes import http_get, http_status
from storax.local.state import Stack

_BUSY = os.EX_TEMPFAIL
_POLL_SEC = 0.02
_UP_SEC = 700.0  # a crashed Postgres may replay its log for long; a part that fails ends the wait at once
_DOWN_SEC = 120.0


@dataclass(frozen=True)
class PartStatus:
    """One line of `storax status`.

    Attributes:
        part: Name of the part.
        pid: Pid of its process; None when it does not run.
        state: ready, starting, restarting or stopped.
        address: Where it listens, as host:port; empty when it does not.
        uptime_sec: Seconds since its process started.
        restarts: How often the supervisor restarted it.
    """

    part: str
    pid: int | None
    state: str
    address: str
    uptime_sec: float
    restarts: int


def default_data() -> Path:
    """Return the data folder of `storax up`: ``STORAX_HOME/local``."""
    from storax._runtime import settings

    return settings.home() / "local"


def up(
    config: StackConfig, *, owner: int | None = None, report: Callable[[str, str], None] | None = None
) -> tuple[Stack, bool]:
    """Start the stack, or the parts of it that do not run, and wait until it is ready.

    Args:
        config: What to start.
        owner: Pid of a process whose end stops the stack; None, the default, keeps the stack running.
        report: Called with a part's name and state whenever the state of a part changes.

    Returns:
        The stack, and whether this call started it.

    Raises:
        LocalError: it cannot be started; the message ends with the log of the part that failed.
    """
    folder = Folder(config.data.expanduser().absolute())
    folder.check()
    progress = _Progress(report)
    started, deadline = False, time.monotonic() + _UP_SEC
    while time.monotonic() < deadline:
        stack = folder.read()
        if stack and stack.supervised:
            if started:
                progress.update(stack)
            if is_up(stack):
                _require_port(stack, config=config)
                return stack, started
        elif started:
            raise StartError(_end_reason(stack, folder=folder))
        else:
            started = _launch(config, folder=folder, owner=owner)
        time.sleep(_POLL_SEC)
    raise StartError(f"The stack in {folder.path} was not ready in time. See the logs in {folder.path / 'log'}.")


def down(data: Path) -> bool:
    """Stop the stack of a data folder, and every process that was started for it.

    Returns:
        Whether anything was running.

    Raises:
        StackBusyError: another process keeps starting it.
    """
    folder = Folder(data.expanduser().absolute())
    stack = folder.read()
    if stack is None:
        return False
    was_running, deadline = bool(stack.supervised or stack.alive()), time.monotonic() + _DOWN_SEC
    _stop_engine(stack)
    while time.monotonic() < deadline:
        _stop_supervisor(folder)
        lock = folder.lock()
        if lock is not None:
            try:
                return _stop_leftovers(folder) or was_running
            finally:
                os.close(lock)
        time.sleep(_POLL_SEC)
    raise StackBusyError(f"Another process is starting or stopping the stack in {folder.path}. Try again in a moment.")


def supervise(config: StackConfig) -> None:
    """Wait until the stack is stopped; restart its supervisor if that is killed.

    Raises:
        LocalError: the stack failed and could not be started again.
    """
    folder = Folder(config.data.expanduser().absolute())
    while True:
        stack = folder.read()
        if stack is None or (not stack.supervised and stack.phase in {"stopped", "failed"}):
            return
        if not stack.supervised:
            up(replace(config, port=None))
        elif stack.supervisor:
            wait_gone([stack.supervisor], timeout=3600)


def status(data: Path) -> tuple[Stack | None, list[PartStatus]]:
    """Return the stack of a data folder, and the status of its parts, the supervisor first.

    Raises:
        DataFolderError: it is no data folder of ours, or of a newer Storax.
    """
    folder = Folder(data.expanduser().absolute())
    folder.check()
    stack = folder.read()
    if stack is None:
        return None, []
    first = _part_status("supervisor", stack, state="ready" if stack.supervised else "stopped")
    return stack, [first, *(_part_status(name, stack, state=part.state) for name, part in stack.parts.items())]


def is_up(stack: Stack) -> bool:
    """Return whether the stack is supervised, all its parts run and its API is ready."""
    if not stack.supervised or stack.phase != "ready" or stack.alive().keys() != stack.parts.keys():
        return False
    settled = all(part.state == "ready" for part in stack.parts.values())
    return settled and (not stack.url or http_status(f"{stack.url}/readyz") == 200)


def stale_parts(stack: Stack) -> dict[str, float | None]:
    """Return the parts that run and get nothing done, with the seconds since their last heartbeat; None: never."""
    _, ready = http_get(f"{stack.url}/readyz") if stack.url else (0, None)
    beats = ready.get("heartbeats", {}) if isinstance(ready, dict) else {}
    return {name: beats.get(name) for name in (ready.get("stale", ()) if isinstance(ready, dict) else ())}


def stale_line(name: str, age_sec: float | None) -> str:
    """Return a stale part as a line for a terminal."""
    return f"The {name} works no more: " + ("no heartbeat yet" if age_sec is None else f"silent for {age_sec:.0f} s")


class _Progress:
    """Reports each change of a part's state once."""

    def __init__(self, report: Callable[[str, str], None] | None) -> None:
        self._report = report
        self._states: dict[str, str] = {}

    def update(self, stack: Stack) -> None:
        for name, part in stack.parts.items():
            if self._report and self._states.get(name) != part.state:
                self._states[name] = part.state
                self._report(name, part.state)


def _launch(config: StackConfig, *, folder: Folder, owner: int | None) -> bool:
    """Start a supervisor; return False when another process holds the folder."""
    arguments = ["--data", str(folder.path), *(["--port", str(config.port)] if config.port is not None else [])]
    arguments += ["--owner", str(owner)] if owner else []
    flags = {"--no-site": not config.site, "--servers-only": config.servers_only, "--no-fsync": not config.fsync}
    arguments += [flag for flag, on in flags.items() if on]
    command = [sys.executable, "-P", "-m", "storax.local", *arguments]
    process = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if process.returncode in (0, _BUSY):
        return process.returncode == 0
    raise StartError(process.stderr.strip() or f"The supervisor could not start. Its log: {folder.log('supervisor')}")


def _require_port(stack: Stack, *, config: StackConfig) -> None:
    if config.port is not None and stack.ports.get("api") != config.port:
        raise LocalError(
            f"The stack in {config.data} already runs at {stack.url}. Leave --port out, or stop it first: "
            f"storax down --data {config.data}"
        )


def _end_reason(stack: Stack | None, *, folder: Folder) -> str:
    if stack and stack.phase == "failed":
        return stack.error
    if stack and stack.phase == "stopped":
        return f"The stack in {folder.path} was stopped while it started."
    return f"The supervisor ended unexpectedly. Its log: {folder.log('supervisor')}"


def _stop_supervisor(folder: Folder) -> None:
    stack = folder.read()
    if stack and stack.supervisor and stack.supervised:
        stack.supervisor.send(signal.SIGTERM)
        wait_gone([stack.supervisor], timeout=_DOWN_SEC)


def _stop_engine(stack: Stack) -> None:
    """Stop the engine that scripts started for this stack."""
    from storax._engine import process
    from storax._engine.folder import EngineFolder

    if stack.url:
        process.stop(EngineFolder.default(), url=stack.url)


def _stop_leftovers(folder: Folder) -> bool:
    """Stop the processes that a killed supervisor left running; the caller holds the lock."""
    stack = folder.read()
    if stack is None:
        return False
    parts_ran = bool(stack.alive())
    stop_parts(stack.parts)
    left_behind = orphans(stack.id, commands=[part.argv for part in stack.parts.values()])
    end(left_behind, number=signal.SIGINT, grace=10.0)
    stack.parts.clear()
    folder.discard_sockets(stack)
    stack.phase = "failed" if stack.phase == "failed" else "stopped"
    folder.write(stack)
    return parts_ran or bool(left_behind)


def _part_status(name: str, stack: Stack, *, state: str) -> PartStatus:
    record = stack.parts.get(name)
    process = record.process if record else stack.supervisor
    alive = process is not None and process.alive()
    return PartStatus(
        part=name,
        pid=process.pid if process and alive else None,
        state=state if alive else ("restarting" if state == "restarting" and stack.supervised else "stopped"),
        address=record.address if record else "",
        uptime_sec=process.uptime() if process and alive else 0.0,
        restarts=record.restarts if record else 0,
    )
