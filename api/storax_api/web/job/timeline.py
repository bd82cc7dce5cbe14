"""The life of a job as a picture: one line for each attempt, on one axis of time, from its events."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from storax_api.web.frame.reads import Row
from storax_api.web.frame.states import look_of
from storax_api.web.frame.times import duration, parse, ticks
from storax_core.lifecycle.states import JOB_DONE

WIDTH, LEFT, LINE, TOP = 1000.0, 90.0, 26, 8  # of the picture, in its own units
THINNEST = 2.0
LINES = 20  # the newest attempts


@dataclass(frozen=True)
class Stage:
    """A time in one state; ``end`` is None while it lasts."""

    state: str
    attempt: int
    start: datetime
    end: datetime | None

    def seconds(self, now: datetime) -> float:
        """Return how long it lasted, or lasts."""
        return max(0.0, ((self.end or now) - self.start).total_seconds())


@dataclass(frozen=True)
class Bar:
    """A stage in the picture."""

    x: float
    y: int
    width: float
    tone: str
    text: str


@dataclass(frozen=True)
class Timeline:
    """The picture: bars, the labels of its lines, the ticks of its axis."""

    stages: list[Stage] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    lines: list[tuple[int, str]] = field(default_factory=list)
    ticks: list[tuple[float, str]] = field(default_factory=list)

    @property
    def height(self) -> int:
        """Return its height in units of the picture."""
        return TOP + LINE * len(self.lines) + 22


def stages(events: Sequence[Row]) -> Iterator[Stage]:
    """Yield the stages of a job from its events, oldest first; states of no duration are left out, but for runs."""
    moves = [event for event in events if event["to_state"]]
    attempt = 0
    for number, event in enumerate(moves):
        following = moves[number + 1] if number + 1 < len(moves) else None
        attempt += event["to_state"] == "RUNNING"
        if event["to_state"] in JOB_DONE:
            continue
        start, end = parse(event["timestamp"]), parse(following["timestamp"]) if following else None
        if end is None or end > start or event["to_state"] == "RUNNING":
            yield Stage(event["to_state"], attempt, start, end)


def timeline(events: Sequence[Row], now: datetime) -> Timeline:
    """Draw it; empty where there is nothing to draw."""
    every = list(stages(events))
    if not every:
        return Timeline()
    attempts = sorted({stage.attempt for stage in every})[-LINES:]
    shown = [stage for stage in every if stage.attempt in attempts]
    first, last = shown[0].start, max(stage.end or now for stage in shown)
    scale = (WIDTH - LEFT) / max(0.001, (last - first).total_seconds())
    line_of = {attempt: number for number, attempt in enumerate(attempts)}
    bars = [_bar(stage, line_of[stage.attempt], first, scale, now) for stage in shown]
    lines = [
        (TOP + LINE * number + 17, f"attempt {attempt}" if attempt else "before") for attempt, number in line_of.items()
    ]
    marks = ticks((last - first).total_seconds())
    return Timeline(every, bars, lines, [(round(LEFT + mark * scale, 1), text) for mark, text in marks])


def _bar(stage: Stage, line: int, first: datetime, scale: float, now: datetime) -> Bar:
    x = LEFT + (stage.start - first).total_seconds() * scale
    width = max(THINNEST, stage.seconds(now) * scale)
    text = f"{stage.state}: {duration(stage.seconds(now))}"
    return Bar(round(min(x, WIDTH - THINNEST), 1), TOP + LINE * line, round(width, 1), look_of(stage.state).tone, text)
