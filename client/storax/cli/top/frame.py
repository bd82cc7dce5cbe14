"""One frame of `storax top`: lines that fit a terminal, with names in which nothing steers it."""

import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, get_args

from storax.cli.terminal.output import short, text_of
from storax.cli.terminal.streams import takes
from storax.cli.terminal.table import GAP, Column, Paint, fitted, table_lines
from storax.cli.top.snapshot import Row, Snapshot

SILENT = timedelta(seconds=90)  # an agent reports every few seconds; after this it is gone or cut off
FEWEST = 2  # rows of a table, however low the terminal
MANY = 20  # rows of a table where there is no terminal to fill
HEADS = 9  # lines above the rows of the three tables, blank ones too
FIXED = 4  # lines of the rates, and the blank one above them
NARROWEST = 40  # columns; a terminal that is narrower cuts the lines
RUNNING = ("id", "duration", "app", "site", "attempt", "workdir")
FAILURES = ("ago", "jobs", "app", "code", "newest_id", "failure_line")
SITES = ("site", "running", "agent")


class Size(NamedTuple):
    """Columns and lines of a terminal; None: there is none, and nothing is cut."""

    columns: int | None = None
    lines: int | None = None

    @classmethod
    def of_stdout(cls) -> "Size":
        """Return the columns of the terminal that stdout is, and no bound of its lines: it scrolls."""
        return cls(shutil.get_terminal_size().columns if sys.stdout.isatty() else None)


def lines(shown: Snapshot, size: Size, problem: str = "") -> list[str]:
    """Return the lines of a frame for stdout; ``problem`` says why it is not of now."""
    head = [_title(shown), *_states(shown.states, size.columns)]
    if problem:
        head.insert(1, _cell(f"Trying again; this is how it was. {problem}"))
    tables = (_running(shown), _failures(shown), _sites(shown))
    rooms = _rooms([len(rows) for _, _, rows in tables], size.lines and size.lines - len(head) - FIXED - HEADS)
    body = [*_table(("per minute", *next(iter(shown.rates.values()))), _rates(shown), size.columns)]
    for (title, names, rows), room in zip(tables, rooms, strict=True):
        body += ["", Paint(sys.stdout).bold(title), *_table(names, rows[:room], size.columns)]
    return [*head, "", *body]


def _title(shown: Snapshot) -> str:
    time = shown.time.astimezone().isoformat(" ", "seconds")
    jobs = sum(shown.states.values())
    return f"{time}{GAP}{jobs:,} {'job' if jobs == 1 else 'jobs'}{GAP}{_cell(shown.chosen.text)}"


def _states(counts: Mapping[str, int], columns: int | None) -> Iterator[str]:
    """Yield the states that jobs are in, in the order of a job's life, as many on a line as fit."""
    from storax.models.job import JobState

    order = [*get_args(JobState), *counts]
    paint, line, width = Paint(sys.stdout), "", 0
    for state in sorted(counts, key=order.index):
        text = f"{_cell(state)} {counts[state]:,}"
        if line and columns and width + len(GAP) + len(text) > columns:
            yield line
            line, width = "", 0
        line += (GAP if line else "") + paint.like(state, text)
        width += (len(GAP) if width else 0) + len(text)
    if line:
        yield line


def _rates(shown: Snapshot) -> list[Row]:
    return [
        {"per minute": name} | {what: round(rate, 1) for what, rate in rates.items()}
        for name, rates in shown.rates.items()
    ]


def _running(shown: Snapshot) -> tuple[str, Sequence[str], list[Row]]:
    number = shown.states.get("RUNNING", 0)
    return f"Running now: {number:,}, the oldest run first", RUNNING, list(shown.running)


def _failures(shown: Snapshot) -> tuple[str, Sequence[str], list[Row]]:
    rows = [row | {"ago": _ago(row["last"], shown.time), "code": row["return_code"]} for row in shown.failures]
    jobs = sum(row["jobs"] for row in rows)
    return f"Failures of the last day: {jobs:,} in {len(rows):,} groups, the newest first", FAILURES, rows


def _sites(shown: Snapshot) -> tuple[str, Sequence[str], list[Row]]:
    rows = [row | {"site": row["name"], "agent": _contact(row["last_refresh"], shown.time)} for row in shown.sites]
    rows.sort(key=lambda row: _is_active(row["last_refresh"], shown.time))
    return f"Sites: {len(rows):,}, those whose agent is silent first", SITES, rows


def _is_active(last_refresh: datetime | None, now: datetime) -> bool:
    return last_refresh is not None and _ago(last_refresh, now) < SILENT


def _contact(last_refresh: datetime | None, now: datetime) -> str:
    """Return when the agent of a site was heard last, as `storax site ls` says it."""
    if last_refresh is None:
        return "never started"
    presence = "active" if _is_active(last_refresh, now) else "silent"
    return f"{presence}, heard {short(_ago(last_refresh, now))} ago"


def _ago(time: datetime, now: datetime) -> timedelta:
    return max(now - time, timedelta())


def _rooms(wanted: Sequence[int], free: int | None) -> list[int]:
    """Share lines among tables: those that need least first, so that as many as possible have all they need."""
    rooms = [min(number, MANY if free is None else FEWEST) for number in wanted]
    if free is None:
        return rooms
    free -= sum(rooms)
    for left, place in enumerate(sorted(range(len(wanted)), key=wanted.__getitem__)):
        more = min(wanted[place] - rooms[place], max(0, free) // (len(wanted) - left))
        rooms[place] += more
        free -= more
    return rooms


def _table(names: Sequence[str], rows: Sequence[Row], columns: int | None) -> Iterator[str]:
    """Yield a table with a line for each row; where it does not fit, its last column is cut first."""
    if not rows:
        yield "none"
        return
    every = [_column(name, [row[name] for row in rows]) for name in names]
    if columns:
        every = fitted(every, max(columns, NARROWEST))
        last, others = every[-1], sum(column.width + len(GAP) for column in every[:-1])
        last.width = max(last.width, min(last.natural, columns - others))
    yield from table_lines(every, sys.stdout)


def _column(name: str, values: Sequence[Any]) -> Column:
    column = Column.of(name, values, [_cell(value) for value in values], essential=False)
    column.essential = False  # a name that is too long is cut: one line is one row
    return column


def _cell(value: Any) -> str:
    """Return a value as stdout takes it, so that its width is that on the screen."""
    text = text_of(value)
    if takes(text, sys.stdout):
        return text
    return text.encode(sys.stdout.encoding, "backslashreplace").decode(sys.stdout.encoding)
