"""What the page shows of webhooks: the state of each, its filter as the page Events has it, and what was done."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from storax_api.web.frame.filters import Pair, UrlQuery
from storax_api.web.frame.reads import Reads, Row
from storax_core import limits
from storax_core.queries.parsing import stream_filters
from storax_core.queries.select import Query
from storax_core.resources import EVENTS, WEBHOOKS

WAY_OUT = "A webhook has a position of its own: set it in the list."
OUTCOMES = {
    "resumed": "The webhook gets events again, from where it stopped.",
    "paused": "The webhook is disabled. Nothing is dropped: it goes on where it stopped once it is enabled.",
    "replayed": "The position is set. The events behind it are posted in order.",
    "deleted": "The webhook is deleted.",
}


@dataclass(frozen=True)
class Shown:
    """A webhook: its row, its state in a word, and the parameters of the page Events that show what it gets."""

    row: Row
    state: str
    pairs: tuple[Pair, ...]


async def webhooks_of(reads: Reads) -> list[Shown]:
    """Return the viewer's webhooks by name."""
    page = await reads.page(WEBHOOKS, Query(ordering=["name"], limit=limits.WEBHOOKS))
    return [Shown(row, state_of(row), tuple(_pairs(row["filter"]))) for row in page.rows]


def state_of(row: Row) -> str:
    """Return the state of a webhook as ``storax webhook ls`` says it: enabled, retrying, paused or disabled."""
    if row["enabled"]:
        return "retrying" if row["failures"] else "enabled"
    return "paused" if row["problem"] else "disabled"


def _pairs(wanted: dict[str, Any]) -> Iterator[Pair]:
    for name, value in wanted.items():
        if isinstance(value, dict):
            yield from ((name, f"{key}:{text}") for key, text in value.items())
        else:
            yield from ((name, _text(one)) for one in (value if isinstance(value, list) else [value]))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def filter_of(view: UrlQuery) -> dict[str, Any]:
    """Return the filter of a webhook that a URL or a form means. Raises Invalid for what the stream refuses too."""
    query = view.selection()
    stream_filters.check(query.filter, query.exclude, way_out=WAY_OUT)
    return dict(query.filter)


def conditions_of(request: Request) -> UrlQuery:
    """Return what the URL says about events, such as that of the page Events; places in the log are left out."""
    view = UrlQuery.of(request, EVENTS, own=("did",))
    kept = tuple(pair for pair in view.conditions if not pair[0].startswith("position") and pair[0] != "exclude")
    return UrlQuery(EVENTS, kept)


def outcome_of(request: Request) -> str:
    """Return what was done to a webhook, where the URL says so; else nothing."""
    return OUTCOMES.get(request.query_params.get("did", ""), "")
