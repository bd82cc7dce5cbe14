"""`storax job ls`, `show`, `summary` and `history`."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from storax.cli.job.durations import add_durations
from storax.cli.job.views import ViewName, saved_view
from storax.cli.terminal.failures import NOT_FOUND, CommandError
from storax.cli.terminal.listing import Limit, Listing, Order, age, named
from storax.cli.terminal.output import Columns, Form, Output, note, show, show_one
from storax.cli.terminal.select import Apps, AsOf, OlderThan, Selection, Selectors, Sites, States, Tags, one_id, recent
from storax.cli.terminal.visible import say

JOBS = Listing(
    "job",
    ("id", "state", "app", "site", "age", "duration", "tags", "workdir"),
    ("id", "state", "app", "site", "workdir", "tags", "age", "duration", "num_nodes", "attempt", "max_attempts",
     "losses", "return_code", "priority", "parent_ids", "session_id", "creation_date", "last_update"),
    computed={"age": (("creation_date",), age)},
    fetched={"duration": (("id", "state", "attempt"), add_durations)},
)  # fmt: skip
# Ages and durations are those of now.
THEN = Listing("job", ("id", "state", "app", "site", "tags", "workdir", "last_update"), JOBS.wide[:6] + JOBS.wide[8:])


def ls(
    context: typer.Context,
    jobs: Selectors = None,
    *,
    tag: Tags = None,
    state: States = None,
    site: Sites = None,
    app: Apps = None,
    view: ViewName = None,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Include jobs that ended over a day ago.")] = False,
    order: Order = "-id",
    limit: Limit = 100,
    older_than: OlderThan = None,
    as_of: AsOf = None,
    output: Output = Form.TABLE,
    columns: Columns = None,
) -> None:
    """List jobs that have not ended, or ended within a day. With ids, filters or a view, list all matching jobs.

    \b
    Examples:
      storax job ls
      storax job ls --state FAILED --tag experiment=foo
      storax job ls 1-100 --columns id,state,return_code
      storax job ls --view "failed last" --site cluster
      storax job ls --as-of 2026-01-31T08:00
      storax job ls --all --limit 0 -o csv > jobs.csv
    """
    selection, saved = Selection.of(jobs, tag, state, site, app, older_than), saved_view(view)
    if saved:
        order, limit, as_of, columns = saved.options(context, order, limit, as_of, columns)
    query: Any = saved.narrow(selection.query(as_of)) if saved else selection.query(as_of)
    narrowed = selection.is_empty and not everything and as_of is None and saved is None
    listing, query = JOBS if as_of is None else THEN, recent(query) if narrowed else query
    empty = "No job is under way." if narrowed else f"No job matches {_name(selection, view)}."
    ordered = query.order_by(*order.split(","))
    count = listing.print(ordered, form=output, columns=columns, limit=limit, empty=empty)
    if output.for_people:
        _foot(query.counts("state"), count, narrowed=narrowed)


def _name(selection: Selection, view: str | None) -> str:
    parts = [] if view is None else [f"--view {view}"]
    return " ".join(parts if parts and selection.is_empty else [*parts, str(selection)])


def _foot(counts: Mapping[str, int], shown: int, *, narrowed: bool) -> None:
    total = sum(counts.values())
    if total:
        rest = " (use --limit 0 for all)" if shown < total else ""
        note(f"{shown} of {total} {'job' if total == 1 else 'jobs'}: {format_counts(counts)}{rest}")
    if narrowed:
        note("Jobs that ended more than a day ago are not listed; use --all.")


def format_counts(counts: Mapping[str, int]) -> str:
    """Format counts by state, the largest first."""
    return ", ".join(f"{n} {state}" for state, n in sorted(counts.items(), key=lambda item: -item[1]))


def _show(rows: list[dict[str, Any]], output: Form, *, one: bool) -> None:
    """Print each with all its fields; whether JSON is a list depends on the selection, not on the number of matches."""
    rows = [_first(row, "id", "state", "app", "site", "workdir") for row in named(rows, ("app", "site"))]
    if one:
        show_one(rows[0], form=output)
    elif output.for_people:
        for index, row in enumerate(rows):
            if index:
                say()
            show_one(row, form=output)
    else:
        show(rows, form=output, columns=list(rows[0]))


def _first(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names} | row


def details(
    jobs: Selectors = None, tag: Tags = None, state: States = None, site: Sites = None, app: Apps = None,
    older_than: OlderThan = None, as_of: AsOf = None, output: Output = Form.TABLE,
) -> None:  # fmt: skip
    """Show all fields of jobs.

    \b
    Examples:
      storax job show 12
      storax job show 12 --as-of 2h
      storax job show last -o json
    """
    selection = Selection.of(jobs, tag, state, site, app, older_than).require("show")
    rows = selection.query(as_of).values()
    if not rows:
        raise CommandError(f"No job matches {selection}.", hint="It may have been deleted.", status=NOT_FOUND)
    _show(rows, output, one=selection.is_one)


def summary(
    jobs: Selectors = None, tag: Tags = None, state: States = None, site: Sites = None, app: Apps = None,
    by: Annotated[str, typer.Option("--by", metavar="FIELD", help="Field whose values are counted.")] = "state",
    older_than: OlderThan = None, as_of: AsOf = None, output: Output = Form.TABLE,
) -> None:  # fmt: skip
    """Count jobs by state, or by another field.

    \b
    Examples:
      storax job summary
      storax job summary --as-of 1d
      storax job summary --tag experiment=foo --by site
    """
    query = Selection.of(jobs, tag, state, site, app, older_than).query(as_of)
    field = {"app": "app_id", "site": "site_id"}.get(by, by)
    rows = [{field: value, "count": n} for value, n in query.counts(field).items()]
    rows = named(rows, [by]) if by != field else rows
    rows.sort(key=lambda row: -row["count"])
    if output is Form.JSON:
        show_one({str(row[by]): row["count"] for row in rows}, form=output)
        return
    show(rows, form=output, columns=[by, "count"])
    if output.for_people:
        note(f"{sum(row['count'] for row in rows)} jobs")


def history(
    job: Annotated[str, typer.Argument(help="Job id, or `last`.")], output: Output = Form.TABLE, columns: Columns = None
) -> None:
    """Show all events of a job, oldest first; also of a deleted job.

    \b
    Examples:
      storax job history 12
      storax job history last -o ndjson
    """
    from storax.cli.event import print_events
    from storax.models.event_log import EventLog

    job_id = one_id(job)
    events = EventLog.objects.filter(job_id=job_id).order_by("position")
    if not print_events(events, form=output, columns=columns, of_one=True):
        raise CommandError(f"Job {job_id} never existed.", hint="storax job ls --all lists jobs.", status=NOT_FOUND)
