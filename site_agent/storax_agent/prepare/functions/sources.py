"""From an App with Python code to the command of a worker that has it loaded."""

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from storax._jobs.shipping.at_site import OF_RUN
from storax._runtime.atomic_files import atomic_write
from storax.models.job_rules import HOOKS
from storax_agent.launch.protocol.worker_messages import VERSION
from storax_agent.launch.work import Call, Lease

WORKER = Path(__file__).with_name("worker.py")
RANKS = Path(__file__).with_name("worker_ranks.py")
MAX_CALL = 120_000  # bytes; the kernel takes 131,072 for one argument


class Program(NamedTuple):
    """The worker of one App: what to start, and the key by which a warm one is known."""

    argv: list[str]
    key: str


def method_of(job: Mapping[str, Any], app: Mapping[str, Any]) -> str:
    """Which method of the App is to be called for this job now: a hook, ``run``, or none for a command."""
    hook = HOOKS.get(job.get("state") or "")
    return hook or ("" if app.get("command_template") else "run")


def with_preamble(preamble: str, argv: list[str]) -> list[str]:
    """``argv``, after a shell has run the App's preamble; the words of the command never become shell text."""
    return ["/bin/sh", "-c", f'{preamble}\nexec "$@"', "sh", *argv] if preamble else argv


@dataclass
class Sources:
    """Writes the source of each App to a file of its own, named by its digest, for the workers to load."""

    folder: Path
    pickles: bool = False
    _programs: dict[tuple[Any, ...], Program] = field(default_factory=dict)

    def program(self, app: Mapping[str, Any], environment: Mapping[str, str]) -> Program:
        """The worker for this App in this environment. Raises OSError where the source cannot be written."""
        marks = (app["id"], app.get("version"), *sorted(environment.items()))
        known = self._programs.get(marks)
        if known is None:
            known = self._programs[marks] = self._program(app, environment)
        return known

    def ranks(self, lease: Lease, job: Mapping[str, Any], app: Mapping[str, Any], *, result: str) -> list[str]:
        """The command of each rank of a call of ``run``, which leaves its outcome in the file ``result``.

        Raises:
            OSError: the source cannot be written.
            ValueError: the parameters are too large for a command.
        """
        call = self.call("run", Program([], ""), job, app)
        row = {"type": "call", "lease": lease.name, "method": "run", "parameters": call.parameters, "job": call.job}
        text = json.dumps(row)
        if len(text) > MAX_CALL:
            raise ValueError(
                f"its parameters take {len(text)} bytes, and run() in ranks may have {MAX_CALL}; put them in a file"
            )
        python = app.get("python_exe") or sys.executable
        argv = [python, str(RANKS), self._file(app), result, str(int(self.pickles)), str(VERSION), text]
        return with_preamble(app.get("shell_preamble") or "", argv)

    def _file(self, app: Mapping[str, Any]) -> str:
        source = str(app.get("source_code") or "").encode(errors="surrogatepass")
        path = self.folder / f"{hashlib.sha256(source).hexdigest()}.py"
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        atomic_write(path, source, mode=0o600)
        return str(path)

    def _program(self, app: Mapping[str, Any], environment: Mapping[str, str]) -> Program:
        argv = [app.get("python_exe") or sys.executable, str(WORKER), self._file(app)]
        argv = with_preamble(app.get("shell_preamble") or "", argv)
        identity = json.dumps([argv, sorted(environment.items()), self.pickles])
        return Program(argv, hashlib.sha256(identity.encode(errors="surrogatepass")).hexdigest()[:20])

    def call(self, method: str, program: Program, job: Mapping[str, Any], app: Mapping[str, Any]) -> Call:
        """The call that the worker gets."""
        if method != "run":
            return Call(method, program.key, self.pickles, {}, dict(job))
        parameters = {**defaults(app), **(job.get("parameters") or {})}
        return Call(method, program.key, self.pickles, parameters, {name: job.get(name) for name in OF_RUN})


def defaults(app: Mapping[str, Any]) -> dict[str, Any]:
    """The declared values of parameters that a job may leave out."""
    rules = (app.get("parameters") or {}).items()
    return {name: rule["default"] for name, rule in rules if not rule.get("required", True) and "default" in rule}
