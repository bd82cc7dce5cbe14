"""`storax queue`: allocations of a site's scheduler, inside which its jobs run. In Python: BatchJob."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, cast

import typer

from storax.cli.terminal import complete
from storax.cli.terminal.confirm import DryRun, Yes, confirmed
from storax.cli.terminal.failures import UsageError
from storax.cli.terminal.listing import Limit, Listing, age, run_time
from storax.cli.terminal.output import Columns, Form, Output, note
from storax.cli.terminal.parse import pairs
from storax.cli.terminal.presence import absence_noted
from storax.cli.terminal.select import site_id
from storax.cli.terminal.visible import say


def why(status_info: Mapping[str, Any] | None) -> str:
    """Return the reason, in a BatchJob's ``status_info``, why it failed or waits; empty if none is given."""
    status = status_info or {}
    loops = "; ".join(f"{name}: {error}" for name, error in (status.get("failing_loops") or {}).items())
    return str(status.get("error") or loops or status.get("waits") or status.get("reason") or "")


QUEUE = Listing(
    "allocation",
    ("id", "state", "site", "num_nodes", "wall_time_min", "age", "duration", "queue", "project", "scheduler_id", "why"),
    ("id", "state", "site", "queue", "project", "num_nodes", "wall_time_min", "age", "duration", "job_mode",
     "filter_tags", "scheduler_id", "why", "status_info", "start_time", "end_time", "creation_date"),
    computed={
        "why": (("status_info",), lambda row: why(row["status_info"])),
        "age": (("creation_date",), age),
        "duration": (("start_time", "end_time"), run_time),
    },
)  # fmt: skip
OPEN = ("pending_submission", "queued", "running")

app = typer.Typer(
    help="Request allocations (BatchJobs) from a site's scheduler.",
    no_args_is_help=True,
    epilog="""\b
Examples:
  storax queue submit --site cluster -n 4 -t 60 --queue debug --project myproject
  storax queue ls""",
)


SchedulerSite = Annotated[
    str, typer.Option("--site", metavar="NAME", help="Site of the scheduler.", autocompletion=complete.sites)
]


@app.command("submit")
def submit(
    *,
    site: SchedulerSite,
    num_nodes: Annotated[
        int | None, typer.Option("--num-nodes", "-n", min=1, help="Number of nodes. Default: 1, or those of the parts.")
    ] = None,
    wall_time: Annotated[int, typer.Option("--wall-time", "-t", min=1, help="Wall time, in minutes.")] = 60,
    queue: Annotated[str, typer.Option("--queue", "-q", help="Queue. Default: that of the site.")] = "",
    project: Annotated[str, typer.Option("--project", "-A", help="Project to charge. Default: that of the site.")] = "",
    mode: Annotated[
        str, typer.Option("--job-mode", "-m", metavar="mpi|serial", help="mpi: multi-node jobs; serial: one rank.")
    ] = "serial",
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="Only jobs with this tag.")
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option("--param", "-p", metavar="KEY=VALUE", help="Parameter of the job script.")
    ] = None,
    part: Annotated[
        list[str] | None,
        typer.Option("--part", metavar="MODE:NODES[:KEY=VALUE...]", help="A part with its own nodes, mode and tags."),
    ] = None,
) -> None:
    """Request an allocation, and print its id.

    \b
    Examples:
      storax queue submit --site cluster -n 4 -t 60 --queue debug --project myproject
      storax queue submit --site cluster -n 1 --tag experiment=foo
      storax queue submit --site cluster --part mpi:3:kind=wide --part serial:1
    """
    from storax.models.batch_job import BatchJob

    job_mode = _job_mode(mode)
    partitions = [_partition(text) for text in part or []]
    with absence_noted():
        batch_job = BatchJob.objects.create(
            site_id=site_id(site),
            num_nodes=_total_nodes(num_nodes, partitions),
            wall_time_min=wall_time,
            queue=queue,
            project=project,
            job_mode=job_mode,
            filter_tags=pairs(tag or [], "--tag"),
            optional_params=pairs(param or [], "--param"),
            partitions=partitions or None,
        )
        say(str(batch_job.id))


def _job_mode(text: str) -> Literal["mpi", "serial"]:
    if text not in ("mpi", "serial"):
        raise UsageError(f"{text!r} is not a job mode.", hint="Use mpi or serial.")
    return cast("Literal['mpi', 'serial']", text)


def _total_nodes(num_nodes: int | None, partitions: Sequence[Mapping[str, Any]]) -> int:
    """Return --num-nodes, by default the nodes of the partitions, or 1; the two must agree."""
    total = sum(int(partition["num_nodes"]) for partition in partitions)
    if partitions and num_nodes not in (None, total):
        raise UsageError(f"The parts have {total} nodes, the allocation {num_nodes}.", hint="Omit --num-nodes.")
    return num_nodes or total or 1


def _partition(text: str) -> dict[str, Any]:
    """Parse ``MODE:NODES[:KEY=VALUE...]`` as a partition."""
    mode, _, rest = text.partition(":")
    nodes, _, tags = rest.partition(":")
    if mode not in ("mpi", "serial") or not nodes.isdecimal() or not int(nodes):
        raise UsageError(f"--part {text!r} is not MODE:NODES[:KEY=VALUE...].", hint="Write --part mpi:3:kind=wide")
    return {
        "job_mode": mode,
        "num_nodes": int(nodes),
        "filter_tags": pairs(tags.split(":") if tags else [], "--part ...:"),
    }


@app.command("ls")
def ls(
    *,
    site: Annotated[
        str | None, typer.Option("--site", metavar="NAME", help="Only at this site.", autocompletion=complete.sites)
    ] = None,
    state: Annotated[
        list[str] | None,
        typer.Option(
            "--state", "-s", metavar="STATE", help="Only in this state.", autocompletion=complete.allocation_states
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Include allocations that have ended.")] = False,
    limit: Limit = 100,
    output: Output = Form.TABLE,
    columns: Columns = None,
) -> None:
    """List waiting and running allocations, newest first.

    \b
    Examples:
      storax queue ls
      storax queue ls --all --site cluster -o json
    """
    from storax.models.batch_job import BatchJob

    filters: dict[str, Any] = {"site_id": site_id(site)} if site else {}
    if state or not everything:
        filters["state"] = state or [*OPEN, "pending_deletion"]
    only_open = not state and not everything
    empty = "No allocation is waiting or running; --all includes ended ones." if only_open else "No allocation matches."
    query = BatchJob.objects.filter(**filters).order_by("-id")
    QUEUE.print(query, form=output, columns=columns, limit=limit, empty=empty)


@app.command("rm")
def rm(
    ids: Annotated[list[int], typer.Argument(metavar="ID...", help="Ids of allocations.")],
    *,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Withdraw waiting allocations, and end running ones.

    \b
    Examples:
      storax queue rm 3
      storax queue rm 3 4 5 --yes
    """
    from storax.models.batch_job import BatchJob

    query = BatchJob.objects.filter(id=ids, state=list(OPEN))  # type: ignore[arg-type]
    if confirmed("end", query.count(), what="open allocation", yes=yes, dry_run=dry_run):
        note(f"Ending: {query.update(state='pending_deletion')}")
