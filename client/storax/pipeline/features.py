"""What a pipeline learned: its features with their importances, correlations and SQL, and the columns they use."""

from collections import Counter
from collections.abc import Callable, ItemsView, Iterator, KeysView, ValuesView
from html import escape
from math import isnan
from typing import Any, ClassVar, Self, overload

from storax._engine import session
from storax.data.exchange import tables
from storax.errors import InvalidInput
from storax.pipeline import dialect as dialects
from storax.pipeline.results import charts
from storax.pipeline.results.sql_code import SqlCode, SqlText

_SHOWN = 20
Key = Callable[["Row"], Any]


class Row(dict[str, Any]):
    """One feature, column or table: ``row.importance`` and ``row["importance"]`` are the same."""

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return self[name]
        raise AttributeError(f"There is no {name!r} here, only {', '.join(self)}.")


class Feature(Row):
    """A feature: ``name``, ``target``, ``importance``, ``correlation``, where it comes from, and ``sql``."""

    _statements: "Statements"

    @property
    def sql(self) -> SqlText:
        """Its statement, for DuckDB; ``features.to_sql(dialect)`` writes those of other engines."""
        return SqlText(self._statements.of("duckdb")[self["name"]])


class Statements:
    """The statements of a fit, asked for once per dialect."""

    def __init__(self, pipeline: str) -> None:
        self._pipeline = pipeline
        self._known: dict[str, dict[str, str]] = {}

    def of(self, dialect: str) -> dict[str, str]:
        """Statements by name of feature."""
        engine = dialects.engine_of(dialect)
        if engine not in self._known:
            self._known[engine] = session.call("sql_pipeline", {"pipeline": self._pipeline, "dialect": engine})
        return self._known[engine]


class NamedValues(tuple[Any, Any]):
    """Two arrays, ``names, values = features.importances()``, that can be read by name as a dict can."""

    __slots__ = ()

    def __new__(cls, pairs: dict[str, float]) -> Self:
        """Make the arrays, in the order of the dict."""
        numpy = tables.library("numpy")
        return super().__new__(cls, (numpy.array(list(pairs), dtype=str), numpy.array(list(pairs.values()), float)))

    def to_dict(self) -> dict[str, float]:
        """Values by name."""
        names, values = self
        return dict(zip(names.tolist(), values.tolist(), strict=True))

    def keys(self) -> KeysView[str]:
        """The names."""
        return self.to_dict().keys()

    def values(self) -> ValuesView[float]:
        """The values."""
        return self.to_dict().values()

    def items(self) -> ItemsView[str, float]:
        """Pairs of name and value."""
        return self.to_dict().items()

    def __contains__(self, name: object) -> bool:
        return name in self.to_dict()

    def __getitem__(self, key: Any) -> Any:
        return self.to_dict()[key] if isinstance(key, str) else super().__getitem__(key)

    def __repr__(self) -> str:
        return repr(self.to_dict())


