"""The chart: lanes on one axis of time, with a bar for each run, or the number of runs in each part of the window."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from storax_api.web.frame.states import look_of
from storax_api.web.frame.times import duration, full
from storax_core.lifecycle.states import JobState
from storax_core.queries.activity.reads import BINS
from storax_core.queries.activity.window import Window

WIDTH, LEFT, LINE, GAP, PROFILE = 1000.0, 130.0, 12, 10, 30  # in units of the picture
TOP, BOTTOM = 6, 22
THINNEST = 1.5
MOST_LINES = 12  # of one lane; runs that overlap beyond that share the last one
TICKS = 5
Row = dict[str, Any]


@dataclass(frozen=True)
class Bar:
    """A rectangle of the picture, its colour, and what a pointer on it says."""

    x: float
    y: float
    width: float
    height: float
    tone: str
    text: str
    job_id: int | None = None


@dataclass
class Lane:
    """What is drawn beside one label."""

    key: int
    y: float
    height: float
    number: int
    bars: list[Bar] = field(default_factory=list)


@dataclass
class Chart:
    """Lanes from top to bottom, and the ticks of the axis."""

    lanes: list[Lane] = field(default_factory=list)
    ticks: list[tuple[float, str]] = field(default_factory=list)
    height: float = TOP

    def add(self, key: int, height: float, number: int) -> Lane:
        """Append a lane."""
        lane = Lane(key, self.height, height, number)
        self.lanes.append(lane)
        self.height += height + GAP
        return lane


def of_runs(rows: Sequence[Row], lane_of: str, window: Window) -> Chart:
    """Draw each run as a bar; in a lane, runs that overlap stand below one another."""
    chart, scale = Chart(), (WIDTH - LEFT) / window.length.total_seconds()
    lanes: dict[int, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["started"]):
        lanes.setdefault(row[lane_of] or 0, []).append(row)
    for key, runs in lanes.items():
        lines = list(_lines(runs))
        lane = chart.add(key, LINE * (max(lines) + 1), len(runs))
        lane.bars += [_bar(run, lane.y + LINE * line, window, scale) for run, line in zip(runs, lines, strict=True)]
    return _finished(chart, window)


def _lines(runs: Sequence[Row]) -> Iterator[int]:
    """Yield the line of each run: the first that is free when it starts."""
    ends: list[datetime] = []
    for run in runs:
        line = next((n for n, end in enumerate(ends) if end <= run["started"]), len(ends))
        line = min(line, MOST_LINES - 1)
        if line == len(ends):
            ends.append(run["ended"])
        else:
            ends[line] = max(ends[line], run["ended"])
        yield line


def _bar(run: Row, y: float, window: Window, scale: float) -> Bar:
    seconds = max(0.0, (run["ended"] - run["started"]).total_seconds())
    x = LEFT + (run["started"] - window.since).total_seconds() * scale
    outcome = run["outcome"] or JobState.RUNNING
    text = f"job {run['job_id']}: {duration(seconds)} from {full(run['started'])}, {outcome}"
    width = max(THINNEST, seconds * scale)
    return Bar(round(min(x, WIDTH - THINNEST), 1), y, round(width, 1), LINE - 2, tone_of(outcome), text, run["job_id"])


def tone_of(outcome: str) -> str:
    """Return the colour of a run by how it ended: its first state after it."""
    return "good" if outcome == JobState.RUN_DONE else look_of(outcome).tone


def of_levels(rows: Sequence[Row], window: Window) -> Chart:
    """Draw how many runs there were in each part of the window; a lane is as high as its most."""
    chart, width = Chart(), (WIDTH - LEFT) / BINS
    for row in rows:
        lane, most = chart.add(row["lane"], PROFILE, row["number"]), max(row["levels"])
        for place, level in enumerate(row["levels"]):
            if level > 0:
                height = max(1.0, PROFILE * level / most)
                text = f"{full(window.since + window.length * place / BINS)}: {level:.2f} at once"
                x, y = LEFT + width * place, lane.y + PROFILE - height
                lane.bars.append(Bar(round(x, 1), round(y, 1), round(width, 1), round(height, 1), "running", text))
    return _finished(chart, window)


def _finished(chart: Chart, window: Window) -> Chart:
    for number in range(TICKS + 1):
        moment = window.since + window.length * number / TICKS
        text = moment.strftime("%H:%M" if window.length.days < 1 else "%m-%d %H:%M")
        chart.ticks.append((round(LEFT + (WIDTH - LEFT) * number / TICKS, 1), text))
    chart.height += BOTTOM
    return chart


def gaps(rows: Sequence[Row], window: Window) -> list[tuple[datetime, float]]:
    """Return when nothing ran and for how many seconds, the longest first."""
    idle, end = [], window.since
    for row in sorted(rows, key=lambda row: row["started"]):
        if row["started"] > end:
            idle.append((end, (row["started"] - end).total_seconds()))
        end = max(end, row["ended"])
    now = min(window.until, datetime.now(window.until.tzinfo))
    if now > end:
        idle.append((end, (now - end).total_seconds()))
    return sorted(idle, key=lambda gap: -gap[1])
