"""Files become tables: CSV and Parquet, by DuckDB and Arrow. What a file does wrong is said by line and column."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from storax.errors import InvalidInput, NoFile
from storax_engine.command_progress import Work
from storax_engine.frames import csv_by_arrow, exact_numbers
from storax_engine.frames.coerce import concatenated, table_of
from storax_engine.frames.columns import Database

_SEPARATORS = (";", "\t", "|", ",")
_ENOUGH = 4 * 1024 * 1024  # bytes at a time where only the types are looked for; DuckDB's own are 32 MB
# No TIME: what looks like one of a day stays the text it is.
_TYPES = "auto_type_candidates = ['BOOLEAN', 'BIGINT', 'DOUBLE', 'DATE', 'TIMESTAMP', 'VARCHAR']"


@dataclass(frozen=True)
class CsvFormat:
    """How a CSV file is written.

    Attributes:
        sep: separates cells.
        quote: around a cell that holds a separator.
        skip: lines before the header, or before the first row where ``names`` are given.
        names: of the columns, for a file without a header.
        limit: rows to read; None: all.
        texts: columns whose text stays as it is, whatever it looks like.
        keys: columns that are compared for equality, so that no digit may be lost.
        wanted: the columns to read; empty, or with one that is not there: all.
    """

    sep: str = ","
    quote: str = '"'
    skip: int = 0
    names: tuple[str, ...] = ()
    limit: int | None = None
    texts: frozenset[str] = frozenset()
    wanted: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()


def read_csv(paths: Sequence[str], form: CsvFormat, database: Database, work: Work) -> pa.Table:
    """All rows of these files, one after the other; they must have the same columns.

    Raises:
        NoFile, InvalidInput: naming file, line and column.
    """
    tables = []
    for number, path in enumerate(paths):
        work.progress(number / len(paths), Path(path).name)
        _require(path)
        table = _csv(path, form, database, work)
        tables.append(table_of(exact_numbers.with_texts(table, form.keys, partial(_texts, path, form, database, work))))
        _same_columns(paths[0], tables[0], path, tables[-1])
    return _together(tables)


def read_parquet(paths: Sequence[str], columns: Sequence[str] | None, work: Work) -> pa.Table:
    """All rows of these files, one after the other; they must have the same columns.

    Raises:
        NoFile, InvalidInput: naming the file.
    """
    tables = []
    for number, path in enumerate(paths):
        work.progress(number / len(paths), Path(path).name)
        _require(path)
        try:
            table = pq.read_table(path, columns=list(columns) if columns else None)
        except (pa.ArrowInvalid, OSError) as error:
            raise InvalidInput(f"{path} is no Parquet file ({str(error).splitlines()[0][:100]}).") from error
        tables.append(table_of(table.replace_schema_metadata(None)))
        _same_columns(paths[0], tables[0], path, tables[-1])
    return _together(tables)


def _require(path: str) -> None:
    if not Path(path).exists():
        raise NoFile(f"There is no file {path}.", hint="The engine reads it on its own machine.")
    if Path(path).is_dir():
        raise InvalidInput(f"{path} is a folder.", hint="Name the files in it.")


def _together(tables: list[pa.Table]) -> pa.Table:
    if not tables:
        raise InvalidInput("There is no file to read.")
    return concatenated(tables) if len(tables) > 1 else tables[0]


def _same_columns(first: str, expected: pa.Table, path: str, other: pa.Table) -> None:
    if expected.column_names != other.column_names:
        raise InvalidInput(
            f"{path} has the columns {', '.join(other.column_names)}; {first} has {', '.join(expected.column_names)}.",
            hint="Files that are read together need the same columns in the same order.",
        )


def _csv(path: str, form: CsvFormat, database: Database, work: Work) -> pa.Table:
    form, header = _header(path, form)
    form = replace(form, texts=form.texts & set(header))
    names = [name for name in header if name in form.wanted] if form.wanted <= set(header) else []
    try:
        try:
            return _read_large(path, form, names, database, work) or _read(path, form, names, database, work)
        except duckdb.ConversionException:  # numbers, and a text further down: the type is seen from all rows
            return _read(path, form, names, database, work, sample=-1)
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        raise _ragged(path, form, len(header)) or _csv_error(path, str(error)) from error


def _header(path: str, form: CsvFormat) -> tuple[CsvFormat, Sequence[str]]:
    """Names of the columns, each once; blank lines above them are skipped."""
    if form.names:
        return form, form.names
    line, names = next(_rows(path, form), (0, []))
    if not names:
        raise InvalidInput(f"{path} is empty.", hint="It needs a line with the names of its columns.")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidInput(f"{path} has more than one column named {twice!r}.", hint="Give each its own name.")
    other = next((sign for sign in _SEPARATORS if sign != form.sep and sign in names[0]), None)
    if len(names) == 1 and other is not None:
        raise InvalidInput(
            f"{path} has one column, {names[0]!r}: it is not separated by {form.sep!r}.", hint=f"Pass sep={other!r}."
        )
    return replace(form, skip=line - 1 - sum(name.count("\n") for name in names)), names


def _rows(path: str, form: CsvFormat) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row that is not blank."""
    with Path(path).open(encoding="utf-8-sig", errors="replace", newline="") as file:
        for _ in range(form.skip):
            file.readline()
        rows = csv.reader(file, delimiter=form.sep, quotechar=form.quote)
        try:
            for row in rows:
                if row:
                    yield form.skip + rows.line_num, row
        except csv.Error:
            return


