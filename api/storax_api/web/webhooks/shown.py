"""What the page shows of webhooks: the state of each, its filter as the page Events has it, and what was done."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from fastapi import Request

from storax_api.web.frame.filters import Pair, UrlQuery
from storax_api.web.frame.reads import Reads, Row
from storax_core import limits
from storax_core.errors import Invalid
from storax_core.log.command_ids import new_command_id
from storax_core.queries.parsing import stream_filters
from storax_core.queries.select import Query
from storax_core.resources import EVENTS, WEBHOOKS

STATES = "to_state"  # the filter that the form has boxes for
WAY_OUT = "A webhook has a position of its own: set it in the list."
OUTCOMES = {
    "resumed": "The webhook gets events again, from where it stopped.",
    "paused": "The webhook is disabled. Nothing is dropped: it goes on where it stopped once it is enabled.",
    "replayed": "The position is set. The events behind it are posted in order.",
    "deleted": "The webhook is deleted.",
}


@dataclass(frozen=True)
class Shown:
    """A webhook: its row, its state in a word, and the parameters of the page Events that show what it gets.

    ``key`` is that of its rotation: the form sent twice must not end the secret that the receiver still has.
    """

    row: Row
    state: str
    pairs: tuple[Pair, ...]
    key: UUID = field(default_factory=new_command_id)


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
    """Return the filter of a webhook that a URL or a form means. Raises Invalid for what a webhook does not take."""
    query = view.selection()
    if query.exclude:
        raise Invalid(
            "a webhook leaves nothing out: it has no exclude", hint="Say what it gets: several values of a filter."
        )
    stream_filters.check(query.filter, query.exclude, way_out=WAY_OUT)
    return dict(query.filter)


def conditions_of(request: Request) -> UrlQuery:
    """Return what the URL says about events, such as that of the page Events; places in the log are left out."""
    view = UrlQuery.of(request, EVENTS, own=("did",))
    return UrlQuery(EVENTS, tuple(pair for pair in view.conditions if not pair[0].startswith("position")))


def split(view: UrlQuery, fields: Collection[str]) -> tuple[UrlQuery, list[Pair]]:
    """Return what fields of one value each can show of a URL, and the rest, which the form keeps as it is."""
    shown = {name for name in fields if len(view.values(name)) == 1}
    rest = [pair for pair in view.pairs if pair[0] not in (*shown, STATES)]
    return UrlQuery(view.resource, tuple(pair for pair in view.pairs if pair not in rest)), rest


def outcome_of(request: Request) -> str:
    """Return what was done to a webhook, where the URL says so; else nothing."""
    return OUTCOMES.get(request.query_params.get("did", ""), "")
