"""Whether the agent of a site is there, and the warning of calls that create work for one that is not."""

import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from warnings import warn

from storax._orm.pages import read_page
from storax.errors import AgentAbsent, StoraxError
from storax.models.site import Site

if TYPE_CHECKING:
    from storax.client import Client

SILENT_SEC = 90.0  # an agent reports every few seconds; after this it is gone or cut off
AGAIN_SEC = 60.0  # between looks of one client at one site: a call for each job would cost as much as the job


def absence(site: Site, now: datetime) -> list[str]:
    """Return what is wrong with the agent of a site, and the way out; nothing where it is connected.

    An agent holds a session outside of allocations while it runs, and gives it back when it ends in good order.
    """
    start = "Start it on that machine: storax site start" + (f" {site.path}" if site.path else "")
    if site.last_refresh is None:
        never = f"The agent of site {site.name} has never contacted the server"
        return [f"{never}. Jobs of a site whose agent was never heard do not run.", start]
    ago = f"last contacted the server {format_duration((now - site.last_refresh).total_seconds())} ago"
    if (now - site.last_refresh).total_seconds() > SILENT_SEC:
        return [f"The agent of site {site.name} {ago}.", start]
    if not _has_session(site):
        return [f"The agent of site {site.name} does not run: it has stopped, and {ago}.", start]
    return []


def _has_session(site: Site) -> bool:
    # Not by the model Session, whose module stands above this one.
    outside = {"site_id": site.id, "batch_job_id__isnull": True}
    body = {"filter": outside, "format": "rows", "limit": 1, "fields": ["id"]}
    return bool(read_page(site._home(), "sessions", body).rows)


def warn_of_absence(client: "Client", site_ids: Iterable[int]) -> None:
    """Warn of each of these sites whose agent is not there, once a minute; not where that cannot be read."""
    client.part(Looks).warn(set(site_ids))


class Looks:
    """When a client looks again at the agent of each site."""

    def __init__(self, client: "Client") -> None:
        self._client = client
        self._next: dict[int, float] = {}

    def warn(self, site_ids: set[int]) -> None:
        """Look at those of these sites that are due, and warn."""
        now = time.monotonic()
        due = sorted(site_id for site_id in site_ids if self._next.get(site_id, now) <= now)
        self._next |= dict.fromkeys(due, now + AGAIN_SEC)
        with suppress(StoraxError):
            for site in Site.objects.using(self._client).filter(id=due) if due else ():
                if lines := absence(site, datetime.now(UTC)):
                    warn(AgentAbsent(" ".join(lines)), stacklevel=_frames_inside() + 1)


def _frames_inside() -> int:
    """How many of the calls under way, counted from here, are of Storax."""
    frame, count = sys._getframe(1), 0
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "storax":
        frame, count = frame.f_back, count + 1  # type: ignore[assignment]
    return count


def format_duration(seconds: float) -> str:
    """Format a duration in its two largest units, such as ``2 h 5 min``."""
    rest, parts = max(0, round(seconds)), []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"
