"""Tables become files: CSV, JSON (one list a column) and Parquet, written aside and put in place in one step."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from storax._runtime.suggestions import nearest
from storax.errors import InvalidInput, NoFile


def write(kind: str, table: pa.Table, path: Path) -> str:
    """Write a table; returns the path.

    Raises:
        NoFile: there is no such folder.
        InvalidInput: there is no such kind of file.
    """
    if kind not in KINDS:
        raise InvalidInput(f"There is no kind of file {kind!r}.", hint=nearest(kind, KINDS))
    aside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with aside.open("wb") as file:
            KINDS[kind](table, file)
        aside.replace(path)
    except FileNotFoundError as error:
        raise NoFile(f"There is no folder {path.parent}.") from error
    finally:
        aside.unlink(missing_ok=True)
    return str(path)


def _csv(table: pa.Table, file: BinaryIO) -> None:
    pcsv.write_csv(table, file)


def _json(table: pa.Table, file: BinaryIO) -> None:
    file.write(json.dumps(table.to_pydict(), default=str, ensure_ascii=False).encode())


def _parquet(table: pa.Table, file: BinaryIO) -> None:
    pq.write_table(table, file)


KINDS: dict[str, Callable[[pa.Table, BinaryIO], None]] = {"csv": _csv, "json": _json, "parquet": _parquet}
