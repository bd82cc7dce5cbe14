"""A table as it comes: a Parquet file that is read in batches or by columns, or Arrow in memory."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from storax_engine.learning.errors import BadData
from storax_engine.learning.plan import Plan

BATCH_ROWS = 128 * 1024
TableOrPath = Any  # pa.Table | Path | str; pyarrow has no types


class Source:
    """One table. Nothing of a file is read before it is asked for."""

    def __init__(self, table_or_path: TableOrPath) -> None:
        self._table = table_or_path if isinstance(table_or_path, pa.Table) else None
        self._path = None if isinstance(table_or_path, pa.Table) else Path(table_or_path)

    @cached_property
    def schema(self) -> pa.Schema:
        """Names and types of the columns. Raises ``BadData`` where the file is none."""
        if self._table is not None:
            return self._table.schema
        try:
            return pq.read_schema(self._path)
        except (OSError, pa.ArrowInvalid) as error:
            raise BadData(f"{self._path} cannot be read as Parquet: {error}") from error

    @cached_property
    def rows(self) -> int:
        """The number of rows."""
        return int(self._table.num_rows if self._table is not None else pq.read_metadata(self._path).num_rows)

    def table(self, columns: Sequence[str]) -> pa.Table:
        """Some columns, whole."""
        if self._table is not None:
            return self._table.select(list(columns))
        with pq.ParquetFile(self._path) as file:
            return file.read(columns=list(columns)).select(list(columns))

    def batches(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Some columns, so many rows at a time, in order."""
        if self._table is not None:
            chosen = self._table.select(list(columns))
            yield from (chosen.slice(start, BATCH_ROWS) for start in range(0, self.rows, BATCH_ROWS))
            return
        with pq.ParquetFile(self._path) as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=list(columns)):
                yield pa.table(batch).select(list(columns))


def of(plan: Plan, tables: Mapping[str, TableOrPath]) -> dict[str, Source]:
    """The sources of every placeholder, by its name. Raises ``BadData`` where one is missing."""
    by_table = {name: Source(table_or_path) for name, table_or_path in tables.items()}
    for node in plan.population.walk():
        if node.table not in by_table:
            raise BadData(
                f"no table for the placeholder {node.table!r} was given; given: {', '.join(sorted(by_table)) or 'none'}"
            )
    return {node.name: by_table[node.table] for node in plan.population.walk()}
