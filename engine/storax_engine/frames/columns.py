"""Column expressions: JSON trees of clients become Ibis expressions over one table, and values by DuckDB.

A node is ``{"column": name}``, ``{"value": v}``, ``{"time": iso}``, ``{"op": name, "args": [nodes]}``, ``{"rows": 1}``
(the row's number) or ``{"random": seed}``.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from storax._runtime.suggestions import nearest
from storax.errors import InvalidInput
from storax_engine.command_progress import Work
from storax_engine.frames.coerce import values_of
from storax_engine.frames.frame import Frame
from storax_engine.frames.operations import AGGREGATIONS, SCALAR

DEPTH = 100
_ROWS, _RANDOM = "\0rows", "\0random {}"  # no column has such a name


class Database:
    """DuckDB as the place where expressions and readers run; it keeps nothing."""

    def __init__(self) -> None:
        self._root = duckdb.connect(":memory:", config={"python_enable_replacements": "false"})

    def run(self, sql: str, work: Work, **tables: pa.Table) -> pa.Table:
        """The answer to one statement over these tables.

        Raises:
            duckdb.Error: it failed; InterruptException where nobody waited any more.
        """
        cursor = self._root.cursor()
        try:
            for name, table in tables.items():
                cursor.register(name, table)
            with work.interruptible(cursor.interrupt):
                work.query_percent = cursor.query_progress
                return cursor.sql(sql).to_arrow_table()
        finally:
            work.query_percent = None
            cursor.close()


def evaluate(node: Any, frame: Frame, database: Database, work: Work) -> pa.ChunkedArray:
    """The values of an expression, one a row.

    Raises:
        NoColumn, InvalidInput: naming what is wrong with it.
    """
    import ibis

    table, rows, value = _bound(node, frame)
    query = ibis.to_sql(rows.select(v=value), dialect="duckdb")
    values = _answer(str(query), table, database, work)
    return values_of("the expression", values.column(0))


def aggregate(node: Any, name: str, frame: Frame, database: Database, work: Work) -> Any:
    """Return one number, text or time, aggregated from an expression's values.

    Raises:
        NoColumn, InvalidInput: naming what is wrong with it.
    """
    import ibis

    table, rows, value = _bound(node, frame)
    query = ibis.to_sql(rows.aggregate(v=_aggregated(name, value)), dialect="duckdb")
    result = _answer(str(query), table, database, work).column(0)[0].as_py()
    if isinstance(result, Decimal):  # the sum of whole numbers
        return int(result)
    return result.isoformat() if isinstance(result, datetime) else result


def group(
    by: Sequence[str], aggregations: Sequence[Mapping[str, Any]], frame: Frame, database: Database, work: Work
) -> pa.Table:
    """Return a row for each combination of values of some columns, sorted by them; missing (null or NaN) comes last.

    Args:
        by: names of the columns.
        aggregations: ``{"name": of the new column, "expression": node, "aggregation": name}``.
        frame: whose rows are grouped.
        database: where it is computed.
        work: may be cancelled.

    Raises:
        NoColumn, InvalidInput: naming what is wrong.
    """
    import ibis

    needed: dict[str, Any] = {name: frame.column(name) for name in by}
    for one in aggregations:
        _collect(one["expression"], frame, needed, 0)
    needed[_ROWS] = pa.array(np.arange(frame.table.num_rows, dtype="float64"))
    table, rows, known = _readable(needed)
    keys = [_without_nan(known[name]).name(f"k{place}") for place, name in enumerate(by)]
    values = {
        f"v{place}": _aggregated(one["aggregation"], _built(one["expression"], known), order=known[_ROWS])
        for place, one in enumerate(aggregations)
    }
    grouped = rows.group_by(keys).aggregate(**values) if values else rows.select(keys).distinct()
    query = grouped.order_by([key.get_name() for key in keys])
    groups = _answer(str(ibis.to_sql(query, dialect="duckdb")), table, database, work)
    return groups.rename_columns([*by, *(one["name"] for one in aggregations)])


def _aggregated(name: Any, value: Any, order: Any = None) -> Any:
    """One value out of an expression; NaN is missing. ``order`` says which one is the first and the last."""
    operation = _known(name, AGGREGATIONS, "aggregation")
    known = _without_nan(value)
    if order is not None and name in ("first", "last"):
        return getattr(known, name)(order_by=order)
    return _applied(name, operation, known)


def _without_nan(value: Any) -> Any:
    return value.nullif(float("nan")) if hasattr(value, "type") and value.type().is_floating() else value


def _readable(needed: Mapping[str, Any]) -> tuple[pa.Table, Any, dict[str, Any]]:
    """Columns as a table for DuckDB, the same table for Ibis, and its columns by their names.

    DuckDB takes ``x`` and ``X`` for one name, so the second of such columns gets another one in both tables.
    """
    import ibis

    labels: dict[str, str] = {}  # by the label as DuckDB compares it
    for name in needed:
        label = name.replace("\0", "__")
        while label.casefold() in labels:
            label += "_"
        labels[label.casefold()] = label
    table = pa.table(list(needed.values()), names=list(labels.values()))
    rows = ibis.table(ibis.Schema.from_pyarrow(table.schema), name="frame")
    return table, rows, {name: rows[label] for name, label in zip(needed, labels.values(), strict=True)}


def _bound(node: Any, frame: Frame) -> tuple[pa.Table, Any, Any]:
    """The table with the columns the expression asks for, the same for Ibis, and the expression over it."""
    needed: dict[str, pa.Array | pa.ChunkedArray] = {}
    _collect(node, frame, needed, 0)
    if not needed:  # a bare value: a column that gives it its length
        needed[_ROWS] = pa.array(np.arange(frame.table.num_rows))
    table, rows, known = _readable(needed)
    return table, rows, _built(node, known)


def _collect(node: Any, frame: Frame, needed: dict[str, Any], depth: int) -> None:
    if not isinstance(node, Mapping) or depth > DEPTH:
        raise InvalidInput("The expression is nested too deeply." if depth > DEPTH else f"{node!r} is no expression.")
    rows = frame.table.num_rows
    if "column" in node:
        needed[node["column"]] = frame.column(node["column"])
    elif "rows" in node:
        needed[_ROWS] = pa.array(np.arange(rows, dtype="float64"))
    elif "random" in node:
        seed = int(node["random"])
        needed[_RANDOM.format(seed)] = pa.array(np.random.default_rng(seed).random(rows))
    for below in node.get("args", ()):
        _collect(below, frame, needed, depth + 1)


def _built(node: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    import ibis

    if "column" in node:
        return known[node["column"]]
    if "rows" in node:
        return known[_ROWS]
    if "random" in node:
        return known[_RANDOM.format(int(node["random"]))]
    if "time" in node:
        moment = datetime.fromisoformat(node["time"])
        return ibis.timestamp(moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment)
    if "op" in node:
        operation = _known(node["op"], SCALAR, "operation")
        arguments = [_built(below, known) for below in node.get("args", ())]
        return _applied(node["op"], operation, *arguments, *node.get("options", ()))
    return ibis.literal(node["value"])


def _known(name: Any, known: Mapping[str, Any], what: str) -> Any:
    if name not in known:
        raise InvalidInput(f"There is no {what} {name!r}.", hint=nearest(str(name), known))
    return known[name]


def _applied(name: str, operation: Any, *arguments: Any) -> Any:
    import ibis

    try:
        return operation(*arguments)
    except (AttributeError, TypeError, ibis.common.exceptions.IbisError) as error:
        kinds = " and ".join(_kind(argument) for argument in arguments)
        raise InvalidInput(
            f"{name!r} has no meaning for {kinds or 'nothing'}.",
            hint="Convert first, by as_num(), as_str() or as_ts().",
        ) from error


def _kind(argument: Any) -> str:
    if not hasattr(argument, "type"):
        return repr(argument)
    kind = argument.type()
    labels = ((kind.is_string(), "text"), (kind.is_boolean(), "truth"), (kind.is_numeric(), "numbers"))
    return next((label for fits, label in labels if fits), "times")


def _answer(query: str, table: pa.Table, database: Database, work: Work) -> pa.Table:
    try:
        return database.run(query, work, frame=table)
    except (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException) as error:
        reason = str(error).splitlines()[0].partition(": ")[2]
        raise InvalidInput(f"The expression fails: {reason}", hint="See where() to leave such rows out.") from error
