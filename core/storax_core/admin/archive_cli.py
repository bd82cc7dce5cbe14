"""``storax admin archive`` and ``archives``: move old events to files, list and check those."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from storax_core.admin.options import EXIT_DIFFERENT, SealKey, Url, fail, named, run
from storax_core.errors import Invalid

MIB = 1 << 20
Folder = Annotated[
    Path | None,
    typer.Option(
        "--folder", envvar="STORAX_ARCHIVE_FOLDER", help="Folder for the files; every API process reads them there."
    ),
]


def archive(
    before: Annotated[
        str, typer.Option(metavar="TIME|POSITION", help="Archive events before this time, with its offset from UTC, "
                          "or before this position.")
    ],
    folder: Folder = None,
    database_url: Url = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be archived; change nothing.")] = False,
    seal_key_file: SealKey = "",
) -> None:  # fmt: skip
    """Move old events from the log to Parquet files. Reads of the past, events and verify still have them.

    Only events that are sealed and published are archived, always the oldest first, and the newest event stays. A file
    is compared with the seals before its events are dropped. The command can be ended at any time and repeated.

    \b
    Examples:
      storax admin archive --before 2026-01-01T00:00:00Z --folder /srv/storax/archive --dry-run
      storax admin archive --before 5000000 --folder /srv/storax/archive
    """
    from storax_core.admin import archive as work
    from storax_core.log.sealing import Sealing

    url, moment = named(database_url), _before(before)
    if dry_run:
        _print_plan(run(work.plan(url, moment)))
        return
    if folder is None:
        raise fail(Invalid("no folder is named", hint="Pass --folder, or set STORAX_ARCHIVE_FOLDER."))

    async def archived() -> Any:
        return await work.run(url, moment, folder, key=Sealing.of("", seal_key_file).key, report=_print_progress)

    run(archived())


def _before(text: str) -> int | datetime:
    try:
        moment = int(text) if text.isdecimal() else datetime.fromisoformat(text)
    except ValueError:
        raise fail(Invalid(f"--before {text} is neither a position nor a time")) from None
    if isinstance(moment, datetime) and moment.tzinfo is None:
        raise fail(Invalid(f"--before {text} has no offset from UTC", hint=f"Write {text}Z for UTC."))
    return moment


def _print_plan(todo: Any) -> None:
    if not todo.ranges:
        typer.echo("Nothing to archive: no sealed event is that old and not archived yet.")
        return
    low, high = todo.ranges[0].low + 1, todo.ranges[-1].high
    typer.echo(
        f"{todo.events} events at positions {low} to {high}, {todo.size / MIB:.1f} MiB in the log,"
        f" in {len(todo.ranges)} archives"
    )


def _print_progress(todo: Any, done: Any) -> None:
    if done is None:
        _print_plan(todo)
        return
    number = sum(part.high <= done.high for part in todo.ranges)
    size = (done.events_bytes + done.baseline_bytes) / MIB
    typer.echo(
        f"{number}/{len(todo.ranges)}: archived positions {done.low + 1} to {done.high}, {done.events} events,"
        f" {done.baseline_rows} rows of baseline, {size:.1f} MiB"
    )


def archives(
    database_url: Url = None,
    check: Annotated[
        bool, typer.Option("--check", help="Read all files and compare them with the seals. Exit status 6 if they "
                           "differ, or one is missing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:  # fmt: skip
    """List the archives of the log, with the files that must be kept.

    \b
    Examples:
      storax admin archives
      storax admin archives --check
    """
    from storax_core.admin.archive import listed

    known, problems = run(listed(named(database_url), check=check))
    if as_json:
        typer.echo(json.dumps({"archives": known, "problems": problems}, default=str))
    else:
        for one in known:
            moments = f"{one['first_at']:%Y-%m-%d %H:%M} to {one['last_at']:%Y-%m-%d %H:%M} UTC"
            typer.echo(f"positions {one['low'] + 1} to {one['high']}: {one['events']} events of {moments}")
            typer.echo(f"  {Path(one['folder']) / one['events_file']}  {one['events_bytes'] / MIB:.1f} MiB")
            typer.echo(f"  {Path(one['folder']) / one['baseline_file']}  {one['baseline_bytes'] / MIB:.1f} MiB")
        typer.echo("\n".join([*problems, f"{len(known)} archives" + (f", {len(problems)} problems" if check else "")]))
    if problems:
        raise typer.Exit(EXIT_DIFFERENT)
