"""Times and durations as people read them: UTC, with the age beside it."""

import math
from datetime import UTC, datetime

UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
# Seconds between the ticks of an axis: what people count in. Below a second and above a week these go on by tens.
ROUND = (
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1_800,
    3_600,
    7_200,
    10_800,
    21_600,
    43_200,
    86_400,
    172_800,
    604_800,
)
TICKS = 6  # at most, beside the first one


def parse(value: str | datetime) -> datetime:
    """Return a moment of an answer as a datetime in UTC."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return moment.astimezone(UTC)


def duration(seconds: float) -> str:
    """Return a duration in its two largest units, such as ``2 h 5 min``; below 10 s with one decimal."""
    if 0 < seconds < 10:
        return f"{seconds:.1f} s"
    rest, parts = max(0, round(seconds)), []
    for size, unit in UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def age(value: str | datetime, now: datetime) -> str:
    """Return how long ago a moment was, in its largest unit: ``5 min ago``, ``in 2 h``."""
    seconds = (now - parse(value)).total_seconds()
    if abs(seconds) < 1:
        return "now"
    size, unit = next((pair for pair in UNITS if abs(seconds) >= pair[0]), UNITS[-1])
    count = int(abs(seconds) // size)
    return f"{count} {unit} ago" if seconds > 0 else f"in {count} {unit}"


def iso(value: str | datetime) -> str:
    """Return a moment for machines: the attribute ``datetime`` of ``<time>``."""
    return parse(value).strftime("%Y-%m-%dT%H:%M:%SZ")


def full(value: str | datetime) -> str:
    """Return a moment in full, to the second."""
    return parse(value).strftime("%Y-%m-%d %H:%M:%S UTC")


def ticks(seconds: float) -> list[tuple[float, str]]:
    """Return round moments of an axis of so many seconds from 0 on, each with a label that no other one has."""
    step = _step(seconds)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    marks = [step * number for number in range(int(seconds / step + 1e-9) + 1)]
    return [(mark, f"{mark:.{decimals}f} s" if mark < 60 else duration(mark)) for mark in marks]


def clock_ticks(since: datetime, until: datetime) -> list[tuple[datetime, str]]:
    """Return round times of day between two moments, with labels that differ."""
    length = (until - since).total_seconds()
    step = max(1.0, _step(length))
    form = "%H:%M:%S" if step < 60 else "%H:%M" if length <= 86_400 else "%m-%d %H:%M" if step < 86_400 else "%m-%d"
    first = math.ceil(since.timestamp() / step) * step
    moments = [first + step * number for number in range(int((until.timestamp() - first) / step + 1e-9) + 1)]
    return [(moment, moment.strftime(form)) for moment in (datetime.fromtimestamp(m, UTC) for m in moments)]


def _step(seconds: float) -> float:
    """Return the smallest round step by which an axis of so many seconds has no more than ``TICKS``."""
    least = max(seconds, 1e-3) / TICKS
    if least <= ROUND[0]:
        decade = 10.0 ** math.floor(math.log10(least))
        return next(decade * size for size in (1, 2, 5, 10) if decade * size >= least * (1 - 1e-9))
    weeks = ROUND[-1] * 10 ** max(0, math.ceil(math.log10(least / ROUND[-1])))
    return next((size for size in ROUND if size >= least), weeks)
