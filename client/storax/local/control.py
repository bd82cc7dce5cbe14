"""Bring a stack up, take it down, and see how it is: what the commands and the classes are made of."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from storax._runtime.processes import end, strays, wait_gone
from storax.local.errors import LocalError, StackBusyError, StartError
from storax.local.folder import Folder
from storax.local.plan import Wish
from storax.local.processes.stopping import stop_parts
from storax.local.servers.probes import http_status
from storax.local.state import Stack

_BUSY = os.EX_TEMPFAIL
_POLL_SEC = 0.02
_UP_SEC = 700.0  # a crashed Postgres may replay its log for long; a part that fails ends the wait at once
_DOWN_SEC = 120.0


@dataclass(frozen=True)
class PartStatus:
    """One line of `storax status`.

    Attributes:
        part: its name.
        pid: of its process; None when it does not run.
        state: ready, starting, restarting or stopped.
        address: where it listens, as host:port.
        uptime_sec: seconds since its process started.
        restarts: how often it was started again.
    """

    part: str
    pid: int | None
    state: str
    address: str
    uptime_sec: float
    restarts: int


def default_data() -> Path:
    """The data folder of `storax up`: ``STORAX_HOME/local``."""
    from storax._runtime import settings

    return settings.home() / "local"


def up(wish: Wish, *, owner: int | None = None, report: Callable[[str, str], None] | None = None) -> tuple[Stack, bool]:
    """Start the stack of a data folder, or what is missing of it, or find that it runs.

    Args:
        wish: what to start.
        owner: pid of a process whose end stops the stack; None keeps it running.
        report: called with a part's name and state whenever one changes.

    Returns:
        The stack, and whether it had to be started.

    Raises:
        LocalError: it cannot be started; the message ends with the log of the part that failed.
    """
    folder = Folder(wish.data.expanduser().absolute())
    folder.check()
    progress = _Progress(report)
    ours, deadline = False, time.monotonic() + _UP_SEC
    while time.monotonic() < deadline:
        stack = folder.read()
        if stack and stack.supervised:
            progress.see(stack, loud=ours)
            if is_up(stack):
                return _fitting(stack, wish=wish), ours
        elif ours:
            raise StartError(_why_it_ended(stack, folder=folder))
        else:
            ours = _launch(wish, folder=folder, owner=owner)
        time.sleep(_POLL_SEC)
    raise StartError(f"The stack in {folder.path} was not ready in time. See the logs in {folder.path / 'log'}.")


def down(data: Path) -> bool:
    """Stop the stack of a data folder, with every process that was started for it.

    Returns:
        Whether anything was running.

    Raises:
        StackBusyError: another process keeps starting it.
    """
    folder = Folder(data.expanduser().absolute())
    stack = folder.read()
    if stack is None:
        return False
    ran, deadline = bool(stack.supervised or stack.alive()), time.monotonic() + _DOWN_SEC
    _stop_engine(stack)
    while time.monotonic() < deadline:
        _ask_supervisor(folder)
        lock = folder.lock()
        if lock is not None:
            try:
                return _stop_remains(folder) or ran
            finally:
                os.close(lock)
        time.sleep(_POLL_SEC)
    raise StackBusyError(f"Another process is starting or stopping the stack in {folder.path}. Try again in a moment.")


def attend(wish: Wish) -> None:
    """Return when the stack was stopped; until then, start its supervisor again should that be killed.

    Raises:
        LocalError: the stack failed and could not be started again.
    """
    folder = Folder(wish.data.expanduser().absolute())
    while True:
        stack = folder.read()
        if stack is None or (not stack.supervised and stack.phase in {"stopped", "failed"}):
            return
        if not stack.supervised:
            up(replace(wish, port=None))
        elif stack.supervisor:
            wait_gone([stack.supervisor], timeout=3600)


def status(data: Path) -> tuple[Stack | None, list[PartStatus]]:
    """What runs of the stack of a data folder; the supervisor comes first.

    Raises:
        DataFolderError: it is no data folder of ours, or of a newer Storax.
    """
    folder = Folder(data.expanduser().absolute())
    folder.check()
    stack = folder.read()
    if stack is None:
        return None, []
    first = _line("supervisor", stack, state="ready" if stack.supervised else "stopped")
    return stack, [first, *(_line(name, stack, state=part.state) for name, part in stack.parts.items())]


def is_up(stack: Stack) -> bool:
    """Whether the stack is supervised, all its parts run and its API is ready."""
    if not stack.supervised or stack.phase != "ready" or stack.alive().keys() != stack.parts.keys():
        return False
    settled = all(part.state == "ready" for part in stack.parts.values())
    return settled and (not stack.url or http_status(f"{stack.url}/readyz") == 200)


class _Progress:
    """Tells of each change of a part's state once."""

    def __init__(self, report: Callable[[str, str], None] | None) -> None:
        self._report = report
        self._seen: dict[str, str] = {}

    def see(self, stack: Stack, *, loud: bool) -> None:
        if self._report is None or not loud:
            return
        for name, part in stack.parts.items():
            if self._seen.get(name) != part.state:
                self._seen[name] = part.state
                self._report(name, part.state)