def _ragged(path: str, form: CsvFormat, width: int) -> InvalidInput | None:
    """The first line that has more or fewer cells than there are columns."""
    for line, row in _rows(path, form):
        if len(row) != width:
            return InvalidInput(
                f"{path}, line {line}: {len(row)} cells, and there are {width} columns.",
                hint="Mend that line, or look at sep, quotechar and skip.",
            )
    return None


def _read_large(path: str, form: CsvFormat, names: Sequence[str], database: Database, work: Work) -> pa.Table | None:
    if Path(path).stat().st_size < csv_by_arrow.LARGE or form.names or form.limit is not None:
        return None
    source = _source(path, form, 20_480, buffer_size=_ENOUGH)
    columns = database.run(f"DESCRIBE SELECT * FROM {source}", work)  # noqa: S608
    types = dict(zip(columns.column(0).to_pylist(), columns.column(1).to_pylist(), strict=True))
    return csv_by_arrow.read(path, types, names or list(types), work, sep=form.sep, quote=form.quote, skip=form.skip)


def _read(
    path: str, form: CsvFormat, names: Sequence[str], database: Database, work: Work, *, sample: int = 20_480
) -> pa.Table:
    """``names`` are the columns to read; none: all."""
    chosen = ", ".join('"' + name.replace('"', '""') + '"' for name in names) or "*"
    limit = f" LIMIT {int(form.limit)}" if form.limit is not None else ""
    return database.run(f"SELECT {chosen} FROM {_source(path, form, sample)}{limit}", work)  # noqa: S608


def _texts(path: str, form: CsvFormat, database: Database, work: Work, names: Sequence[str]) -> pa.Table:
    """The cells of these columns as they are written."""
    form, _ = _header(path, form)
    return _read(path, replace(form, texts=frozenset(names)), names, database, work)


def _source(path: str, form: CsvFormat, sample: int, **more: int) -> str:
    """The file as DuckDB's SQL names it."""
    options: dict[str, Any] = {
        "delim": form.sep, "quote": form.quote, "escape": form.quote, "skip": form.skip, "header": not form.names,
        "sample_size": sample, "strict_mode": True, "null_padding": False, "ignore_errors": False,
        **more,
    }  # fmt: skip
    parts = [_literal(path), *(f"{name} = {_literal(value)}" for name, value in options.items()), _TYPES]
    if form.names:
        parts.append(f"names = [{', '.join(_literal(name) for name in form.names)}]")
    if form.texts:
        parts.append(f"types = {{{', '.join(f'{_literal(name)}: VARCHAR' for name in sorted(form.texts))}}}")
    return f"read_csv({', '.join(parts)})"


def _csv_error(path: str, message: str) -> InvalidInput:
    """Return DuckDB's error message, cut down to the line and its fault."""
    line = re.search(r"Line: (\d+)", message)
    what = next((w for w in message.splitlines() if w.startswith(("Expected", "Value with", "Invalid unicode"))), "")
    what = what or message.splitlines()[0].partition(": ")[2]
    place = f", line {line.group(1)}" if line else ""
    return InvalidInput(
        f"{path}{place}: {what.strip().rstrip('.')}.", hint="Look at that line, and at sep, quotechar and skip."
    )


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"
