"""Seasonal: parts of time stamps as numbers."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from storax_engine.learning.preprocessors.base import State
from storax_engine.learning.tables.columns import Floats
from storax_engine.learning.tables.frame import NUMERICAL, TIME_STAMP, Column, Frame
from storax_engine.learning.tables.subroles import SEASONAL

# Monday is 0. The year is left out: a model cannot learn from one it has not seen.
PARTS = ("month", "weekday", "hour", "minute")


@dataclass(frozen=True)
class Seasonal:
    """Month, weekday (Monday is 0), hour and minute (UTC) of each time stamp, where they vary in the training data.

    A time stamp that is given as numbers is taken for seconds since 1970; one whose numbers cannot be, is left alone.
    """

    disable_year: bool = True  # in older descriptions; it is left out anyway
    disable_month: bool = False
    disable_weekday: bool = False
    disable_hour: bool = False
    disable_minute: bool = False

    def fit(self, frame: Frame) -> State:
        """Return the parts that vary, by column."""
        return {c.name: self._varying(frame, c.name) for c in frame.of_kind(TIME_STAMP, use=SEASONAL)}

    def apply(self, frame: Frame, state: State) -> None:
        """Add ``<column>__<part>``."""
        for name, parts in state.items():
            for part in parts:
                frame.add(Column(f"{name}__{part}", NUMERICAL, part_of(frame.seconds(name), part), (part, name)))

    def _varying(self, frame: Frame, name: str) -> list[str]:
        seconds = frame.seconds(name)
        known = seconds[~np.isnan(seconds)]
        if not known.size or abs(known).max() < SECONDS_FROM:
            return []
        enabled = [p for p in PARTS if not getattr(self, f"disable_{p}")]
        return [p for p in enabled if np.unique(part_of(known, p)).size > 1]


# Numbers below ten days are not moments since 1970, but some other clock.
SECONDS_FROM = 864_000.0


def part_of(seconds: Floats, part: str) -> Floats:
    """One part of moments in seconds since 1970; NaN stays NaN."""
    days = np.floor(seconds / 86400.0)
    if part == "weekday":
        return np.mod(days + 3.0, 7.0)
    if part == "hour":
        return np.floor(np.mod(seconds, 86400.0) / 3600.0)
    if part == "minute":
        return np.floor(np.mod(seconds, 3600.0) / 60.0)
    return _month(days)


def _month(days: Floats) -> Floats:
    missing = np.isnan(days)
    dates = pa.array(np.where(missing, 0, days).astype(np.int32), pa.int32()).cast(pa.date32())
    months = np.asarray(pc.month(dates).to_numpy(zero_copy_only=False), np.float64)
    return np.where(missing, np.nan, months)
