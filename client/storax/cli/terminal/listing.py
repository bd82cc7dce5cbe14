"""Lists of objects: their columns, with the names of sites and apps in place of ids."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from storax.cli.terminal.output import Form, chosen, note, show

Limit = Annotated[int, typer.Option("--limit", "-l", min=0, help="Largest number of rows; 0: all.")]
Order = Annotated[str, typer.Option("--order", metavar="FIELD", help="Sort by this field; -FIELD: descending.")]

# Columns with the name of an object that another field has the id of.
_NAMED = {"app": "app_id", "site": "site_id"}


@dataclass(frozen=True)
class Listing:
    """How the objects of one model are listed.

    Attributes:
        noun: Name of one object.
        narrow: Columns of a table.
        wide: Columns of a wide table.
        computed: Columns that are no fields: the fields that each is computed of, and the function of a row.
        fetched: Columns that take requests: the fields that each needs, and the function that adds it to all rows.
    """

    noun: str
    narrow: tuple[str, ...]
    wide: tuple[str, ...]
    computed: Mapping[str, tuple[tuple[str, ...], Callable[[Mapping[str, Any]], Any]]] = field(default_factory=dict)
    fetched: Mapping[str, tuple[tuple[str, ...], Callable[[list[dict[str, Any]]], None]]] = field(default_factory=dict)

    def print(self, query: Any, *, form: Form, columns: str | None, limit: int = 0, empty: str = "") -> int:
        """Print the matches of a query, ``limit`` at most, and return how many there were.

        Args:
            query: of any resource, in its final order.
            form: how to print.
            columns: names after ``--columns``; None chooses by the form.
            limit: rows at most; 0 means all.
            empty: the message on stderr if there are none.

        Raises:
            UnknownName: there is no such column; the message names the nearest.
        """
        names = chosen(form, columns, narrow=self.narrow, wide=self.wide, every=query._model._columns)
        own = {**self.computed, **self.fetched}
        fields = [field for name in names for field in (own[name][0] if name in own else (name,))]
        rows = rows_of(query[:limit] if limit else query, _fields(fields), form=form)
        if set(names) & {*_NAMED, *self.fetched}:
            rows = named(list(rows), names)
            for name in set(names) & set(self.fetched):
                self.fetched[name][1](rows)
        cells = ({name: self._cell(row, name) for name in names} for row in rows)
        count = show(cells, form=form, columns=names, named=bool(columns))
        if not count and form.for_people:
            note(empty or f"There is no {self.noun}.")
        return count

    def _cell(self, row: Mapping[str, Any], name: str) -> Any:
        return self.computed[name][1](row) if name in self.computed else row[name]


def rows_of(query: Any, fields: Sequence[str], *, form: Form) -> Iterable[dict[str, Any]]:
    """Return the rows of a query; page by page where the form prints line by line, so that any number fits into memory.

    Raises:
        UnknownName: there is no such field; the message names the nearest.
    """
    if form not in (Form.NDJSON, Form.CSV, Form.IDS):
        rows: list[dict[str, Any]] = query.values(*fields)
        return rows
    query[:0].values(*fields)  # sends no request, but checks the names
    return ({name: getattr(instance, name) for name in fields} for instance in query.iterator())


def _fields(names: Iterable[str]) -> Sequence[str]:
    return list(dict.fromkeys(_NAMED.get(name, name) for name in names))


def named(rows: list[dict[str, Any]], names: Iterable[str]) -> list[dict[str, Any]]:
    """Add the columns ``app`` and ``site`` to rows where they are among ``names``: one request for each."""
    for name in set(names) & set(_NAMED):
        field = _NAMED[name]
        names_by_id = _names(name, {row[field] for row in rows if row[field] is not None})
        for row in rows:
            row[name] = names_by_id.get(row[field], row[field])
    return rows


def _names(kind: str, ids: set[int]) -> dict[int, str]:
    from storax.models.job import App
    from storax.models.site import Site

    if not ids:
        return {}
    query: Any = App.objects if kind == "app" else Site.objects
    return dict(query.filter(id=sorted(ids)).values_list("id", "name"))


def age(row: Mapping[str, Any]) -> timedelta | None:
    """Return the time since a row was created; for ``computed``."""
    return datetime.now(UTC) - row["creation_date"] if row["creation_date"] else None


def run_time(row: Mapping[str, Any]) -> timedelta | None:
    """Return the time from ``start_time`` to ``end_time``, or until now; None before the start; for ``computed``."""
    return (row["end_time"] or datetime.now(UTC)) - row["start_time"] if row["start_time"] else None
