"""`storax job timeline`: the stages of jobs as bars over time."""

import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from storax.cli.job.pictures.bars import ASCII, BOXES, KINDS, Scale, bar, marks
from storax.cli.job.pictures.stages import Stage, stages_of
from storax.cli.terminal.output import Form, Output, note, short, show
from storax.cli.terminal.select import Apps, OlderThan, Selection, Selectors, Sites, States, Tags, recent
from storax.cli.terminal.streams import takes
from storax.cli.terminal.table import GAP, Paint
from storax.cli.terminal.visible import say_coloured

NEWEST = 40
COLUMNS = ("job", "stage", "attempt", "begin", "end", "duration_sec")
NARROWEST = 20  # columns of a bar
Stages = Mapping[int, Sequence[Stage]]


def timeline(
    jobs: Selectors = None, tag: Tags = None, state: States = None, site: Sites = None, app: Apps = None,
    older_than: OlderThan = None,
    limit: Annotated[int, typer.Option("--limit", "-l", min=0, help="Largest number of jobs, the newest; 0: all.")]
    = NEWEST,
    output: Output = Form.TABLE,
) -> None:  # fmt: skip
    """Show the stages of jobs over time: a bar for each job, and the scale below in local time.

    Without ids or filters, show jobs that have not ended, or ended within a day. A bar tells waiting (for parents, for
    room, for the next attempt), staging (files, and the hook preprocess), running, and post (hooks and files after a
    run). From the second attempt on, a run begins with its number. DURATION is that of the last run.

    -o json, csv and ndjson print a row for each stage. Its name is the state, as on the web page; `end` is empty while
    it lasts, and `attempt` is 0 before the first run.

    \b
    Examples:
      storax job timeline
      storax job timeline 12 15-20
      storax job timeline --tag experiment=foo --limit 100
      storax job timeline --state FAILED -o csv > stages.csv
    """
    selection = Selection.of(jobs, tag, state, site, app, older_than)
    query: Any = recent(selection.query()) if selection.is_empty else selection.query()
    newest = query.order_by("-id")[:limit] if limit else query.order_by("-id")
    states: dict[int, str] = dict(reversed(newest.values_list("id", "state")))
    if output is Form.IDS:
        show(({"id": number} for number in states), form=output, columns=("id",))
        return
    stages, now = stages_of(list(states)), datetime.now(UTC)
    if not output.for_people:
        show(_rows(stages, now), form=output, columns=COLUMNS)
    elif states:
        say_coloured(*_lines(states, stages, now))
        _foot(query, len(states), limit)
    else:
        note(
            "No job is under way, and none ended within a day."
            if selection.is_empty
            else f"No job matches {selection}."
        )


def _rows(stages: Stages, now: datetime) -> Iterator[dict[str, Any]]:
    for number, every in stages.items():
        for stage in every:
            values = (number, stage.state, stage.attempt, stage.begin, stage.end, stage.duration(now))
            yield dict(zip(COLUMNS, values, strict=True))


def _foot(query: Any, shown: int, limit: int) -> None:
    total = query.count() if shown == limit else shown
    if total > shown:
        note(f"The newest {shown} of {total} jobs; use --limit 0 for all.")


def _lines(states: Mapping[int, str], stages: Stages, now: datetime) -> Iterator[str]:
    """Yield a table whose last column is the bar, the marks below it, and what they mean."""
    heads = ("ID", "STATE", "DURATION")
    cells = [(str(number), state, _duration(stages[number], now)) for number, state in states.items()]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    before = sum(widths) + len(GAP) * len(widths)
    width = max(NARROWEST, shutil.get_terminal_size().columns - before)
    scale = Scale.of([stage for every in stages.values() for stage in every], now, width)
    characters = BOXES if takes("".join(BOXES.values()), sys.stdout) else ASCII
    paint = Paint(sys.stdout)
    yield paint.bold(_row(heads, widths).rstrip())
    for cell, every in zip(cells, stages.values(), strict=True):
        pieces = bar(every, scale, now, characters)
        drawn = "".join(paint.like(piece.state, piece.text) for piece in pieces)
        yield paint.state(cell[1], padded=_row(cell, widths)) + drawn
    yield " " * before + marks(scale)
    begin, end = (moment.astimezone().isoformat(" ", "seconds") for moment in (scale.begin, scale.end))
    yield f"{begin} to {end}: {short(scale.end - scale.begin)}"
    yield GAP.join(f"{characters[kind]} {kind}" for kind in sorted(KINDS, key=list(characters).index))


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    number, state, duration = cells
    return GAP.join((number.rjust(widths[0]), state.ljust(widths[1]), duration.rjust(widths[2]), ""))


def _duration(stages: Sequence[Stage], now: datetime) -> str:
    """Return how long the last run took or takes, as `storax job ls` says it."""
    runs: list[timedelta] = [stage.duration(now) for stage in stages if stage.state == "RUNNING"]
    return short(runs[-1]) if runs else "-"
