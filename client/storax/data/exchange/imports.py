"""Where data frames come from: files, databases, other libraries. A ``from_`` makes one, a ``read_`` fills one."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from storax._engine import session
from storax._runtime.progress import counted
from storax.data.exchange import sources, tables
from storax.data.roles import ByRole, RolesByColumn
from storax.errors import InvalidInput

if TYPE_CHECKING:
    from storax.data.source import Source

Paths = str | Path | Sequence[str | Path]
Roles = Mapping[str, Any] | ByRole | None


class Imports:
    """The imports of a DataFrame.

    What they share: ``name`` of the data frame, which is replaced if there is one; ``roles`` as ``{role: [columns]}``,
    where columns that are not named get ``unused_float`` or ``unused_string``; ``ignore=True`` leaves those out;
    ``dry=True`` imports nothing and returns the roles by column. ``read_`` calls take ``append=True``, which adds the
    rows to those that are there; without ``roles`` they use those of ``DataFrame(name, roles=...)``.
    """

    name: str
    _roles: Roles = None

    def _remember(self, description: dict[str, Any]) -> Self:
        raise NotImplementedError

    @classmethod
    def _handle(cls, name: str) -> Self:
        raise NotImplementedError

    # ---- files -----------------------------------------------------------------------------------------------------

    @classmethod
    def from_csv(
        cls,
        fnames: Paths,
        name: str,
        roles: Roles = None,
        *,
        ignore: bool = False,
        dry: bool = False,
        sep: str = ",",
        quotechar: str = '"',
        skip: int = 0,
        colnames: Sequence[str] = (),
        num_lines_read: int | None = None,
        time_formats: Sequence[str] | None = None,
    ) -> Any:
        """A data frame out of one CSV file, or several with the same columns; the engine reads them.

        Args:
            fnames: Path, or a list of paths.
            name: Of the data frame.
            roles: ``{role: [columns]}``.
            ignore: Leave out columns without a role.
            dry: Import nothing; return the roles by column.
            sep: Between cells.
            quotechar: Around cells that hold ``sep``.
            skip: Lines to skip at the top of each file.
            colnames: Names of the columns, of files without a header.
            num_lines_read: Rows to read of each file; None: all.
            time_formats: ``strptime`` formats of time stamps, instead of ISO 8601.

        Raises:
            NoFile: one is not there.
            InvalidInput: naming the file, line and column where something is wrong; nothing was changed then.
        """
        handle = cls._handle(name)
        form = {"sep": sep, "quote": quotechar, "skip": skip, "names": list(colnames), "limit": num_lines_read}
        arguments = {"form": form, "ignore": ignore, "dry": dry, "time_formats": list(time_formats or ())}
        description = handle._read_files("read_csv", fnames, roles, **arguments)
        return RolesByColumn(description) if dry else handle._remember(description)

    def read_csv(
        self,
        fnames: Paths,
        *,
        append: bool = False,
        roles: Roles = None,
        sep: str = ",",
        quotechar: str = '"',
        skip: int = 0,
        colnames: Sequence[str] = (),
        time_formats: Sequence[str] | None = None,
    ) -> Self:
        """Fill it from CSV files; the arguments are those of ``from_csv``."""
        form = {"sep": sep, "quote": quotechar, "skip": skip, "names": list(colnames)}
        arguments = {"form": form, "append": append, "time_formats": list(time_formats or ())}
        return self._remember(self._read_files("read_csv", fnames, roles, **arguments))

    @classmethod
    def from_parquet(
        cls, fnames: Paths, name: str, roles: Roles = None, *, ignore: bool = False, dry: bool = False
    ) -> Any:
        """A data frame out of one Parquet file, or several with the same columns; the engine reads them."""
        handle = cls._handle(name)
        description = handle._read_files("read_parquet", fnames, roles, ignore=ignore, dry=dry)
        return RolesByColumn(description) if dry else handle._remember(description)

    def read_parquet(self, fnames: Paths, *, append: bool = False, roles: Roles = None) -> Self:
        """Fill it from Parquet files."""
        return self._remember(self._read_files("read_parquet", fnames, roles, append=append))

    # ---- this process ----------------------------------------------------------------------------------------------

    @classmethod
    def from_pandas(
        cls, pandas_df: Any, name: str, roles: Roles = None, *, ignore: bool = False, dry: bool = False
    ) -> Any:
        """A data frame out of a pandas one, without its index. Categories, truths and times are kept."""
        return cls._from("pandas", name, tables.from_pandas(pandas_df), roles, ignore=ignore, dry=dry)

    def read_pandas(self, pandas_df: Any, *, append: bool = False, roles: Roles = None) -> Self:
        """Fill it from a pandas DataFrame."""
        return self._read("pandas", tables.from_pandas(pandas_df), append=append, roles=roles)

    @classmethod
    def from_polars(
        cls, polars_df: Any, name: str, roles: Roles = None, *, ignore: bool = False, dry: bool = False
    ) -> Any:
        """A data frame out of a polars one."""
        return cls._from("polars", name, tables.from_polars(polars_df), roles, ignore=ignore, dry=dry)

    def read_polars(self, polars_df: Any, *, append: bool = False, roles: Roles = None) -> Self:
        """Fill it from a polars DataFrame."""
        return self._read("polars", tables.from_polars(polars_df), append=append, roles=roles)

    @classmethod
    def from_arrow(cls, table: Any, name: str, roles: Roles = None, *, ignore: bool = False, dry: bool = False) -> Any:
        """A data frame out of a pyarrow Table, or of any object that speaks the Arrow PyCapsule protocol.

        Such are polars DataFrames, relations of DuckDB and RecordBatchReaders, whose batches are read one at a time.

        Raises:
            InvalidInput: it has no ``__arrow_c_stream__``, or is no table.
        """
        return cls._from("arrow", name, sources.capsule(table), roles, ignore=ignore, dry=dry)

    def read_arrow(self, table: Any, *, append: bool = False, roles: Roles = None) -> Self:
        """Fill it from a pyarrow Table, or any object that speaks the Arrow PyCapsule protocol."""
        return self._read("arrow", sources.capsule(table), append=append, roles=roles)

    @classmethod
    def from_dict(
        cls,
        data: Mapping[str, Iterable[Any]],
        name: str,
        roles: Roles = None,
        *,
        ignore: bool = False,
        dry: bool = False,
    ) -> Any:
        """A data frame out of lists of one length by column."""
        return cls._from("dict", name, tables.from_dict(data), roles, ignore=ignore, dry=dry)

    def read_dict(self, data: Mapping[str, Iterable[Any]], *, append: bool = False, roles: Roles = None) -> Self:
        """Fill it from lists by column."""
        return self._read("dict", tables.from_dict(data), append=append, roles=roles)

    @classmethod
    def from_json(
        cls, json_str: str, name: str, roles: Roles = None, *, ignore: bool = False, dry: bool = False
    ) -> Any:
        """A data frame out of JSON text: an object of lists by column, or a list of objects by row."""
        return cls._from("json", name, tables.from_json(json_str), roles, ignore=ignore, dry=dry)

    def read_json(self, json_str: str, *, append: bool = False, roles: Roles = None) -> Self:
        """Fill it from JSON text."""
        return self._read("json", tables.from_json(json_str), append=append, roles=roles)

    @classmethod
    def from_view(cls, view: "Source", name: str) -> Self:
        """A data frame out of a view or of another data frame, made within the engine."""
        handle = cls._handle(name)
        return handle._remember(session.call("put_view", {"frame": name, **view._arguments()}))

    def read_view(self, view: "Source", append: bool = False) -> Self:
        """Fill it from a view or another data frame, made within the engine."""
        arguments = {"frame": self.name, "append": append, **view._arguments()}
        return self._remember(session.call("put_view", arguments))

    # ---- databases -------------------------------------------------------------------------------------------------

    @classmethod
    def from_db(
        cls, table_name: str, name: str | None = None, roles: Roles = None, *, conn: Any = None, ignore: bool = False,
        dry: bool = False,
    ) -> Any:  # fmt: skip
        """A data frame out of a table of a database.

        Args:
            table_name: Of the table.
            name: Of the data frame, by default that of the table.
            roles: ``{role: [columns]}``.
            conn: A connection of ``storax.database``, by default the one named ``default``; a DB-API 2 connection, a
                SQLAlchemy engine or connection, an ADBC connection, or an address.
            ignore: Leave out columns without a role.
            dry: Import nothing; return the roles by column.

        Raises:
            StoraxError: the database's own words, as for a table that is not there.
        """
        from storax.data.exchange import databases

        table = databases.table(table_name, conn)
        return cls._from("db", name or table_name, table, roles, ignore=ignore, dry=dry)

    def read_db(self, table_name: str, *, conn: Any = None, append: bool = False, roles: Roles = None) -> Self:
        """Fill it from a table of a database."""
        from storax.data.exchange import databases

        return self._read("db", databases.table(table_name, conn), append=append, roles=roles)

    @classmethod
    def from_query(
        cls, query: str, name: str, roles: Roles = None, *, conn: Any = None, ignore: bool = False, dry: bool = False
    ) -> Any:
        """A data frame out of what a query answers; ``conn`` as in ``from_db``."""
        from storax.data.exchange import databases

        return cls._from("query", name, databases.query(query, conn), roles, ignore=ignore, dry=dry)

    def read_query(self, query: str, *, conn: Any = None, append: bool = False, roles: Roles = None) -> Self:
        """Fill it from what a query answers."""
        from storax.data.exchange import databases

        return self._read("query", databases.query(query, conn), append=append, roles=roles)

    # ---- within ----------------------------------------------------------------------------------------------------

    @classmethod
    def _from(cls, source: str, name: str, table: Any, roles: Roles, *, ignore: bool, dry: bool) -> Any:
        handle = cls._handle(name)
        description = handle._send(source, table, roles, ignore=ignore, dry=dry)
        return RolesByColumn(description) if dry else handle._remember(description)

    def _read(self, source: str, table: Any, *, append: bool, roles: Roles) -> Self:
        return self._remember(self._send(source, table, roles, append=append))

    def _send(self, source: str, table: Any, roles: Roles, **more: bool) -> Any:
        arguments = {"frame": self.name, "source": source, "given": self._effective_roles(roles), **more}
        rows = len(table) if hasattr(table, "__len__") else None  # a stream does not know
        with counted(f"Importing {self.name}", rows) as bar:
            return session.call("put_table", arguments, table=tables.sent(table, bar.update))

    def _read_files(self, command: str, fnames: Paths, roles: Roles, **more: Any) -> Any:
        listed = [fnames] if isinstance(fnames, (str, Path)) else list(fnames)
        paths = [str(Path(path).expanduser().absolute()) for path in listed]
        arguments = {"frame": self.name, "paths": paths, "given": self._effective_roles(roles), **more}
        return session.call_with_progress(f"Reading {self.name}", command, arguments)

    def _effective_roles(self, roles: Roles) -> dict[str, list[str]]:
        """Return the roles of a call, or those of the handle where the call has none."""
        return _by_role(self._roles if roles is None else roles)


def _by_role(roles: Any) -> dict[str, list[str]]:
    """``{role: [columns]}`` out of a mapping, or out of what gives one."""
    by_role = roles.to_dict() if hasattr(roles, "to_dict") else roles if roles is not None else {}
    if not isinstance(by_role, Mapping):
        raise InvalidInput(f"roles are {by_role!r}.", hint="Give {role: [columns]}.")
    return {role: [names] if isinstance(names, str) else list(names) for role, names in by_role.items()}
