"""`storax job create`, one job or many with every field, and `submit`, the short way for one app."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from secrets import token_hex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from storax.cli.job import options as o
from storax.cli.job.follow import await_jobs
from storax.cli.job.rows import Row, fill_workdirs, merged, read_rows, sweeps
from storax.cli.terminal import complete
from storax.cli.terminal.failures import UsageError
from storax.cli.terminal.output import Form, note, show
from storax.cli.terminal.parse import pairs, values
from storax.cli.terminal.presence import absence_noted
from storax.cli.terminal.select import one_id

if TYPE_CHECKING:
    from storax.models.job import Job

NEW = ("id", "state", "workdir", "parameters", "tags")
PLANNED = ("app", "workdir", "parameters", "tags")


def create(
    *,
    app: o.App = None,
    site: o.Site = None,
    workdir: o.Workdir = None,
    param: o.Param = None,
    tag: o.Tag = None,
    num_nodes: o.Nodes = None,
    ranks_per_node: o.Ranks = None,
    threads_per_rank: o.Threads = None,
    threads_per_core: o.HyperThreads = None,
    gpus_per_rank: o.Gpus = None,
    mem_per_node_mb: o.Memory = None,
    node_packing_count: o.Packing = None,
    wall_time_min: o.WallTime = None,
    wall_time_limit_min: o.WallTimeLimit = None,
    launch_param: o.LaunchParam = None,
    parent: o.Parent = None,
    on_parent_failure: o.OnParentFailure = None,
    max_attempts: o.Attempts = None,
    max_losses: o.Losses = None,
    retry_delay_sec: o.RetryDelay = None,
    priority: o.Priority = None,
    transfer: o.Transfer = None,
    from_json: o.FromJson = None,
    param_sweep: o.Sweep = None,
    dry_run: o.DryRun = False,
    wait: o.Wait = False,
    output: o.Printed = Form.IDS,
) -> None:
    """Create jobs, and print their ids. Options are defaults for the rows of --from-json.

    \b
    Examples:
      storax job create --app Hello --site laptop -w runs/1 -p name=world --tag experiment=foo
      storax job create --app Simulate -w 'sweep/{x}' --param-sweep x=1:10 --parent 12
      storax job create --app Simulate --from-json jobs.csv --dry-run
    """
    options = {
        "app": app, "site": site, "workdir": workdir, "num_nodes": num_nodes, "ranks_per_node": ranks_per_node,
        "threads_per_rank": threads_per_rank, "threads_per_core": threads_per_core, "gpus_per_rank": gpus_per_rank,
        "mem_per_node_mb": mem_per_node_mb, "node_packing_count": node_packing_count, "wall_time_min": wall_time_min,
        "wall_time_limit_min": wall_time_limit_min, "max_attempts": max_attempts, "max_losses": max_losses,
        "retry_delay_sec": retry_delay_sec, "priority": priority, "on_parent_failure": on_parent_failure,
        "parameters": values(param or [], "--param"), **_texts(tag, launch_param, transfer), "parent_ids": _ids(parent),
    }  # fmt: skip
    base = {name: value for name, value in options.items() if value not in (None, {}, [])}
    _create(_rows(base, _file_rows(from_json), param_sweep or []), dry_run=dry_run, wait=wait, output=output)


def _texts(tag: list[str] | None, launch_param: list[str] | None, transfer: list[str] | None) -> Row:
    """The fields whose options are KEY=VALUE."""
    return {
        "tags": pairs(tag or [], "--tag"),
        "launch_params": pairs(launch_param or [], "--launch-param"),
        "transfers": pairs(transfer or [], "--transfer"),
    }


def _ids(texts: list[str] | None) -> list[int]:
    return [one_id(item) for text in texts or () for item in text.split(",")]


def submit(
    app: Annotated[str, typer.Argument(help="Name of the App to run.", autocompletion=complete.apps)],
    parameters: o.Parameters = None,
    *,
    site: o.Site = None,
    workdir: o.Workdir = None,
    tag: o.Tag = None,
    param_sweep: o.Sweep = None,
    dry_run: o.DryRun = False,
    wait: o.Wait = False,
    output: o.Printed = Form.IDS,
) -> None:
    """Create a job of an App, and print its id. For all options use `storax job create`.

    \b
    Examples:
      storax job submit Hello name=world --wait
      storax job submit Simulate steps:=100 --param-sweep seed=1:20 --tag experiment=foo
    """
    base: Row = {"app": app, "parameters": values(parameters or [], "parameter"), "tags": pairs(tag or [], "--tag")}
    base |= {name: value for name, value in (("site", site), ("workdir", workdir)) if value}
    _create(_rows(base, [{}], param_sweep or []), dry_run=dry_run, wait=wait, output=output)


def _file_rows(source: str | None) -> Sequence[Row]:
    return read_rows(source) if source else [{}]


def _rows(base: Row, file_rows: Sequence[Row], sweep_options: Sequence[str]) -> list[Row]:
    """Make one row for each job: every row of the file with every combination of the sweeps, with its own workdir."""
    rows = [merged(merged(base, row), {"parameters": swept}) for row in file_rows for swept in sweeps(sweep_options)]
    stamp = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{token_hex(2)}"
    fill_workdirs(rows, default=f"{str(base.get('app', 'job')).lower()}/{stamp}")
    return rows


def _create(rows: Sequence[Row], *, dry_run: bool, wait: bool, output: Form) -> None:
    jobs = _jobs(rows)
    count = f"{len(jobs)} {'job' if len(jobs) == 1 else 'jobs'}"
    if dry_run:
        show([{name: row.get(name) for name in PLANNED} for row in rows], form=Form.TABLE, columns=PLANNED, named=True)
        note(f"Would create {count}. Nothing was created.")
        return
    with absence_noted():
        _save(jobs)
        fields = NEW if output.for_people or output is Form.IDS else jobs[0]._columns
        show(({name: getattr(job, name) for name in fields} for job in jobs), form=output, columns=fields)
        if output.for_people:
            note(f"Created {count}.")
    if wait:
        await_jobs(jobs, timeout=None, until=lambda _job: False)


def _save(jobs: "list[Job]") -> None:
    from storax.models.job import Job

    if len(jobs) == 1:
        jobs[0].save()
    else:
        Job.objects.bulk_create(jobs)


def _jobs(rows: Sequence[Row]) -> "list[Job]":
    """Make unsaved jobs; ``parent_refs`` of a row are indices of other rows, counted from 0."""
    jobs: dict[int, Job] = {}
    for index in _parents_first(rows):
        jobs[index] = _job(rows[index], jobs)
    return [jobs[index] for index in range(len(rows))]


def _parents_first(rows: Sequence[Row]) -> Iterable[int]:
    for row in rows:
        refs = row.get("parent_refs") or []
        if any(not isinstance(ref, int) or not 0 <= ref < len(rows) for ref in refs):
            hint = f"Rows are 0 to {len(rows) - 1}."
            raise UsageError(f"parent_refs {refs} names a row that does not exist.", hint=hint)
    from graphlib import CycleError, TopologicalSorter

    try:
        return list(TopologicalSorter({n: row.get("parent_refs") or [] for n, row in enumerate(rows)}).static_order())
    except CycleError as error:
        raise UsageError(
            f"Rows {error.args[1]} depend on each other.", hint="Remove the cycle from parent_refs."
        ) from None


def _job(row: Row, jobs: "Mapping[int, Job]") -> "Job":
    from storax.models.job import Job

    fields: Any = {name: value for name, value in row.items() if name not in ("site", "parent_refs")}
    if not fields.get("app") and not fields.get("app_id"):
        raise UsageError("A job needs an App.", hint="Name it with --app, or in the column `app`.")
    if row.get("site"):
        fields["site_name"] = row["site"]
    if refs := row.get("parent_refs"):
        fields["parent_ids"] = [*(row.get("parent_ids") or []), *(jobs[ref] for ref in refs)]
    return Job(**fields)
