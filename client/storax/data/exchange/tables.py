"""Tables between this process and the engine: whatever a user has becomes an Arrow stream, and back."""

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from storax import _installation as installation
from storax._engine import session
from storax.errors import InvalidInput, StoraxError

BATCH_ROWS = 100_000


def arrow() -> Any:
    """pyarrow.

    Raises:
        StoraxError: it is not installed.
    """
    return library("pyarrow", "storax[engine]")


def library(name: str, package: str = "") -> Any:
    """A library that the user may not have.

    Raises:
        StoraxError: it is not installed.
    """
    try:
        return import_module(name)
    except ImportError:
        raise StoraxError(
            f"{name} is not installed.", hint=f"Install it: {installation.add_library(package or name)}"
        ) from None


def sent(table: Any, advance: Callable[[int], Any] = lambda _rows: None) -> Iterator[bytes]:
    """A pyarrow Table or RecordBatchReader as a stream, a batch at a time.

    Args:
        table: The rows.
        advance: Called with the number of rows of each batch that was sent.

    Raises:
        InvalidInput: the reader fails on its way.
    """
    pa = arrow()
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        for batch in _batches(pa, table):
            writer.write_batch(batch)
            yield sink.getvalue()
            advance(batch.num_rows)
            sink.seek(0)
            sink.truncate()
    yield sink.getvalue()


def _batches(pa: Any, table: Any) -> Iterator[Any]:
    if isinstance(table, pa.Table):
        yield from table.to_batches(max_chunksize=BATCH_ROWS)
        return
    try:
        for batch in table:
            for start in range(0, batch.num_rows, BATCH_ROWS):
                yield batch.slice(start, BATCH_ROWS)
    except (pa.ArrowException, OSError) as error:
        raise InvalidInput(f"The rows could not be read to their end: {str(error).splitlines()[0]}.") from error


def received(name: str, arguments: Mapping[str, Any], *, rows: Any = None) -> Any:
    """Read the engine's reply as a pyarrow Table; ``rows``, a Table or RecordBatchReader, goes along with the call."""
    pa = arrow()
    along = None if rows is None else sent(rows)
    with session.table(name, dict(arguments), sent=along) as answer, pa.ipc.open_stream(answer) as reader:
        return reader.read_all()


def streamed(name: str, arguments: Mapping[str, Any]) -> Any:
    """Read the engine's reply as a pyarrow RecordBatchReader, which holds one batch at a time.

    Raises:
        StoraxError: what the engine answered.
    """
    parts = _schema_and_batches(name, arguments)
    return arrow().RecordBatchReader.from_batches(next(parts), parts)


def _schema_and_batches(name: str, arguments: Mapping[str, Any]) -> Iterator[Any]:
    with session.table(name, dict(arguments)) as answer, arrow().ipc.open_stream(answer) as reader:
        yield reader.schema
        yield from reader


def from_pandas(frame: Any) -> Any:
    """A pandas DataFrame without its index; categories become what they stand for.

    Raises:
        InvalidInput: its columns have several levels or one name, or it has rows and no columns.
    """
    pa = arrow()
    levels = next((name for name in frame.columns if isinstance(name, tuple)), None)
    if levels is not None:
        raise InvalidInput(
            f"The columns have several levels, such as {levels!r}, and a column has one name.",
            hint="Join them: df.columns = ['_'.join(map(str, levels)) for levels in df.columns].",
        )
    if len(frame) and not len(frame.columns):
        raise InvalidInput(
            f"It has {len(frame)} rows and no columns.", hint="df.reset_index() makes the index a column."
        )
    names = [str(name) for name in frame.columns]
    _once(names)
    columns = [_series(pa, name, frame.iloc[:, place]) for place, name in enumerate(names)]
    return pa.table(columns, names=names) if columns else pa.table({})


def _series(pa: Any, name: str, series: Any) -> Any:
    try:
        array = pa.chunked_array([pa.Array.from_pandas(series)])
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError) as error:
        if series.dtype == object:  # mixed types: texts, as they print
            return pa.chunked_array([pa.array([None if _missing(v) else str(v) for v in series], pa.string())])
        raise InvalidInput(f"Column {name!r} cannot be taken over: {error}.") from None
    return array


def _missing(value: Any) -> bool:
    return value is None or bool(value != value)  # noqa: PLR0124  (NaN)


def from_polars(frame: Any) -> Any:
    """A polars DataFrame."""
    try:
        return frame.to_arrow()
    except arrow().ArrowInvalid:  # a type that Arrow lacks, such as whole numbers of 128 bits
        return arrow().table({name: _polars_column(frame[name]) for name in frame.columns})


def _polars_column(series: Any) -> Any:
    try:
        return series.to_arrow()
    except arrow().ArrowInvalid:
        return series.cast(library("polars").String).to_arrow()


def from_dict(columns: Mapping[str, Iterable[Any]]) -> Any:
    """Lists of one length by column."""
    pa = arrow()
    arrays = {str(name): _array(pa, str(name), values) for name, values in columns.items()}
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        described = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise InvalidInput(f"The columns have different lengths: {described}.")
    return pa.table(arrays)


def from_rows(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Dicts by row; a key that a row does not have is missing there."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return from_dict({name: [row.get(name) for row in rows] for name in names})


def from_json(text: str) -> Any:
    """A JSON object of lists by column, or a list of objects, one a row.

    Raises:
        InvalidInput: it is neither.
    """
    try:
        content = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"This is no JSON: {error}.") from None
    if isinstance(content, list) and all(isinstance(row, dict) for row in content):
        return from_rows(content)
    if not isinstance(content, dict) or not all(isinstance(values, list) for values in content.values()):
        raise InvalidInput("The JSON is neither an object of lists, one a column, nor a list of objects, one a row.")
    return from_dict(content)


def column(values: Any) -> Any:
    """Values of whatever kind as a pyarrow table of one column."""
    pa = arrow()
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return pa.table({"value": values})
    return pa.table({"value": _array(pa, "value", values)})


def _array(pa: Any, name: str, values: Any) -> Any:
    items = values if hasattr(values, "dtype") else list(values)
    try:
        return pa.array(items, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, OverflowError) as error:
        if all(isinstance(value, int) or _missing(value) for value in items):  # beyond 64 bits: exact as text
            return pa.array([None if _missing(value) else str(value) for value in items], pa.string())
        reason = str(error).splitlines()[0]
        raise InvalidInput(f"Column {name!r} mixes types or holds what no cell can: {reason}.") from None


def _once(names: list[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidInput(f"There are several columns named {twice!r}.", hint="Give each its own name.")
