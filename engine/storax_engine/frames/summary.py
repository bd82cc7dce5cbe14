"""Statistics of each column of a table, by the kernels of Arrow: exact, one column at a time."""

from math import isnan
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from storax_engine.command_progress import Work
from storax_engine.frames.frame import Frame, dtype

_QUARTILES = {"q25": 0.25, "median": 0.5, "q75": 0.75}
_NONE = dict.fromkeys(("mean", "stddev", "min", "q25", "median", "q75", "max"))
Statistics = dict[str, Any]


def summarize(frame: Frame, work: Work) -> list[Statistics]:
    """Return the statistics of each column, in their order; NaN counts as missing.

    Raises:
        Cancelled: nobody waits any more.
    """
    rows = []
    for place, field in enumerate(frame.table.schema):
        work.raise_if_cancelled()
        work.progress(place / frame.table.num_columns, field.name)
        values = _known(frame.table.column(place))
        known = {"column": field.name, "role": frame.roles[field.name], "dtype": dtype(field.type)}
        rows.append({**known, **_counts(values, len(frame.table)), **_NONE, **_numbers(values)})
    return rows


def _known(values: pa.ChunkedArray) -> pa.ChunkedArray:
    known = values.drop_null()
    return known.filter(pc.invert(pc.is_nan(known))) if pa.types.is_floating(known.type) else known


def _counts(values: pa.ChunkedArray, rows: int) -> Statistics:
    distinct = pc.count_distinct(values).as_py()
    return {"count": len(values), "missing": rows - len(values), "distinct": distinct}


def _numbers(values: pa.ChunkedArray) -> Statistics:
    """What the type of the column has, of all but the counts; nothing where there are no values.

    None stands for NaN, as the mean of numbers that are infinite both ways.
    """
    if not len(values):
        return {}
    if pa.types.is_boolean(values.type):
        return {"mean": pc.mean(values).as_py()}
    ends = {name: _plain(end) for name, end in pc.min_max(values).items()}
    if not (pa.types.is_floating(values.type) or pa.types.is_integer(values.type)):
        return ends
    floats = values.cast(pa.float64(), safe=False)
    quartiles = pc.quantile(floats, q=list(_QUARTILES.values())).to_pylist()
    middle = {"mean": pc.mean(floats).as_py(), "stddev": pc.stddev(floats, ddof=1).as_py()}
    middle |= dict(zip(_QUARTILES, quartiles, strict=True))
    return {name: None if value is None or isnan(value) else value for name, value in middle.items()} | ends


def _plain(scalar: pa.Scalar) -> Any:
    if not pa.types.is_timestamp(scalar.type):
        return scalar.as_py()
    try:
        return scalar.as_py().isoformat()
    except (OverflowError, ValueError):  # a year that Python does not know
        return f"{scalar.value / 1e6:.0f} s since 1970"
