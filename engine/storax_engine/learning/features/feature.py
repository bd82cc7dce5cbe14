"""What a feature is: one aggregation of one column over the rows that one join lets through."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from storax_engine.learning.features import filters
from storax_engine.learning.features.filters import Filter

VERSIONS = (1, 2)  # of files that hold features; see ``version``
WHOLE: tuple[float, float | None] = (0.0, None)


@dataclass(frozen=True)
class Feature:
    """``node`` is the placeholder on the right; a column of the population itself has no ``aggregation``.

    ``window`` narrows the join's own: only rows whose age beyond the horizon lies in ``[begin, end)`` seconds.
    ``condition`` is (column, value): only rows where the category has that value.
    ``compared`` is (comparison, column of the population): the values are compared with that column of the row.
    ``where`` are further conditions that a row has to meet, all of them.
    ``zero``: predictors see 0 where nothing is known of it.
    """

    name: str
    node: str
    aggregation: str | None = None
    column: str | None = None
    window: tuple[float, float | None] = WHOLE
    condition: tuple[str, str] | None = None
    compared: tuple[str, str] | None = None
    zero: bool = field(default=False, compare=False)
    where: tuple[Filter, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the feature as JSON."""
        return asdict(self)


def from_json(values: dict[str, Any]) -> Feature:
    """The feature that ``to_json`` wrote."""
    window, condition, compared = values["window"], values["condition"], values.get("compared")
    return Feature(
        values["name"],
        values["node"],
        values["aggregation"],
        values["column"],
        (float(window[0]), window[1]),
        None if condition is None else (condition[0], condition[1]),
        None if compared is None else (compared[0], compared[1]),
        bool(values.get("zero", False)),  # a pipeline of before has learned from missing values
        tuple(map(filters.from_json, values.get("where", ()))),
    )


def version(features: Iterable[Feature]) -> int:
    """Return the version of a file with these features.

    It is 2 if some have conditions: the releases before would read such a file without them, and so refuse it.
    """
    return VERSIONS[any(feature.where for feature in features)]


def name_of(
    node: str,
    aggregation: str,
    column: str | None,
    window: tuple[float, float | None] = WHOLE,
    condition: tuple[str, str] | None = None,
    where: Sequence[Filter] = (),
) -> str:
    """A name that says how the feature is made: ``weather__temp__avg__last_1d``."""
    parts = [node, *([column] if column else []), aggregation.lower()]
    if condition:
        parts.append(f"where_{condition[0]}_{condition[1]}")
    if where:
        parts.append(filters.name_of(where))
    if window != WHOLE:
        end = "ever" if window[1] is None else duration(window[1])
        parts.append(f"last_{end}" if window[0] == 0 else f"from_{duration(window[0])}_to_{end}")
    return "__".join(parts)


def duration(seconds: float) -> str:
    """A duration in its largest whole unit: ``7d``, ``90m``, ``1.5s``."""
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("m", 60.0)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:g}s"
