"""Where rows go: files, databases, other libraries."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from storax._engine import session
from storax.data.exchange import tables


class Exports:
    """The exports of data frames and views."""

    def _arguments(self, more: Iterable[dict[str, Any]] = ()) -> dict[str, Any]:
        """Return the arguments that describe it to the engine, with further steps."""
        raise NotImplementedError

    def to_arrow(self) -> Any:
        """All rows as a pyarrow Table."""
        return tables.received("rows", self._arguments())

    def to_arrow_stream(self) -> Any:
        """Return a pyarrow RecordBatchReader of all rows, which holds one batch at a time in this process.

        The rows are those of the moment of the call, in batches of 100,000. The reader keeps a connection to the engine
        until it is read to its end or dropped.
        """
        return tables.streamed("rows", self._arguments())

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return its rows as a capsule of the Arrow PyCapsule protocol, by which other libraries read them.

        ``pl.DataFrame(df)``, ``pa.table(df)`` and ``duckdb.sql("FROM df")`` use it. One batch is held at a time here.

        Args:
            requested_schema: A capsule with the schema that the consumer prefers. Default None: that of the rows.
        """
        capsule: object = self.to_arrow_stream().__arrow_c_stream__(requested_schema)
        return capsule

    def to_pandas(self) -> Any:
        """All rows as a pandas DataFrame; needs pandas."""
        return self.to_arrow().to_pandas()

    def to_polars(self) -> Any:
        """All rows as a polars DataFrame; needs polars."""
        return tables.library("polars").from_arrow(self.to_arrow())

    def to_dict(self) -> dict[str, list[Any]]:
        """All rows as lists by column."""
        values: dict[str, list[Any]] = self.to_arrow().to_pydict()
        return values

    def to_csv(self, path: str | Path) -> Path:
        """Write all rows into a CSV file with a header, in one step."""
        return self._written("csv", path)

    def to_json(self, path: str | Path | None = None) -> str:
        """All rows as JSON, lists by column; with ``path`` they are written there and the path is returned."""
        if path is not None:
            return str(self._written("json", path))
        import json

        return json.dumps(self.to_dict(), default=str, ensure_ascii=False)

    def to_parquet(self, path: str | Path) -> Path:
        """Write all rows into a Parquet file, in one step."""
        return self._written("parquet", path)

    def to_db(self, table_name: str, conn: Any = None) -> None:
        """Make a table of all rows in a database.

        Args:
            table_name: Of the new table.
            conn: A connection of ``storax.database``, by default the one named ``default``; a DB-API 2 connection, a
                SQLAlchemy engine or connection, or an address.
        """
        from storax.data.exchange import databases

        databases.write(table_name, self.to_arrow(), conn)

    def _written(self, kind: str, path: str | Path) -> Path:
        arguments = {**self._arguments(), "path": str(Path(path).absolute()), "kind": kind}
        return Path(session.call_with_progress(f"Writing {Path(path).name}", "write_file", arguments))
