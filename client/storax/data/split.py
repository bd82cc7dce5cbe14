"""Splits: which subset each row of a population belongs to. A split is an expression; the engine works it out."""

import datetime as _dt
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from storax.errors import InvalidInput

__all__ = ["Split", "concat", "random", "time"]
SEED = 5849


@dataclass(frozen=True, eq=False)
class Split:
    """``expression`` gives each row the name of its subset; ``names`` are all of them.

    ``df[split == "test"]`` are the rows of a subset. A split by chance goes by the places of the rows: take the subset
    of the data frame first, and what you want of it then.
    """

    expression: dict[str, Any]
    names: tuple[str, ...]

    def to_spec(self) -> dict[str, Any]:
        """The expression, as JSON."""
        return self.expression

    def condition(self, name: str) -> dict[str, Any]:
        """The expression that is true for the rows of one subset."""
        return {"op": "equal", "args": [self.expression, {"value": name}]}

    def __hash__(self) -> int:
        return hash((str(self.expression), self.names))

    def __eq__(self, other: object) -> Any:
        """Compare with the name of a subset: a condition for ``df[...]``; or with another split."""
        if isinstance(other, str):
            columns: Any = import_module("storax.data.expressions.columns")
            rows = columns.RowsByPlace() if _by_place(self.expression) else columns.AnyRows()
            return columns.Column(rows, self.condition(self._known(other)))
        return isinstance(other, Split) and (self.expression, self.names) == (other.expression, other.names)

    def __ne__(self, other: object) -> Any:
        return ~(self == other) if isinstance(other, str) else not self == other

    def _known(self, name: str) -> str:
        if name not in self.names:
            raise InvalidInput(f"The split has no subset {name!r}; it has {', '.join(self.names)}.")
        return name


def random(
    seed: int = SEED, *, train: float = 0.8, test: float = 0.2, validation: float = 0.0, **others: float
) -> Split:
    """Each row in a subset by chance; the same seed gives the same split.

    Args:
        seed: of the random numbers. Default 5849.
        train, test, validation, others: shares; they are scaled to add up to 1.

    Raises:
        InvalidInput: a share is below 0, or all are 0.
    """
    shares = {"train": train, "validation": validation, "test": test, **others}
    if min(shares.values()) < 0 or sum(shares.values()) <= 0:
        raise InvalidInput("A split needs shares of 0 or more, and one above 0.")
    kept = {name: share for name, share in shares.items() if share > 0}
    limits, total = [], 0.0
    for name, share in kept.items():
        total += share
        limits.append((name, total / sum(kept.values())))
    return _by_limits({"random": seed}, limits)


def time(
    population: Any,  # noqa: ARG001  known calls give it; a split needs only the name of the column
    time_stamp: str,
    validation: Any = None,
    test: Any = None,
    **others: Any,
) -> Split:
    """Rows before the first moment are ``train``, those from a moment on belong to its subset.

    Args:
        population: the frame to be split.
        time_stamp: its time stamp.
        validation, test, others: when each subset begins: seconds since 1970 or a datetime.

    Raises:
        InvalidInput: no moment was given.
    """
    moments = {k: v for k, v in {"validation": validation, "test": test, **others}.items() if v is not None}
    begins = sorted(((name, _seconds(moment)) for name, moment in moments.items()), key=lambda item: item[1])
    if not begins:
        raise InvalidInput("A split by time needs the moment at which test or validation begins.")
    names = ["train", *(name for name, _ in begins)]
    limits = [(name, moment) for name, (_, moment) in zip(names, begins, strict=False)] + [(names[-1], float("inf"))]
    return _by_limits({"op": "as_num", "args": [{"column": time_stamp}]}, limits)


def concat(name: str, **frames: Any) -> tuple[Any, Split]:
    """Concatenate frames; return the new frame, and the split that maps each row to its subset.

    Args:
        name: of the new frame.
        frames: one per subset, as in ``concat("population", train=a, test=b)``.
    """
    frames_of: Any = import_module("storax.data")

    limits, total = [], 0.0
    for subset, frame in frames.items():
        total += frame.nrows()
        limits.append((subset, total))
    return frames_of.concat(name, list(frames.values())), _by_limits({"rows": 1}, limits)


def _seconds(moment: Any) -> float:
    if isinstance(moment, _dt.datetime):
        return (moment if moment.tzinfo else moment.replace(tzinfo=_dt.UTC)).timestamp()
    return float(moment)


def _by_place(expression: dict[str, Any]) -> bool:
    """Return whether an expression depends on the places of the rows, and not on their values alone."""
    return "random" in expression or "rows" in expression or any(map(_by_place, expression.get("args", ())))


def _by_limits(value: dict[str, Any], limits: list[tuple[str, float]]) -> Split:
    """The first subset whose limit is above the value; the last one takes the rest."""
    expression: dict[str, Any] = {"value": limits[-1][0]}
    for name, limit in reversed(limits[:-1]):
        expression = {
            "op": "choose",
            "args": [{"op": "less", "args": [value, {"value": limit}]}, {"value": name}, expression],
        }
    return Split(expression, tuple(name for name, _ in limits))
