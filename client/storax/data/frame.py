"""DataFrame: a handle to a data frame in the engine. It holds a name and what the columns were when last heard."""

from collections.abc import Sequence
from typing import Any, Self

from storax._engine import session
from storax.data import units
from storax.data.exchange import sources, tables
from storax.data.exchange.imports import Imports
from storax.data.expressions.aggregations import Aggregation
from storax.data.expressions.columns import Column, literal
from storax.data.source import Source, Step, View
from storax.errors import NoDataFrame


class DataFrame(Imports, Source):
    """A handle to a data frame of the project that is set. Every change is made in the engine, at once.

    ``DataFrame(name)`` makes the handle alone: ``load()`` then brings what is on the disk, ``read_csv()`` and its like
    fill it. Nothing is saved by itself, unless the project has ``autosave``: ``save()`` does so.

    Args:
        name: Of the data frame.
        roles: ``{role: [columns]}``, for each ``read_`` call that gives none; ``read_view()`` keeps the roles of the
            view. A column that the rows do not have is a NoColumn there. Default None: no roles.
        data: Rows that it is made of at once: a pandas or polars DataFrame, any object of the Arrow PyCapsule protocol,
            a dict of lists by column, or a list of dicts by row. Default None: the handle alone.

    Raises:
        InvalidInput: ``data`` is none of these.
    """

    def __init__(self, name: str, roles: Any = None, *, data: Any = None) -> None:
        self.name = self._frame = name
        self._roles = roles
        self._last: dict[str, Any] | None = None
        if data is not None:
            self._read("data", sources.arrow_of(data), append=False, roles=None)

    @classmethod
    def _handle(cls, name: str) -> Self:
        return cls(name)

    # ---- its life --------------------------------------------------------------------------------------------------

    def refresh(self) -> Self:
        """Hear from the engine what it is now; other handles may have changed it.

        Raises:
            NoDataFrame: there is none of this name any more.
        """
        return self._remember(session.call("describe", {"frame": self.name}))

    def save(self) -> Self:
        """Write it to the disk, where it stays until it is deleted. A failure at any moment leaves the older one.

        Raises:
            NoDataFrame: it is not in memory.
        """
        return self._remember(session.call("save", {"frame": self.name}))

    def load(self) -> Self:
        """Bring it into memory as it was saved; what was changed since is lost.

        Raises:
            NoDataFrame: it was never saved.
        """
        return self._remember(session.call("load", {"frame": self.name}))

    def copy(self, name: str) -> Self:
        """Make a data frame of the same rows under another name."""
        return type(self).from_view(self, name)

    def unload(self) -> None:
        """Free its memory. What was not saved is lost; ``load()`` brings the rest back."""
        session.call("unload", {"frame": self.name})
        self._last = None

    def delete(self) -> None:
        """Delete it, in memory and on disk; its history stays in the event log."""
        session.call("delete", {"frame": self.name})
        self._last = None

    @property
    def in_memory(self) -> bool:
        """Whether the engine holds it in memory, as last heard."""
        return bool(self._described()["in_memory"])

    @property
    def on_disk(self) -> bool:
        """Whether it is on the disk, maybe as it was before some changes; as last heard."""
        return bool(self._described()["on_disk"])

    @property
    def edition(self) -> int:
        """Version of its ``DataFrameRecord`` by which its content came to be, as last heard."""
        return int(self._described()["edition"])

    @property
    def saved_edition(self) -> int | None:
        """The edition that is on disk; None: it was never saved."""
        edition = self._described()["saved_edition"]
        return None if edition is None else int(edition)

    @property
    def record_id(self) -> int:
        """Id of its ``DataFrameRecord``, by which its events are found."""
        return int(self._described()["id"])

    @property
    def memory_usage(self) -> float:
        """Megabytes of its columns."""
        return self.nbytes / 1e6

    @property
    def nbytes(self) -> int:
        """Bytes of its columns in memory, as last heard."""
        return int(self._described()["nbytes"])

    # ---- its columns -----------------------------------------------------------------------------------------------

    def add(
        self,
        col: Any,
        name: str,
        role: str | None = None,
        subroles: str | Sequence[str] | None = None,
        unit: str = "",
        time_formats: Sequence[str] | None = None,
    ) -> Self:
        """Add a column; one of that name is replaced, and becomes the last.

        Args:
            col: An expression over columns, an array or list of one value a row, or one value for all rows.
            name: Of the column.
            role: By default ``unused_float`` or ``unused_string``, by type.
            subroles: One or several of ``storax.data.subroles``.
            unit: Such as ``"km"``: pipelines compare it with columns of the same unit; see ``set_unit``.
            time_formats: ``strptime`` formats, where texts become time stamps.

        Raises:
            InvalidInput: its length is another than that of the others, or a value does not fit the role.
        """
        arguments: dict[str, Any] = {
            "frame": self.name,
            "name": name,
            "role": role,
            "unit": unit,
            "time_formats": list(time_formats or ()),
        }
        if marks := self._names(subroles or ()):  # an engine of the previous release knows none
            arguments["subroles"] = marks
        if isinstance(col, Column) and col.belongs_to(self):
            return self._remember(session.call("add", {**arguments, "expression": col._node}))
        if isinstance(col, (str, Aggregation)) or not hasattr(col, "__len__"):
            node = {"value": col.get()} if isinstance(col, Aggregation) else literal(col)
            return self._remember(session.call("add", {**arguments, "expression": node}))
        values = tables.column(col.to_arrow() if isinstance(col, Column) else col)
        return self._remember(session.call("add_values", arguments, table=tables.sent(values)))

    def __setitem__(self, name: str, col: Any) -> None:
        self.add(col, name)

    def set_role(
        self, cols: str | Column | Sequence[Any], role: str, time_formats: Sequence[str] | None = None
    ) -> Self:
        """Give columns another role; their values are converted exactly, or it is an error that names the row.

        Args:
            cols: Name, column, or a list of them.
            role: categorical, join_key, numerical, target, text, time_stamp, unused_float or unused_string.
            time_formats: ``strptime`` formats of time stamps, instead of ISO 8601.
        """
        arguments = {"names": self._names(cols), "role": role, "time_formats": list(time_formats or ())}
        return self._remember(session.call("set_role", {"frame": self.name, **arguments}))

    def set_subroles(
        self, cols: str | Column | Sequence[Any], subroles: str | Sequence[str], append: bool = True
    ) -> Self:
        """Give columns subroles: which parts of a pipeline may use them.

        Args:
            cols: Name, column, or a list of them.
            subroles: One or several of ``storax.data.subroles``.
            append: Whether they keep those that they have. Default True.

        Raises:
            InvalidInput: there is no such subrole, or it has no effect.
        """
        arguments = {"names": self._names(cols), "subroles": self._names(subroles), "append": append}
        return self._remember(session.call("set_subroles", {"frame": self.name, **arguments}))

    def remove_subroles(self, cols: str | Column | Sequence[Any]) -> Self:
        """Leave columns without a subrole."""
        return self.set_subroles(cols, [], append=False)

    def set_unit(self, cols: str | Column | Sequence[Any], unit: str, comparison_only: bool = False) -> Self:
        """Give columns another unit: pipelines compare columns of equal unit across a join.

        Args:
            cols: Name, column, or a list of them.
            unit: Such as ``"km"``, compared letter by letter; ``""`` for none. ``"km, comparison only"`` is ``"km"``
                with ``comparison_only``.
            comparison_only: Whether they are used in comparisons alone. Default False.

        Raises:
            InvalidInput: the unit has a mark that does nothing, or no name.
        """
        arguments = {"names": self._names(cols), "unit": units.written(unit, comparison_only=comparison_only)}
        return self._remember(session.call("set_unit", {"frame": self.name, **arguments}))

    def remove_unit(self, cols: str | Column | Sequence[Any]) -> Self:
        """Leave columns without a unit."""
        return self.set_unit(cols, "")

    def remove(self, cols: str | Column | Sequence[Any]) -> Self:
        """Remove columns for good; ``drop()`` makes a view without them."""
        return self._remember(session.call("remove_columns", {"frame": self.name, "names": self._names(cols)}))

    def __delitem__(self, name: str) -> None:
        self.remove(name)

    # ---- within ----------------------------------------------------------------------------------------------------

    def _described(self) -> dict[str, Any]:
        if self._last is None:
            self.refresh()
        assert self._last is not None  # noqa: S101
        return self._last

    def _arguments(self, more: Any = ()) -> dict[str, Any]:
        return {"source": {"frame": self.name, "steps": list(more)}}

    def _remember(self, description: dict[str, Any]) -> Self:
        self._last = description
        return self

    def _title(self) -> str:
        return f"DataFrame {self.name!r}"

    def __repr__(self) -> str:
        try:
            self.refresh()
        except NoDataFrame:
            return f"{self._title()}, which is not in the engine"
        return (
            super().__repr__()
            if self.in_memory
            else f"{self._title()}, on disk: {self.nrows():,} rows. load() brings it."
        )


__all__ = ["DataFrame", "Step"]


View._frame_of = DataFrame.from_view
