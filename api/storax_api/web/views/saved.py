"""The saved views of a viewer: their addresses, and the query that the page Jobs has as a view."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from fastapi import Request

from storax_api.web.frame.filters import Pair, UrlQuery
from storax_api.web.frame.reads import Reads, Row
from storax_api.web.jobs import columns
from storax_core import limits
from storax_core.queries.select import Query
from storax_core.resources import JOBS, SAVED_VIEWS

SHOWN = 12  # on the pages Jobs and Overview
PLACE = ("cursor", "offset", "count", "format")  # parameters of the page that a view does not keep
OUTCOMES = {"saved": "The view is saved.", "renamed": "The view is renamed.", "deleted": "The view is deleted."}


@dataclass(frozen=True)
class Saved:
    """A saved view: its row, the parameters of the page that it leads to, and whether the page shows it now."""

    row: Row
    pairs: tuple[Pair, ...]
    is_current: bool = False


def query_of(view: UrlQuery) -> str:
    """Return what the page Jobs shows as the query of a view, which ``GET /jobs/`` takes too."""
    pairs = [pair for pair in view.pairs if pair[0] not in (*PLACE, "fields")]
    names = columns.fields(columns.chosen(view.fields()))
    return urlencode(pairs if names == list(columns.DEFAULT) else [*pairs, ("fields", ",".join(names))])


async def views_of(reads: Reads, shown: UrlQuery | None = None) -> list[Saved]:
    """Return the viewer's views by name; ``shown`` is what the page Jobs shows now."""
    page = await reads.page(SAVED_VIEWS, Query(ordering=["name"], limit=limits.SAVED_VIEWS))
    now = _compared(shown) if shown else None
    views = [(row, _read(row["query"])) for row in page.rows]
    return [Saved(row, view.pairs, _compared(view) == now) for row, view in views]


def _read(query: str) -> UrlQuery:
    return UrlQuery(JOBS, tuple(parse_qsl(query, keep_blank_values=True)))


def _compared(view: UrlQuery) -> Sequence[Pair]:
    return sorted(parse_qsl(query_of(view)))


def outcome_of(request: Request) -> str:
    """Return what was done to a view, where the URL says so; else nothing."""
    return OUTCOMES.get(request.query_params.get("did", ""), "")
