"""The top of the list of events: a row asks for all events behind the last one shown, and is replaced by them.

The address of the rows is as deep as that of their page, so that both read a relative address alike.
A position is asked for only up to the end that is published: what is there is final, so no event is left out, and
none comes twice.
"""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from storax_api.requests.parameters import position
from storax_api.web.frame.filters import Pair, UrlQuery
from storax_api.web.frame.live import published
from storax_api.web.frame.reads import reads_of
from storax_api.web.frame.respond import page
from storax_api.web.frame.viewer import Reader
from storax_core.errors import Invalid
from storax_core.resources import BY_ENTITY, EVENTS

router = APIRouter()
NEWEST_FIRST, OLDEST_FIRST = "-position", "position"
AT_ONCE = 200  # events of one answer; the next one is asked for at once
MOST_SHOWN = 2_000  # rows; a page that is left open must not grow without end
SAFETY_SEC = 30  # after which it is asked for also where no change was heard of
OWN = ("after", "shown")
# With these a list ends somewhere, or does not begin at the newest event.
FIXED = frozenset({"cursor", "offset", "ordering", "as_of", "timestamp_before", "position__lt", "position__lte"})


@dataclass(frozen=True)
class Tail:
    """Where the list goes on: its filters, the last position shown, what triggers the next question, rows so far."""

    conditions: list[Pair]
    after: int
    trigger: str
    shown: int

    @property
    def pairs(self) -> list[Pair]:
        """Return the parameters of the next question."""
        return [*self.conditions, ("after", str(self.after)), ("shown", str(self.shown))]

    @property
    def is_full(self) -> bool:
        """Whether the page has as many rows as it may."""
        return self.shown >= MOST_SHOWN


def is_followed(view: UrlQuery) -> bool:
    """Whether the newest events belong on this page."""
    names = {name for name, _ in view.pairs}
    return not names & FIXED and "position" not in names


def stream(view: UrlQuery, after: int) -> list[Pair]:
    """Return the parameters of the stream of changes."""
    return [("after", str(after)), *(("entity", entity) for entity in _entities(view))]


def first(view: UrlQuery, after: int, shown: int) -> Tail:
    """Return the tail of a page that shows everything up to a position."""
    return _tail(view, after, shown, at_once=False)


def _tail(view: UrlQuery, after: int, shown: int, *, at_once: bool) -> Tail:
    changed = [f"{entity}-changed from:#live" for entity in _entities(view)]
    trigger = "load" if at_once else ", ".join([*changed, f"every {SAFETY_SEC}s"])
    return Tail(list(view.conditions), after, trigger, shown)


def _entities(view: UrlQuery) -> list[str]:
    wanted = [name for name in view.values("entity") if name in BY_ENTITY]
    return sorted(set(wanted)) or sorted(BY_ENTITY.keys() - {EVENTS.entity})


@router.get("/newer-events")
async def newer(request: Request, viewer: Reader) -> Response:
    """Return the events behind ``after`` as rows, newest first, below the row that asks again."""
    view = UrlQuery.of(request, EVENTS, own=OWN)
    after, shown = (position(request.query_params.get(name, "")) for name in OWN)
    if after is None or shown is None:
        raise Invalid("the page does not say what it shows", hint="Reload the page.")
    end = await published(request)
    query = view.query(limit=AT_ONCE, ordering=OLDEST_FIRST)
    after = max([after, *map(int, view.values("position__gt"))])
    filters = {**query.filter, "position__gt": after, "position__lte": end}
    async with reads_of(request, viewer) as reads:
        rows = await reads.page(EVENTS, query.model_copy(update={"filter": filters, "limit": AT_ONCE}))
    at = rows.rows[-1]["position"] if rows.next and rows.rows else max(after, end)
    following = _tail(view, at, shown + len(rows.rows), at_once=rows.next is not None)
    return page(request, "events/newer.html", {"events": rows.rows[::-1], "tail": following})
