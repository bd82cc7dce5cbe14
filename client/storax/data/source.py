"""Views, and what they share with data frames: columns and rows to look at, to take parts of and to carry elsewhere."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, overload

from storax._engine import session
from storax._runtime.suggestions import nearest
from storax.data import units
from storax.data.described import Described
from storax.data.exchange import tables
from storax.data.exchange.exports import Exports
from storax.data.expressions.columns import Column, literal
from storax.data.summaries.methods import Summaries, whole_number
from storax.errors import InvalidInput, NoColumn

if TYPE_CHECKING:
    from storax.data.model import Placeholder

Step = dict[str, Any]


class Source(Described, Exports, Summaries["View"]):
    """Rows and columns in the engine: a data frame, or a view of one."""

    _frame: str
    _alias = ""  # the name of ``with_name()``

    # ---- what it is ------------------------------------------------------------------------------------------------

    def _arguments(self, more: Iterable[Step] = ()) -> dict[str, Any]:
        """Return the arguments that describe it to the engine, with further steps."""
        raise NotImplementedError

    def _title(self) -> str:
        """Return its title for display."""
        raise NotImplementedError

    @property
    def rowid(self) -> Column:
        """The number of each row, from 0."""
        return Column(self, {"rows": 1})

    def to_spec(self) -> dict[str, Any]:
        """Return its description for the engine, as JSON."""
        source: dict[str, Any] = self._arguments()["source"]
        return source

    # ---- parts of it -----------------------------------------------------------------------------------------------

    @overload
    def __getitem__(self, what: str) -> Column: ...
    @overload
    def __getitem__(self, what: "slice | list[str] | tuple[str, ...] | Column") -> "View": ...
    def __getitem__(self, what: "str | slice | list[str] | tuple[str, ...] | Column") -> "Column | View":
        if isinstance(what, str):
            return self._column(what)
        if isinstance(what, slice):
            return self._view({"step": "slice", "start": what.start, "stop": what.stop, "step_by": what.step})
        if isinstance(what, Column):
            return self.where(what)
        if isinstance(what, (list, tuple)) and all(isinstance(name, str) for name in what):
            return self._view({"step": "columns", "names": list(map(self._known, what))})
        raise InvalidInput(
            f"{what!r} names no part of it.", hint="Use a column's name, a list of names, a slice or a condition."
        )

    def __getattr__(self, name: str) -> Column:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._column(name)

    def where(self, condition: Column) -> "View":
        """The rows for which the condition holds."""
        if not isinstance(condition, Column):
            raise InvalidInput("where() needs a condition, such as df['x'] > 1.")
        return self._view({"step": "where", "condition": self._node(condition)})

    def drop(self, names: str | Sequence[str]) -> "View":
        """Without these columns."""
        return self._view({"step": "drop", "names": self._names(names)})

    def with_column(
        self,
        col: Any,
        name: str,
        role: str | None = None,
        subroles: str | Sequence[str] | None = None,
        unit: str = "",
    ) -> "View":
        """With a column more, an expression over those that are there."""
        node = self._node(col) if isinstance(col, Column) else literal(col)
        marks = {"subroles": listed} if (listed := self._names(subroles or ())) else {}
        step = {"step": "with_column", "name": name, "expression": node, "role": role, "unit": unit}
        return self._view({**step, **marks})

    def with_role(
        self, names: str | Column | Sequence[Any], role: str, time_formats: Sequence[str] | None = None
    ) -> "View":
        """With another role for some columns."""
        step = {"step": "with_role", "names": self._names(names), "role": role, "time_formats": time_formats}
        return self._view(step)

    def with_subroles(
        self, names: str | Column | Sequence[Any], subroles: str | Sequence[str], append: bool = True
    ) -> "View":
        """With subroles for some columns; see ``DataFrame.set_subroles``."""
        step = {"names": self._names(names), "subroles": self._names(subroles), "append": append}
        return self._view({"step": "with_subroles", **step})

    def with_unit(self, names: str | Column | Sequence[Any], unit: str, comparison_only: bool = False) -> "View":
        """With another unit for some columns; see ``DataFrame.set_unit``."""
        unit = units.written(unit, comparison_only=comparison_only)
        return self._view({"step": "with_unit", "names": self._names(names), "unit": unit})

    def with_name(self, name: str) -> "View":
        """Return a view of the same rows with a name of its own, under which a container or placeholder knows it.

        Raises:
            InvalidInput: the name is empty.
        """
        if not name:
            raise InvalidInput("A view needs a name.")
        return self._view(alias=name)

    def iter_batches(self, batch_size: int = tables.BATCH_ROWS) -> Iterator["View"]:
        """Iterate over the rows in their order, as views of ``batch_size`` rows; the last may have fewer.

        ``for batch in df.iter_batches(): batch.to_pandas()`` holds one batch at a time in this process. Each use of a
        batch computes the view that it is of anew; ``to_arrow_stream()`` computes it once.

        Args:
            batch_size: rows of a batch, 1 or more. Default 100,000.

        Raises:
            InvalidInput: ``batch_size`` is no whole number, or below 1.
        """
        size = whole_number(batch_size, "batch_size", least=1)
        rows = self._view().nrows()
        return (self[start : min(start + size, rows)] for start in range(0, rows, size))

    def to_placeholder(self, name: str | None = None) -> "Placeholder":
        """Return its placeholder for a data model, with its roles; ``name`` defaults to its own."""
        from storax.data.model import Placeholder

        return Placeholder.of(self, name or self._alias or self._frame)

    # ---- looks -----------------------------------------------------------------------------------------------------

    def to_html(self, max_rows: int = 10) -> str:
        """Return an HTML table of the first rows, as a notebook shows it.

        Args:
            max_rows: how many rows at most, 0 or more. Default 10.

        Raises:
            InvalidInput: ``max_rows`` is no whole number, or below 0.
        """
        from storax.data import display

        rows = whole_number(max_rows, "max_rows", least=0)
        now = self._view()  # the columns of the rows that are read now
        return display.html(self._title(), now._described(), now._head(rows))

    def __repr__(self) -> str:
        from storax.data import display

        now = self._view()
        return display.text(self._title(), now._described(), now._head(display.ROWS))

    def _repr_html_(self) -> str:
        return self.to_html()

    # ---- within ----------------------------------------------------------------------------------------------------

    def _head(self, rows: int) -> Mapping[str, list[Any]]:
        values: dict[str, list[Any]] = tables.received("rows", {**self._arguments(), "stop": rows}).to_pydict()
        return values

    def _view(self, *steps: Step, alias: str = "") -> "View":
        return View(self._frame, self._arguments(steps)["source"]["steps"], alias or self._alias)

    def _column(self, name: str) -> Column:
        return Column(self, {"column": self._known(name)})

    def _known(self, name: str) -> str:
        names = self.colnames
        if name not in names:
            raise NoColumn(f"{self._title()} has no column {name!r}.", hint=nearest(name, names))
        return name

    def _names(self, columns: str | Column | Sequence[Any]) -> list[str]:
        listed = [columns] if isinstance(columns, (str, Column)) else list(columns)
        return [one.name if isinstance(one, Column) else str(one) for one in listed]

    def _node(self, column: Column) -> dict[str, Any]:
        """Its expression, which must be over this very source."""
        if not column.belongs_to(self):
            raise InvalidInput(
                f"The expression is over {column._source._title()}, and not over {self._title()}.",
                hint="An expression is over one data frame or view.",
            )
        return column._node


class View(Source):
    """Steps over a data frame, made by ``where``, ``drop``, ``with_column`` and slices; it changes nothing itself."""

    # DataFrame.from_view, which stands above: ``storax.data.frame`` sets it.
    _frame_of: ClassVar[Callable[["View", str], Any]]

    def __init__(self, frame: str, steps: list[Step], alias: str = "") -> None:
        self._frame = frame
        self._steps = steps
        self._alias = alias
        self._last: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        """The name of ``with_name()``, else that of the data frame that it is a view of."""
        return self._alias or self._frame

    def refresh(self) -> Self:
        """Look at the data frame again: its columns and rows may have changed.

        Raises:
            NoDataFrame: the data frame is not there any more.
            NoColumn: a column that a step needs is not there any more.
        """
        self._last = None
        self._described()
        return self

    def to_df(self, name: str) -> Any:
        """Make a data frame of it."""
        return type(self)._frame_of(self, name)

    def _described(self) -> dict[str, Any]:
        if self._last is None:
            self._last = session.call("look", self._arguments())
        return self._last

    def _arguments(self, more: Any = ()) -> dict[str, Any]:
        return {"source": {"frame": self._frame, "steps": [*self._steps, *more]}}

    def _title(self) -> str:
        return f"View of {self._frame!r}"
