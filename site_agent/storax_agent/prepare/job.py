"""From a leased Job and its App to a process to start, or to the reason why this site will not start it."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from storax_agent.allocations.placement import Placement
from storax_agent.files.safe_path import PathError, split
from storax_agent.launch.footprint import Footprint, footprint
from storax_agent.launch.mpi.base import Launch, Ranks
from storax_agent.launch.packing import Capacity, objection
from storax_agent.launch.spawner.processes import RESULT_VARIABLE
from storax_agent.launch.work import Lease, Work
from storax_agent.prepare.command import Command, CommandError, parse, values_of
from storax_agent.prepare.functions.sources import Sources, method_of, with_preamble
from storax_agent.settings.policy import Policy

MEND = {name: f" ({key} in its site.toml)" for name, key in
        (("cores", "slots"), ("gpus", "gpus"), ("memory", "memory_mb"))}  # fmt: skip
PYTHON = "STORAX_PYTHON"  # where Storax is installed at this site, for commands that need it
MAX_ARGUMENT = 131_072  # bytes of one argument or variable, with its end: MAX_ARG_STRLEN of Linux
HOOK_SEC = 3600.0  # a hook that takes longer holds a core for nothing


class RefusedError(ValueError):
    """This site will not run the job; the message says why and becomes the job's."""


class MisplacedError(ValueError):
    """It is too large for us, and may fit elsewhere at the site; the message says why."""


