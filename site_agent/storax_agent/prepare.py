"""From a leased Job and its App to a process to start, or to the reason why this site will not start it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any

from storax_agent.commands import Command, CommandError, parse, values_of
from storax_agent.inside import PathError, split
from storax_agent.launchers.base import Lease, Work
from storax_agent.launchers.processes import RESULT_VARIABLE
from storax_agent.policy import Policy


class RefusedError(ValueError):
    """This site will not run the job; the message says why and becomes the job's."""


@dataclass
class Preparer:
    """Knows the site's size and rules, and remembers checked templates. ``submitter`` is the owner of the token."""

    results: Path
    cores: int
    gpus: int = 0
    policy: Policy = field(default_factory=Policy)
    submitter: str = ""
    _commands: dict[int, tuple[int, Command]] = field(default_factory=dict)

    def work(self, lease: Lease, job: Mapping[str, Any], app: Mapping[str, Any] | None) -> Work:
        """The process of one lease.

        Raises:
            RefusedError: the site's policy, the template, a parameter, the workdir or the job's size stand against it.
        """
        if app is None:
            raise RefusedError(f"its App {job.get('app_id')} came without a definition; it may have been deleted")
        objection = self.policy.objection(app, submitter=job.get("submitter") or self.submitter)
        if objection:
            raise RefusedError(objection)
        cores, gpus = self._footprint(job)
        try:
            split(job["workdir"])
            command = self._command(app)
            argv, carried = command.fill(values_of(command, job.get("parameters") or {}, app.get("parameters") or {}))
        except (CommandError, PathError) as error:
            raise RefusedError(str(error)) from error
        environment = {**_environment(app), **carried, **self._own(lease, job)}
        return Work(lease, argv, environment, job["workdir"], cores, gpus, 60.0 * (job.get("wall_time_min") or 0))

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

    def _footprint(self, job: Mapping[str, Any]) -> tuple[int, int]:
        """Whole cores and GPUs. Raises RefusedError for what can never fit."""
        nodes, ranks = job.get("num_nodes") or 1, job.get("ranks_per_node") or 1
        if nodes > 1:
            raise RefusedError(f"needs {nodes} nodes; this site has 1")
        threads, per_core = job.get("threads_per_rank") or 1, job.get("threads_per_core") or 1
        packing = job.get("node_packing_count") or 1
        cores = max(ceil(ranks * threads / per_core), ceil(self.cores / packing) if packing > 1 else 1)
        if cores > self.cores:
            raise RefusedError(f"needs {cores} cores; this site has {self.cores} (slots in its site.toml)")
        gpus = ceil(ranks * (job.get("gpus_per_rank") or 0.0))
        if gpus > self.gpus:
            raise RefusedError(f"needs {gpus} GPUs; this site has {self.gpus} (gpus in its site.toml)")
        return cores, gpus


def _environment(app: Mapping[str, Any]) -> dict[str, str]:
    given = app.get("environment") or {}
    for name, value in given.items():
        if not name or "=" in name or "\0" in name or "\0" in str(value):
            raise RefusedError(
                f"App environment variable {name!r} cannot be set: a name has no '=', and neither part a NUL"
            )
    return {name: str(value) for name, value in given.items()}
