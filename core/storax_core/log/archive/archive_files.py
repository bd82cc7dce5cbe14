"""Files of archived events and of baselines: Parquet, with the columns of the tables, that give the sealed text again.

The text that a seal hashes is a JSON array of all columns, as Postgres writes it. It is put together from the columns
here, so a file has nothing twice, and the seals of its range prove every value in it.
"""

import fcntl
import operator
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import file_digest, sha256
from json import dumps
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

ROWS_OF_GROUP, BYTES_OF_GROUP = 10_000, 1 << 24
READ_AT_ONCE = 5_000
_MOMENT = pa.timestamp("us", tz="UTC")
# In the order of ``seals.TEXT_OF_EVENT`` and ``baseline.TEXT_OF_ROW``.
EVENTS = pa.schema([
    ("tx", pa.string()), ("position", pa.int64()), ("timestamp", _MOMENT), ("owner_id", pa.int64()),
    ("site_id", pa.int64()), ("entity", pa.string()), ("entity_id", pa.int64()), ("version", pa.int32()),
    ("type", pa.string()), ("schema_version", pa.int16()), ("actor", pa.string()), ("command_id", pa.string()),
    ("from_state", pa.string()), ("to_state", pa.string()), ("data", pa.string()),
])  # fmt: skip
BASELINE = pa.schema([
    ("entity", pa.string()), ("entity_id", pa.int64()), ("owner_id", pa.int64()), ("version", pa.int32()),
    ("timestamp", _MOMENT), ("creation_date", _MOMENT), ("type", pa.string()), ("schema_version", pa.int16()),
    ("from_state", pa.string()), ("to_state", pa.string()), ("transition", pa.string()), ("failure", pa.string()),
    ("data", pa.string()),
])  # fmt: skip
_JSON = ("data", "transition", "failure")  # columns that hold JSON as Postgres wrote it

Condition = tuple[str, str, Any]  # a column, one of the operators below, a value
_TESTS: dict[str, Callable[[Any, Any], Any]] = {"in": lambda c, v: c.isin(v), "<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True)
class Written:
    """A file: its name, SHA-256, size in bytes, and number of rows."""

    name: str
    digest: str
    size: int
    rows: int


class Writer:
    """Writes rows to a new file of a folder. It appears under its name, whole and durable, or not at all.

    The name ends with a part of the digest, so a file never replaces another one with other contents. A lock on what is
    being written says that a run is at it still.
    """

    def __init__(self, folder: Path, stem: str, schema: pa.Schema) -> None:
        self._folder, self._stem, self._schema = folder, stem, schema
        self._part, self._rows = folder / f".{stem}.part", 0
        self._group: list[Mapping[str, Any]] = []
        self._size = 0
        self._sink = _locked(self._part)
        self._sink.truncate()
        self._file = pq.ParquetWriter(self._sink, schema, compression="zstd")

    def add(self, rows_: Iterable[Mapping[str, Any]]) -> None:
        """Write rows, in groups that are read or skipped as one, so none is larger than a reader's memory should be."""
        for row in rows_:
            self._group.append(row)
            self._size += len(row["data"])
            if len(self._group) >= ROWS_OF_GROUP or self._size >= BYTES_OF_GROUP:
                self._write_group()

    def _write_group(self) -> None:
        self._rows += len(self._group)
        self._file.write_table(pa.Table.from_pylist([dict(row) for row in self._group], self._schema))
        self._group, self._size = [], 0

    def finish(self) -> Written:
        """Close the file and give it its name."""
        self._write_group()
        self._file.close()
        self._sink.flush()
        digest = digest_of(self._part)
        path = self._folder / f"{self._stem}-{digest[:12]}.parquet"
        sync(self._part)
        self._part.replace(path)
        self._sink.close()
        sync(self._folder)
        return Written(path.name, digest, path.stat().st_size, self._rows)

    def drop(self) -> None:
        """Remove what was not finished."""
        self._file.close()
        self._part.unlink(missing_ok=True)
        self._sink.close()


def _locked(path: Path) -> BinaryIO:
    """Open a file to write, made if need be. Raises BlockingIOError where another run writes it."""
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o640), "r+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    return file


def remove_parts(folder: Path) -> None:
    """Remove what runs that were killed left of files, and leave alone what another run writes now."""
    for part in (*folder.glob(".events-*.part"), *folder.glob(".baseline-*.part")):
        with suppress(BlockingIOError, FileNotFoundError), _locked(part):
            part.unlink()


def sync(path: Path) -> None:
    """Write a file or a folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def rows(
    path: Path, conditions: Iterable[Condition] = (), columns: Iterable[str] | None = None
) -> Iterator[list[dict[str, Any]]]:
    """The rows of a file that meet all conditions, in order, in lists. Parts that hold none are not read.

    ``columns`` names those that the rows have; by default all.
    """
    wanted = _expression(conditions)
    names = None if columns is None else list(columns)
    for group in _fragments(path, wanted):
        if wanted is not None and not group.count_rows(filter=wanted):  # which reads the columns of conditions alone
            continue
        for batch in group.to_batches(
            columns=names, filter=wanted, batch_size=READ_AT_ONCE, use_threads=False, batch_readahead=1
        ):
            if batch.num_rows:
                yield batch.to_pylist()


def groups(path: Path, conditions: Iterable[Condition] = ()) -> list[tuple[int, int]]:
    """The least and the largest position of each group of events that may meet all conditions, in order.

    Only the end of the file is read, which has the bounds of each group's columns.
    """
    bounds = (group.row_groups[0].statistics.get("position") for group in _fragments(path, _expression(conditions)))
    return [(one["min"], one["max"]) for one in bounds if one]  # a group without rows has none


def _expression(conditions: Iterable[Condition]) -> Any:
    wanted: Any = None
    for name, test, value in conditions:
        one = _TESTS[test](ds.field(name), value)
        wanted = one if wanted is None else wanted & one
    return wanted


def _fragments(path: Path, wanted: Any) -> Iterator[Any]:
    """The groups of a file that may have rows of an expression, by the bounds of their columns."""
    for fragment in ds.dataset(path, format="parquet").get_fragments():
        yield from fragment.split_by_row_group(filter=wanted)


def text(row: Mapping[str, Any]) -> str:
    """The JSON array of a row's values, as Postgres writes it."""
    return f"[{', '.join(_json(name, value) for name, value in row.items())}]"


def _json(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value if name in _JSON else dumps(value, ensure_ascii=False)
    if value is None:
        return "null"
    return str(value) if isinstance(value, int) else _moment(value.replace(tzinfo=None).isoformat())


def _moment(text_: str) -> str:
    return f'"{text_.rstrip("0") if "." in text_ else text_}"'


def root(rows_: Iterable[Mapping[str, Any]]) -> str:
    """The digest of rows, as of the events of a seal."""
    whole = sha256()
    for row in rows_:
        whole.update(sha256(text(row).encode()).digest())
    return whole.hexdigest()