def _launch(wish: Wish, *, folder: Folder, owner: int | None) -> bool:
    """Start a supervisor; False when another process has the folder just now."""
    words = ["--data", str(folder.path), *(["--port", str(wish.port)] if wish.port is not None else [])]
    words += ["--owner", str(owner)] if owner else []
    words += [flag for flag, wanted in (("--no-site", not wish.site), ("--servers-only", wish.servers_only),
                                        ("--no-fsync", not wish.fsync)) if wanted]  # fmt: skip
    command = [sys.executable, "-P", "-m", "storax.local", *words]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if ended.returncode in (0, _BUSY):
        return ended.returncode == 0
    raise StartError(ended.stderr.strip() or f"The supervisor could not start. Its log: {folder.log('supervisor')}")


def _fitting(stack: Stack, *, wish: Wish) -> Stack:
    if wish.port is not None and stack.ports.get("api") != wish.port:
        raise LocalError(
            f"The stack in {wish.data} already runs at {stack.url}. Leave --port out, or stop it first: "
            f"storax down --data {wish.data}"
        )
    return stack


def _why_it_ended(stack: Stack | None, *, folder: Folder) -> str:
    if stack and stack.phase == "failed":
        return stack.error
    if stack and stack.phase == "stopped":
        return f"The stack in {folder.path} was stopped while it started."
    return f"The supervisor ended unexpectedly. Its log: {folder.log('supervisor')}"


def _ask_supervisor(folder: Folder) -> None:
    stack = folder.read()
    if stack and stack.supervisor and stack.supervised:
        stack.supervisor.send(signal.SIGTERM)
        wait_gone([stack.supervisor], timeout=_DOWN_SEC)


def _stop_engine(stack: Stack) -> None:
    """Stop the engine that scripts have started for this stack."""
    from storax._engine import process
    from storax._engine.folder import EngineFolder

    if stack.url:
        process.stop(EngineFolder.default(), url=stack.url)


def _stop_remains(folder: Folder) -> bool:
    """Stop what a supervisor that was killed left running; the caller holds the lock."""
    stack = folder.read()
    if stack is None:
        return False
    found = bool(stack.alive())
    stop_parts(stack.parts)
    orphans = strays(stack.id, commands=[part.argv for part in stack.parts.values()])
    end(orphans, number=signal.SIGINT, grace=10.0)
    stack.parts.clear()
    folder.discard_sockets(stack)
    stack.phase = "failed" if stack.phase == "failed" else "stopped"
    folder.write(stack)
    return found or bool(orphans)


def _line(name: str, stack: Stack, *, state: str) -> PartStatus:
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
