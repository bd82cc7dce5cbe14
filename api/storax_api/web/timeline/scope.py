"""The window of time of a page and which jobs count, from its URL: hours, since, until, sites, Apps, tags."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fastapi import Request

from storax_api.requests.body import validate
from storax_api.requests.parameters import AS_OF, only
from storax_api.web.frame.filters import Pair, UrlQuery
from storax_api.web.frame.reads import Reads
from storax_core.errors import Invalid
from storax_core.queries.activity.reads import BINS
from storax_core.queries.activity.window import MOST_LENGTH, Window, in_bounds
from storax_core.queries.select import Query
from storax_core.resources import APPS, JOBS, SITES, Resource

NAMES = ("hours", "since", "until", "site_name", "app_name", "tags")
HOURS = (1, 6, 24, 168)
MOST_HOURS = MOST_LENGTH // timedelta(hours=1)
DEFAULT_HOURS = 24
MOST_IDS = 1_000  # Apps or sites of one name


@dataclass(frozen=True)
class Scope:
    """What a page is about, and the URL that said so."""

    window: Window
    hours: int
    view: UrlQuery

    @property
    def follows(self) -> bool:
        """Whether it ends now, so that the page renews itself."""
        return not self.view.value("until")

    @property
    def step(self) -> timedelta:
        """Return the length of each part of a series."""
        return self.window.length / BINS

    def chips(self) -> list[tuple[str, str, list[Pair]]]:
        """Return the filters in use, and the parameters without each."""
        kept = [pair for pair in self.view.pairs if pair[0] in NAMES[1:]]
        return [(name, value, self.view.without(name, value)) for name, value in kept]


async def scope_of(request: Request, reads: Reads, *own: str) -> Scope:
    """Read it; ``own`` are further parameters of the page. Raises Invalid."""
    only(request, *NAMES, *own)
    view, now = UrlQuery.of(request, JOBS), datetime.now(UTC)
    hours = _hours(view.value("hours") or str(DEFAULT_HOURS))
    until = _time(view, "until") or now
    since = _time(view, "since") or until - timedelta(hours=hours)
    if not timedelta(0) < until - since <= timedelta(hours=MOST_HOURS):
        raise Invalid(
            f"the window from {since.isoformat()} to {until.isoformat()} cannot be shown",
            hint=f"until is to be later than since, by {MOST_HOURS // 24} days at most.",
        )
    tags = dict(_tag(value) for value in view.values("tags"))
    sites = await _ids(reads, SITES, view.values("site_name"))
    apps = await _ids(reads, APPS, view.values("app_name"))
    return Scope(Window(since, until, sites, apps, tags), hours, view)


def _hours(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= MOST_HOURS):
        raise Invalid(f"hours is {text[:40]!r}", hint=f"It takes a whole number from 1 to {MOST_HOURS}.")
    return int(text)


def _time(view: UrlQuery, name: str) -> datetime | None:
    text = view.value(name)
    moment = validate(AS_OF, text) if text else None
    if text and not isinstance(moment, datetime):
        raise Invalid(f"{name} is {text[:40]!r}", hint="It takes a time, such as 2026-01-31T08:00.")
    return in_bounds(name, moment).astimezone(UTC) if isinstance(moment, datetime) else None


def _tag(text: str) -> Pair:
    key, colon, value = text.partition(":")
    if not colon:
        raise Invalid(f"filter tags takes KEY:VALUE, not {text[:60]!r}")
    return key, value


async def _ids(reads: Reads, resource: Resource, names: list[str]) -> list[int] | None:
    """Return the ids of things of these names; None where none is named, which means all."""
    if not names:
        return None
    page = await reads.page(resource, Query(filter={"name": names}, fields=["id"], limit=MOST_IDS))
    return [row["id"] for row in page.rows]