class Importances(charts.Bars):
    """Rows with names and numbers. They go by position, slice or name; ``to_pandas()`` gives a table."""

    _kind: ClassVar[type[Row]] = Row

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows: list[Row] = [row if isinstance(row, self._kind) else self._kind(row) for row in rows]

    @property
    def names(self) -> list[str]:
        """Names, in order, each once."""
        return list(dict.fromkeys(row["name"] for row in self.rows))

    @property
    def targets(self) -> list[str]:
        """Names of the targets, in order, each once."""
        return list(dict.fromkeys(row["target"] for row in self.rows))

    @property
    def importance(self) -> list[float]:
        """The importance of each row."""
        return [row["importance"] for row in self.rows]

    def importances(self, target_num: int | str = 0, sort: bool = True, *, target: str | None = None) -> NamedValues:
        """Names and importances for one target: ``names, values = features.importances()``.

        Columns of one name in several tables are ``table.name``.

        Args:
            target_num: Number of the target, from 0, or its name. Default 0.
            sort: Whether the most important comes first. Default True.
            target: Name of the target, in place of its number.
        """
        return self._values("importance", target or target_num, sort=sort)

    def filter(self, conditional: Key) -> Self:
        """Return the rows for which the function is true."""
        return self._part([row for row in self.rows if conditional(row)])

    def sort(self, by: str | None = None, key: Key | None = None, descending: bool | None = None) -> Self:
        """The same rows in another order.

        Args:
            by: ``"name"``, ``"importance"``, or another value of the rows; also in the plural. By default target and
                order of learning.
            key: A function of a row, in place of ``by``.
            descending: Default: importances and correlations (their absolute value) have the largest first, others not.
        """
        if by is not None and key is not None:
            raise InvalidInput("sort() takes by= or key=, not both.")
        field = self._field(by) if by is not None else ""
        numbers = field in ("importance", "correlation")
        chosen: Key = key or _order_of(field)
        return self._part(sorted(self.rows, key=chosen, reverse=numbers if descending is None else descending))

    def to_pandas(self) -> Any:
        """A pandas DataFrame; needs pandas."""
        return tables.library("pandas").DataFrame(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    @overload
    def __getitem__(self, key: int | str) -> Any: ...
    @overload
    def __getitem__(self, key: slice) -> Self: ...
    def __getitem__(self, key: int | str | slice) -> Any:
        if isinstance(key, slice):
            return self._part(self.rows[key])
        if isinstance(key, str):
            return next((row for row in self.rows if row["name"] == key), None) or self._unknown(key)
        return self.rows[key]

    def __repr__(self) -> str:
        lines = [", ".join(f"{key}: {_cell(value)}" for key, value in row.items()) for row in self.rows[:_SHOWN]]
        return "\n".join([*lines, *([f"... {len(self.rows)} in all"] if len(self.rows) > _SHOWN else [])])

    def _repr_html_(self) -> str:
        if not self.rows:
            return "<p>None.</p>"
        head = "".join(f"<th>{escape(str(key))}</th>" for key in self.rows[0])
        body = "".join(
            f"<tr>{''.join(f'<td>{escape(_cell(value))}</td>' for value in row.values())}</tr>"
            for row in self.rows[:_SHOWN]
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{len(self.rows)} in all</p>"

    # ---- within ----------------------------------------------------------------------------------------------------

    def _part(self, rows: list[Row]) -> Self:
        return type(self)(list(rows))

    def _values(self, field: str, target: int | str, *, sort: bool) -> NamedValues:
        chosen = self._target(target)
        rows = [row for row in self.rows if row["target"] == chosen]
        if sort:
            rows.sort(key=_order_of(field), reverse=True)
        several = {name for name, count in Counter(row["name"] for row in rows).items() if count > 1}
        labels = [f"{row['table']}.{row['name']}" if row["name"] in several else row["name"] for row in rows]
        return NamedValues({label: row[field] for label, row in zip(labels, rows, strict=True)})

    def _target(self, target: int | str) -> str:
        known = self.targets
        if known and target not in (known if isinstance(target, str) else range(len(known))):
            raise InvalidInput(
                f"There is no target {target!r}.", hint=f"There are {len(known)}, from 0: {', '.join(known)}."
            )
        return target if isinstance(target, str) else known[target] if known else ""

    def _field(self, by: str) -> str:
        fields = list(self.rows[0]) if self.rows else []
        field = next((name for name in (by, by.removesuffix("s")) if name in fields), None)
        if field is None and fields:
            raise InvalidInput(f"The rows cannot be sorted by {by!r}.", hint=f"They have {', '.join(fields)}.")
        return field or ""

    def _unknown(self, name: str) -> Any:
        from storax._runtime.suggestions import nearest

        raise InvalidInput(f"There is none called {name!r}.", hint=nearest(name, self.names))


class Features(Importances):
    """The features of a fit: ``features[0].sql``, ``features.sort(by="importance")[:10].names``."""

    _kind = Feature

    def __init__(self, rows: list[dict[str, Any]], statements: Statements) -> None:
        super().__init__(rows)
        self._statements = statements
        for row in self.rows:
            if isinstance(row, Feature):
                row._statements = statements

    @property
    def name(self) -> list[str]:
        """The name of each row."""
        return [row["name"] for row in self.rows]

    @property
    def correlation(self) -> list[float]:
        """The correlation of each row with its target."""
        return [row["correlation"] for row in self.rows]

    def correlations(self, target_num: int | str = 0, sort: bool = True, *, target: str | None = None) -> NamedValues:
        """Names and correlations with one target; the arguments are those of ``importances()``."""
        return self._values("correlation", target or target_num, sort=sort)

    def to_sql(self, dialect: str = "duckdb") -> SqlCode:
        """A SELECT for each feature, in the words of an SQL engine: ``storax.pipeline.dialect``."""
        statements = self._statements.of(dialect)
        return SqlCode({name: statements[name] for name in self.names})

    def _part(self, rows: list[Row]) -> Self:
        return type(self)(list(rows), self._statements)


def _order_of(field: str) -> Key:
    if not field:
        return lambda row: row["target"]
    if field == "correlation":
        return lambda row: -1.0 if isnan(row[field]) else abs(row[field])  # what does not vary has none
    return lambda row: row[field]


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
