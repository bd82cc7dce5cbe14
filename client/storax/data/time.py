"""Durations in seconds, as horizons and memories take them."""

from datetime import UTC
from datetime import datetime as _datetime

__all__ = ["datetime", "days", "hours", "microseconds", "milliseconds", "minutes", "seconds", "weeks"]


def seconds(n: float) -> float:
    """So many seconds."""
    return float(n)


def milliseconds(n: float) -> float:
    """So many milliseconds, in seconds."""
    return n / 1e3


def microseconds(n: float) -> float:
    """So many microseconds, in seconds."""
    return n / 1e6


def minutes(n: float) -> float:
    """So many minutes, in seconds."""
    return n * 60.0


def hours(n: float) -> float:
    """So many hours, in seconds."""
    return n * 3600.0


def days(n: float) -> float:
    """So many days of 24 hours, in seconds."""
    return n * 86400.0


def weeks(n: float) -> float:
    """So many weeks, in seconds."""
    return n * 604800.0


def datetime(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> float:
    """A moment (UTC) in seconds since 1970."""
    return _datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
