"""Whether the agent of a site is there, and the warning where it is not."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from storax.cli.terminal.output import note

if TYPE_CHECKING:
    from storax.models.site import Site

SILENT_SEC = 90.0  # an agent reports every few seconds; after this it is gone or cut off


def absence(site: "Site", now: datetime) -> list[str]:
    """Return what is wrong with the agent of a site, and the way out; nothing where it is connected.

    An agent holds a session outside of allocations while it runs, and gives it back when it ends in good order.
    """
    from storax.models.session import Session

    start = "Start it on that machine: storax site start" + (f" {site.path}" if site.path else "")
    if site.last_refresh is None:
        never = f"The agent of site {site.name} has never contacted the server"
        return [f"{never}. Jobs of a site whose agent was never heard do not run.", start]
    ago = f"last contacted the server {format_duration((now - site.last_refresh).total_seconds())} ago"
    if (now - site.last_refresh).total_seconds() > SILENT_SEC:
        return [f"The agent of site {site.name} {ago}.", start]
    if not Session.objects.filter(site_id=site.id, batch_job_id__isnull=True).exists():
        return [f"The agent of site {site.name} does not run: it has stopped, and {ago}.", start]
    return []


def warn_of_absence(site_ids: Iterable[int]) -> None:
    """Print a note for each of these sites whose agent is not there; nothing where that cannot be read."""
    from storax.errors import StoraxError
    from storax.models.site import Site

    with suppress(StoraxError):
        for site_id in sorted(set(site_ids)):
            lines = absence(Site.objects.get(id=site_id), datetime.now(UTC))
            if lines:
                note("Warning: " + lines[0], *lines[1:])


def format_duration(seconds: float) -> str:
    """Format a duration in its two largest units, such as ``2 h 5 min``."""
    rest, parts = max(0, round(seconds)), []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"
