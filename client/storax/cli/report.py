"""`storax report`: one HTML file about a campaign of jobs."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from storax.cli.terminal.failures import NOT_FOUND, CommandError
from storax.cli.terminal.select import Apps, AsOf, OlderThan, Selection, Selectors, Sites, States, Tags
from storax.cli.terminal.streams import write_bytes
from storax.cli.terminal.visible import note
from storax.report import LIMIT, MAX_LIMIT

STDOUT = Path("-")


def register(app: typer.Typer) -> None:
    """Add the command of this file to the root command."""
    app.command("report")(report)


def report(
    jobs: Selectors = None,
    tag: Tags = None,
    state: States = None,
    site: Sites = None,
    app: Apps = None,
    older_than: OlderThan = None,
    as_of: AsOf = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="HTML file to write; - means stdout.")
    ] = Path("report.html"),
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    limit: Annotated[
        int, typer.Option("--limit", "-l", min=1, max=MAX_LIMIT, help="Greatest number of jobs; the newest count.")
    ] = LIMIT,
) -> None:
    """Write a report on jobs: numbers, charts and failures in one HTML file, without scripts.

    \b
    Examples:
      storax report --tag campaign=night -o night.html
      storax report --tag campaign=night --as-of 2026-01-31T08:00 -o night.html --force
      storax report 1-500 -o - > report.html
    """
    from storax import errors
    from storax import report as reports

    selection = Selection.of(jobs, tag, state, site, app, older_than)
    try:
        if output == STDOUT:
            content = reports.html(reports.read(selection.query(as_of), limit=limit, command=_command()))
            write_bytes([content.encode()])
            return
        written = reports.write(selection.query(as_of), output, limit=limit, force=force, command=_command())
    except errors.DoesNotExist as error:
        raise CommandError(
            f"No job matches {selection}.", hint="List jobs: storax job ls --all", status=NOT_FOUND
        ) from error
    summary = written.summary
    note(f"Wrote {output}: {summary.jobs:,} of {written.matching:,} jobs, at position {written.provenance.position}.")


def _command() -> str:
    """Return the command line of this process, as a shell takes it."""
    return shlex.join(["storax", *sys.argv[1:]])
