"""`storax job failures`: what went wrong, and how often."""

from typing import Annotated, Any

import typer

from storax.cli.terminal.listing import named
from storax.cli.terminal.output import Columns, Form, Output, chosen, note, show
from storax.cli.terminal.parse import when
from storax.cli.terminal.select import Apps, Selection, Selectors, Sites, Tags

NARROW = ("jobs", "app", "return_code", "first", "last", "newest_id", "failure_line")
EVERY = (*NARROW, "app_id")


def failures(
    jobs: Selectors = None, tag: Tags = None, site: Sites = None, app: Apps = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="WHEN", help="A time, or so long ago (2h). Default: 7 days ago.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="Greatest number of groups.")] = 100,
    output: Output = Form.TABLE, columns: Columns = None,
) -> None:  # fmt: skip
    """Group failed jobs by what went wrong: App, exit code, and last line of the error without numbers and paths.

    \b
    Examples:
      storax job failures
      storax job failures --since 2h --tag experiment=foo
      storax job failures -o json
    """
    query: Any = Selection.of(jobs, tag, None, site, app, None).query()
    if since is not None:
        query = query.filter(last_update_after=when(since))
    groups = query.failures(limit=limit)
    names = chosen(output, columns, narrow=NARROW, wide=NARROW, every=EVERY)
    rows = named([group._asdict() for group in groups], ("app",))
    show([{name: row[name] for name in names} for row in rows], form=output, columns=names, named=bool(columns))
    if output.for_people:
        note(_foot(sum(group.jobs for group in groups)))


def _foot(number: int) -> str:
    if not number:
        return "No failed job matches."
    jobs = "1 failed job" if number == 1 else f"{number} failed jobs"
    return f"{jobs}. storax job explain NEWEST_ID says more; the page Failures (storax open) runs a group again."
