"""Charts as Vega-Lite describes them, in JSON; they need no library."""

from collections.abc import Sequence
from typing import Any

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