@dataclass
class Preparer:
    """Knows the site's size and rules, and remembers checked templates. ``submitter`` is the owner of the token.

    ``nodes`` is what each node has, None for a single one of the site's size; ``memory_mb`` 0 is not known; ``launch``
    starts ranks on this machine, and is None where the launcher itself sees to that. ``places`` are those of the site
    where jobs may run as well, None where nobody knows them all. ``client`` returns the variables that lead a Storax
    client in a job to this site's server.
    """

    results: Path
    cores: int
    gpus: int = 0
    policy: Policy = field(default_factory=Policy)
    submitter: str = ""
    nodes: Sequence[Capacity] | None = None
    where: str = "this site"
    whole_nodes: bool = False
    launch_params: list[str] | None = None
    launch: tuple[str, Launch] | None = None
    functions: Path | None = None
    memory_mb: int = 0
    places: Sequence[Placement] | None = ()
    client: Callable[[], Mapping[str, str]] = dict
    _commands: dict[int, tuple[int, Command]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        folder = self.functions or self.results.with_name("functions")
        self.sources = Sources(folder, pickles=self.policy.allow_pickle)

    def work(self, lease: Lease, job: Mapping[str, Any], app: Mapping[str, Any] | None) -> Work:
        """The process of one lease.

        Raises:
            RefusedError: the site's policy, the template, a parameter or the workdir stand against it, or no place of
                the site can hold it.
            MisplacedError: another place of the site may hold it; we cannot.
        """
        if app is None:
            raise RefusedError(f"its App {job.get('app_id')} came without a definition; it may have been deleted")
        method = method_of(job, app)
        if flaw := self.policy.objection(app, submitter=self.submitter, method=method) or _dos_lines(app):
            raise RefusedError(flaw)
        foot = footprint(job, whole_nodes=self.whole_nodes)
        try:
            split(job["workdir"])
            if method:
                return self._call(lease, job, app, method, foot)
            command = self._command(app)
            argv, carried = command.fill(values_of(command, job.get("parameters") or {}, app.get("parameters") or {}))
        except (CommandError, PathError) as error:
            raise RefusedError(str(error)) from error
        if app.get("shell_preamble"):
            argv = with_preamble(app["shell_preamble"], argv)
        environment = {**self.client(), **_environment(app), **carried, **self._own(lease, job), PYTHON: _python(app)}
        limit, expected = _times(job)
        work = Work(
            lease, argv, environment, job["workdir"], foot.cores, foot.gpus, limit, *foot[2:], expected_sec=expected
        )
        self._check(work)
        return self._launched(work) if foot.ranks > 1 and self.launch is not None else work

    def _call(self, lease: Lease, job: Mapping[str, Any], app: Mapping[str, Any], method: str, foot: Footprint) -> Work:
        """A call of ``run`` or a hook; a hook takes one core, whatever its job takes."""
        if method == "run" and foot.nodes * foot.ranks > 1:
            return self._ranks(lease, job, app, foot)
        threads = job.get("threads_per_rank") or 1 if method == "run" else 1
        environment = {**self.client(), **_environment(app), "OMP_NUM_THREADS": str(threads)}
        try:
            program = self.sources.program(app, environment)
        except OSError as error:
            raise RefusedError(f"the source of App {app.get('name')!r} cannot be kept here: {error}") from error
        call = self.sources.call(method, program, job, app)
        cores, gpus, packing = foot[:3] if method == "run" else (1, [], 0)
        limit, expected = _times(job) if method == "run" else (HOOK_SEC, 0.0)
        work = Work(
            lease, program.argv, environment, job["workdir"], cores, gpus, limit, packing,
            memory_mb=foot.memory_mb if method == "run" else 0, call=call, expected_sec=expected,
        )  # fmt: skip
        self._check(work)
        return work

    def _ranks(self, lease: Lease, job: Mapping[str, Any], app: Mapping[str, Any], foot: Footprint) -> Work:
        """A call of ``run`` in several ranks: one process for each, as of a command."""
        own = self._own(lease, job)
        try:
            argv = self.sources.ranks(lease, job, app, result=own[RESULT_VARIABLE])
        except OSError as error:
            raise RefusedError(f"the source of App {app.get('name')!r} cannot be kept here: {error}") from error
        except ValueError as error:
            raise RefusedError(str(error)) from error
        wall_sec = 60.0 * (job.get("wall_time_min") or 0)
        environment = {**_environment(app), **own}
        work = Work(lease, argv, environment, job["workdir"], foot.cores, foot.gpus, wall_sec, *foot[2:])
        self._check(work)
        return self._launched(work) if self.launch is not None else work

    def _command(self, app: Mapping[str, Any]) -> Command:
        version = app.get("version", 0)
        known = self._commands.get(app["id"])
        if known is None or known[0] != version:
            known = (version, parse(app["command_template"], use_shell=bool(app.get("use_shell"))))
            self._commands[app["id"]] = known
        return known[1]

    def _own(self, lease: Lease, job: Mapping[str, Any]) -> dict[str, str]:
        return {
            "STORAX_JOB_ID": str(lease.job_id),
            "OMP_NUM_THREADS": str(job.get("threads_per_rank") or 1),
            RESULT_VARIABLE: f"{self.results}/{lease.name}.json",
        }

    def _check(self, work: Work) -> None:
        """Raises MisplacedError or RefusedError for what cannot fit here, and RefusedError for launch parameters that
        this site does not take, and for an argument that no program can get."""
        _check_arguments(work)
        if work.stage in ("", "run"):
            self._fits(work)
        # A launch command can be made to run another program, so a site that names its Apps names these as well.
        allowed = self.launch_params if self.launch_params is not None or self.policy.allowed_apps is None else []
        if allowed is not None and (strange := sorted(set(work.params) - set(allowed))):
            raise RefusedError(
                f"site policy: launch_params {strange[0]!r} is not in launch_params of [launcher] of this site"
            )

    def _fits(self, work: Work) -> None:
        own = [Capacity(self.cores, self.gpus, self.memory_mb)] if self.nodes is None else self.nodes
        why = objection(own, work, where=self.where, mend=MEND if self.nodes is None else {})
        if not why:
            return
        others = None if self.places is None else [place.objection(work) for place in self.places]
        if others is None or "" in others:
            raise MisplacedError(why)
        reason = "; ".join(others) or why
        raise RefusedError(f"no place of this site can hold it: {reason}" if len(others) > 1 else reason)

    def _launched(self, work: Work) -> Work:
        """All ranks on this machine."""
        assert self.launch is not None  # noqa: S101
        name, launch = self.launch
        if name == "none":
            raise RefusedError(
                f"needs {work.ranks} ranks, and the agent finds no mpiexec on its PATH; install an MPI, or set launch "
                '= "local" in [launcher] of site.toml to start such jobs as one process'
            )
        argv, more = launch.command(work.argv, Ranks((), work.ranks, work.threads, (), work.params))
        return replace(work, argv=argv, environment={**work.environment, **more})


def _times(job: Mapping[str, Any]) -> tuple[float, float]:
    """The hard limit of a run, and what it is expected to take; seconds."""
    return 60.0 * (job.get("wall_time_limit_min") or 0), 60.0 * (job.get("wall_time_min") or 0)


def _dos_lines(app: Mapping[str, Any]) -> str:
    for name in ("shell_preamble", *(("command_template",) if app.get("use_shell") else ())):
        if "\r\n" in (app.get(name) or ""):
            return (
                f"{name} of App {app.get('name')!r} has DOS line ends (CR LF), which a shell takes for part of a word"
            )
    return ""


def _python(app: Mapping[str, Any]) -> str:
    return str(app.get("python_exe") or sys.executable)


def _environment(app: Mapping[str, Any]) -> dict[str, str]:
    environment = app.get("environment") or {}
    for name, value in environment.items():
        if not name or "=" in name or "\0" in name or "\0" in str(value):
            raise RefusedError(
                f"App environment variable {name!r} cannot be set: a name has no '=', and neither part a NUL"
            )
    return {name: str(value) for name, value in environment.items()}


def _check_arguments(work: Work) -> None:
    """Raise RefusedError for an argument or a variable that is longer than Linux passes to a program."""
    for what, text in (*enumerate(work.argv), *work.environment.items()):
        size = len(text.encode(errors="surrogatepass")) if len(text) * 4 >= MAX_ARGUMENT else 0
        if size >= MAX_ARGUMENT:
            name = f"argument {what}" if isinstance(what, int) else f"environment variable {what}"
            raise RefusedError(
                f"{name} has {size:,} bytes, and a program can get {MAX_ARGUMENT - 1:,}; pass the path of a file"
            )
