"""Bars over time in characters, and the scale below them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import chain, count, groupby

from storax.cli.job.pictures.stages import Stage

# What a state looks like; a run is drawn last, so that a short one is seen.
KINDS = ("waiting", "staging", "post", "running")
_KIND_OF = {
    "CREATED": "waiting", "AWAITING_PARENTS": "waiting", "PREPROCESSED": "waiting", "RESTART_READY": "waiting",
    "READY": "staging", "STAGED_IN": "staging", "RUNNING": "running",
}  # fmt: skip
BOXES = {"waiting": "·", "staging": "░", "running": "█", "post": "▒"}
ASCII = {"waiting": ".", "staging": ":", "running": "#", "post": "="}
# Seconds between the marks of a scale: what people count in.
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800)
_DAY = 86400
GAP = 2  # columns between the texts of two marks
FAILED_RUN = ("RUN_ERROR", "RUN_TIMEOUT", "FAILED", "CANCELLED")


@dataclass(frozen=True)
class Scale:
    """The time from ``begin`` to ``end``, a second or more, on ``width`` columns."""

    begin: datetime
    end: datetime
    width: int

    @classmethod
    def of(cls, stages: Sequence[Stage], now: datetime, width: int) -> "Scale":
        """Make one that has all of some stages; those that last end now."""
        begin = min((stage.begin for stage in stages), default=now)
        end = max((stage.end or now for stage in stages), default=now)
        return cls(begin, max(end, begin + timedelta(seconds=1)), width)

    @property
    def seconds(self) -> float:
        """Return its length."""
        return (self.end - self.begin).total_seconds()

    def column(self, moment: datetime) -> int:
        """Return the column of a moment: 0 for the begin, ``width`` for the end."""
        return (moment - self.begin) * self.width // (self.end - self.begin)


@dataclass(frozen=True)
class Piece:
    """A part of a bar: its characters, and the state in whose colour they are."""

    text: str
    state: str = ""


def kind_of(state: str) -> str:
    """Return what a stage is: waiting, staging (in, and the hook preprocess), running, or post (what follows a run)."""
    return _KIND_OF.get(state, "post")


def bar(stages: Sequence[Stage], scale: Scale, now: datetime, characters: dict[str, str]) -> list[Piece]:
    """Return the bar of a job, without blanks at its end: every run takes a column at least.

    A run from the second one on begins with its number, or with ``+`` from the tenth on.
    """
    cells = [(" ", "")] * scale.width
    for stage in sorted(stages, key=lambda stage: KINDS.index(kind_of(stage.state))):
        first = min(scale.column(stage.begin), scale.width - 1)
        last = max(first + 1, scale.column(stage.end or now))
        text = characters[kind_of(stage.state)] * (last - first)
        if stage.state == "RUNNING" and stage.attempt > 1:
            text = (str(stage.attempt) if stage.attempt < 10 else "+") + text[1:]
        cells[first:last] = [(character, _colour(stage)) for character in text][: scale.width - first]
    while cells and cells[-1] == (" ", ""):
        cells.pop()
    parts = groupby(cells, key=lambda cell: cell[1])
    return [Piece("".join(character for character, _ in part), state) for state, part in parts]


def _colour(stage: Stage) -> str:
    """Return the state whose colour a stage has: that of the outcome for a run that failed."""
    return str(stage.outcome) if stage.state == "RUNNING" and stage.outcome in FAILED_RUN else stage.state


def marks(scale: Scale, zone: tzinfo | None = None) -> str:
    """Return the line below the bars: ``|`` at round times of day in a zone, by default that of this machine."""
    line = ""
    for column, text in _marks(scale, zone):
        if column + len(text) <= scale.width:
            line = line.ljust(column) + text
    return line


def _marks(scale: Scale, zone: tzinfo | None) -> Iterator[tuple[int, str]]:
    step, form = _step(scale)
    start = scale.begin.astimezone(zone)
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    number = -(-int((start - midnight) / timedelta(microseconds=1)) // (step * 1_000_000))
    while (moment := midnight + number * timedelta(seconds=step)) <= scale.end:
        yield scale.column(moment), f"|{moment.astimezone(zone):{form}}"
        number += 1


def _step(scale: Scale) -> tuple[int, str]:
    """Return the smallest step in seconds whose marks have room, and the form of their texts."""
    for step in chain(_STEPS, (_STEPS[-1] * 2**power for power in count(1))):
        form = _form(step, scale.seconds)
        needed = len(f"|{scale.begin:{form}}") + GAP
        if scale.seconds / step * needed <= scale.width:
            return step, form
    raise AssertionError("steps have no end")


def _form(step: int, seconds: float) -> str:
    if step >= _DAY:
        return "%Y-%m-%d"
    clock = "%H:%M:%S" if step < 60 else "%H:%M"
    return clock if seconds < _DAY else f"%m-%d {clock}"
