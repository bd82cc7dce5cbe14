"""What is not the same at two instants, thing by thing: `storax event diff` on a page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fastapi import APIRouter, Request, Response

from storax_api.errors import status_of
from storax_api.requests.parameters import choice, only, position
from storax_api.web.events.instants import Instant, instant_of
from storax_api.web.frame.filters import UrlQuery
from storax_api.web.frame.live import published
from storax_api.web.frame.reads import Reads, Row, reads_of
from storax_api.web.frame.respond import page
from storax_api.web.frame.viewer import Reader
from storax_core.errors import Conflict, CoreError, Invalid, TooLarge
from storax_core.queries.select import Query
from storax_core.resources import BY_ENTITY, EVENTS

router = APIRouter()
KINDS = ("job", "site", "batch_job")
PAGE_ROWS = 50
ALWAYS = frozenset({"version", "last_update"})  # fields that every change changes


class Difference(NamedTuple):
    """One thing: created, deleted or changed (empty: the same), its name, both states, and the fields that differ."""

    id: int
    kind: str
    label: str
    before: str
    after: str
    fields: list[tuple[str, Any, Any]]


@dataclass(frozen=True)
class Compared:
    """The two instants, how often a state was entered between them, and one page of the things that differ."""

    first: Instant | None = None
    last: Instant | None = None
    entered: dict[str, int] = field(default_factory=dict)
    touched: int = 0
    differences: list[Difference] = field(default_factory=list)
    next: int | None = None
    problem: CoreError | None = None


@router.get("/events/changes")
async def changes(request: Request, viewer: Reader) -> Response:
    """Compare ``first`` and ``last``, each a position or a time; the second is the end of the log by default."""
    only(request, "first", "last", "kind", "above")
    view, kind, end = UrlQuery.of(request, EVENTS), choice(request, "kind", *KINDS), await published(request)
    try:
        async with reads_of(request, viewer) as reads:
            compared = await _compare(reads, view, kind, end)
    except (Conflict, Invalid, TooLarge) as error:
        compared = Compared(problem=error)
    context = {
        "compared": compared, "kind": kind, "kinds": KINDS, "tab": "events/changes",
        "first": view.value("first"), "last": view.value("last"),
    }  # fmt: skip
    return page(
        request, "events/changes.html", context, status=status_of(compared.problem) if compared.problem else 200
    )


async def _compare(reads: Reads, view: UrlQuery, kind: str, end: int) -> Compared:
    if not view.value("first"):
        return Compared()
    first, last = [await instant_of(reads, view.value(name), end) for name in ("first", "last")]
    if last.position < first.position:
        raise Invalid("the second instant is before the first", hint="Exchange them.")
    between = {"entity": kind, "position__gt": first.position, "position__lte": last.position}
    touched = sorted(map(int, await reads.counts(EVENTS, "entity_id", Query(filter=between))))
    entered = await reads.counts(EVENTS, "to_state", Query(filter=between))
    entered.pop("null", None)
    above = position(view.value("above")) or 0
    left = [number for number in touched if number > above]
    some = left[:PAGE_ROWS]
    differences = await _differences(reads, kind, some, first.position, last.position)
    following = some[-1] if len(left) > len(some) else None
    return Compared(first, last, entered, len(touched), differences, following)


async def _differences(reads: Reads, kind: str, ids: Sequence[int], first: int, last: int) -> list[Difference]:
    if not ids:
        return []
    before, after = [await _rows(reads, kind, ids, at) for at in (first, last)]
    compared = [_difference(number, before.get(number), after.get(number)) for number in ids]
    return [one for one in compared if one.kind]


async def _rows(reads: Reads, kind: str, ids: Sequence[int], at: int) -> dict[int, Row]:
    query = Query(filter={"id": list(ids)}, limit=len(ids), as_of=at)
    return {row["id"]: row for row in (await reads.page(BY_ENTITY[kind], query)).rows}


def _difference(number: int, before: Row | None, after: Row | None) -> Difference:
    row = after or before or {}
    fields = _changed(before, after) if before and after else []
    kind = "changed" if fields else "" if bool(before) == bool(after) else "created" if after else "deleted"
    label = str(row.get("name") or row.get("workdir") or row.get("queue") or "")
    return Difference(number, kind, label, (before or {}).get("state") or "", (after or {}).get("state") or "", fields)


def _changed(before: Row, after: Row) -> list[tuple[str, Any, Any]]:
    names = [name for name in before if name not in ALWAYS]
    return [(name, before[name], after[name]) for name in names if before[name] != after[name]]
