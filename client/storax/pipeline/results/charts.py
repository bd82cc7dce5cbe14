"""Charts as Vega-Lite describes them, in JSON; they need no library."""

from collections.abc import Sequence
from math import isnan
from typing import Any

from storax.data.summaries.methods import whole_number
from storax.errors import InvalidInput

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"


def bars(title: str, label: str, names: Sequence[str], values: Sequence[float]) -> dict[str, Any]:
    """Return a horizontal bar for each name, in the order of the names.

    Args:
        title: above the chart.
        label: of the axis of the values.
        names: of the bars, each once.
        values: one for each name.
    """
    rows = [{"name": name, "value": float(value)} for name, value in zip(names, values, strict=True)]
    return {
        "$schema": SCHEMA,
        "title": title,
        "data": {"values": rows},
        "mark": "bar",
        "encoding": {
            "y": {"field": "name", "type": "nominal", "title": None, "sort": None},
            "x": {"field": "value", "type": "quantitative", "title": label},
            "tooltip": [{"field": "name"}, {"field": "value", "title": label}],
        },
    }


def trials(title: str, label: str, rows: Sequence[dict[str, Any]], best: int) -> dict[str, Any]:
    """Return a point for each trial that has a value, by its number; the best one in another colour.

    Args:
        title: above the chart.
        label: of the axis of the values.
        rows: trials with ``number`` and ``value``.
        best: number of the best one.
    """
    points = [
        {"trial": row["number"], "value": row["value"], "best": row["number"] == best}
        for row in rows
        if row.get("value") is not None
    ]
    return {
        "$schema": SCHEMA,
        "title": title,
        "data": {"values": points},
        "mark": {"type": "point", "filled": True},
        "encoding": {
            "x": {"field": "trial", "type": "quantitative", "title": "Trial"},
            "y": {"field": "value", "type": "quantitative", "title": label, "scale": {"zero": False}},
            "color": {"field": "best", "type": "nominal", "title": "Best"},
            "tooltip": [{"field": "trial"}, {"field": "value", "title": label}],
        },
    }


class Bars:
    """Rows with names and numbers that can be drawn as bars."""

    def __len__(self) -> int:
        raise NotImplementedError

    def _field(self, by: str) -> str:
        """Return the name of a value of the rows."""
        raise NotImplementedError

    def _target(self, target: int | str) -> str:
        """Return the name of a target."""
        raise NotImplementedError

    def _values(self, field: str, target: int | str, *, sort: bool) -> Any:
        """Return names and values, as two arrays and by ``items()``."""
        raise NotImplementedError

    def to_vega_lite(self, by: str = "importance", target: int | str = 0, limit: int = 20) -> dict[str, Any]:
        """Vega-Lite's description of a bar chart, as JSON, the largest first; needs no library.

        Args:
            by: ``"importance"``, or of features ``"correlation"`` (by its absolute value; one that does not vary has
                none, and no bar).
            target: Number of the target, from 0, or its name. Default 0.
            limit: Bars at most, 1 or more. Default 20.

        Raises:
            InvalidInput: there is no such target, number or value.
        """
        field = self._field(by)
        if field not in ("importance", "correlation") and len(self):
            raise InvalidInput(f"There are no bars of {by!r}.", hint="Take importance, or of features correlation.")
        most = whole_number(limit, "limit", least=1)
        known = {name: value for name, value in self._values(field, target, sort=True).items() if not isnan(value)}
        return bars(self._target(target), field.capitalize(), list(known)[:most], list(known.values())[:most])
