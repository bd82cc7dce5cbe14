"""Times and durations as people read them: UTC, with the age beside it."""

from datetime import UTC, datetime

UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


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
