"""Saved views: the queries of jobs that a user keeps under a name, as the page Jobs has them in its URL."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qsl

import typer

from storax.cli.terminal import complete
from storax.cli.terminal.failures import NOT_FOUND, CommandError

if TYPE_CHECKING:
    from storax._orm.filters import Filter
    from storax.models.job import JobQuery

ViewName = Annotated[
    str | None,
    typer.Option(
        "--view", metavar="NAME", help="Jobs, order and columns of this saved view.", autocompletion=complete.views
    ),
]
_OPTIONS = ("ordering", "fields", "exclude", "limit", "as_of")  # parameters that are no filters


@dataclass(frozen=True)
class View:
    """A saved view.

    Attributes:
        filters: Filters, all of which must match, by name.
        excluded: Groups of filters; what matches a whole group is left out.
        order: Fields to sort by, separated by commas; None where the view names none.
        columns: Names of columns, separated by commas; None where the view names none.
        limit: Largest number of rows; None where the view names none.
        as_of: Position of the log or time that it shows; None: the present.
    """

    filters: Mapping[str, Any]
    excluded: Sequence[Mapping[str, Any]]
    order: str | None
    columns: str | None
    limit: int | None
    as_of: str | None

    def options(
        self, context: typer.Context, order: str, limit: int, as_of: str | None, columns: str | None
    ) -> tuple[str, int, str | None, str | None]:
        """Return these options as the command line has them, and those that it leaves out as the view has them."""
        order = self.order if self.order and not _is_written(context, "order") else order
        limit = limit if self.limit is None or _is_written(context, "limit") else self.limit
        return order, limit, as_of or self.as_of, columns or self.columns

    def narrow(self, jobs: "JobQuery") -> "JobQuery":
        """Return those of a query that the view shows."""
        jobs = jobs.filter(**self.filters)
        for group in self.excluded:
            jobs = jobs.exclude(**group)
        return jobs


def saved_view(name: str | None) -> View | None:
    """Read a saved view; None where there is no name.

    Raises:
        CommandError: There is none of this name; the message names the nearest.
    """
    from storax._runtime.suggestions import nearest
    from storax.models.saved_view import SavedView

    if name is None:
        return None
    queries = dict(SavedView.objects.values_list("name", "query"))
    if name not in queries:
        hint = nearest(name, queries) or 'Save one on the page Jobs, with "Save this view…".'
        raise CommandError(f"There is no saved view {name!r}.", hint=hint, status=NOT_FOUND)
    return _view(queries[name])


def _is_written(context: typer.Context, name: str) -> bool:
    """Whether an option stands on the command line, in place of its default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def _view(query: str) -> View:
    from storax.models.job import Job

    texts: dict[str, list[str]] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        texts.setdefault(name, []).append(text)
    known = Job._spec.filters
    last = {name: texts[name][-1] for name in _OPTIONS if name in texts}
    fields = [name for name in last.get("fields", "").split(",") if name]
    return View(
        filters={name: _value(known.get(name), values) for name, values in texts.items() if name not in _OPTIONS},
        excluded=[json.loads(text) for text in texts.get("exclude", ())],
        order=last.get("ordering") or None,
        columns=",".join(dict.fromkeys(("id", *fields))) if fields else None,
        limit=int(last["limit"]) if "limit" in last else None,
        as_of=last.get("as_of"),
    )


def _value(filter_: "Filter | None", texts: Sequence[str]) -> Any:
    """Return the value of a filter in a URL, where it may stand several times; a filter of JSON takes KEY:VALUE too."""
    if filter_ is None or filter_.op != "contains_json":
        return list(texts) if len(texts) > 1 else texts[0]
    value: dict[str, Any] = {}
    for text in texts:
        value |= json.loads(text) if text.startswith("{") else dict([text.split(":", 1)])
    return value
