"""What the agents of sites report of themselves, for `storax status` and the start of a stack."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from storax.local.state import Stack

DEADLINE_SEC = 5.0


@dataclass(frozen=True)
class SiteReport:
    """A site whose agent reports trouble.

    Attributes:
        name: Name of the site.
        failing_loops: Errors of the loops that fail now, by name.
        set_aside: Number of records that could not be read or sent.
        newest: The newest of them, each with ``name``, ``reason`` and ``at``.
    """

    name: str
    failing_loops: dict[str, str]
    set_aside: int
    newest: list[dict[str, Any]]

    def lines(self) -> list[str]:
        """Return the report as lines for a terminal."""
        lines = [f"Site {self.name}: loop {loop} fails: {error}" for loop, error in self.failing_loops.items()]
        if self.set_aside:
            lines.append(f"Site {self.name}: {self.set_aside} records set aside; see storax site check")
        return lines + [f"  {row.get('name')}: {row.get('reason')}" for row in self.newest]


def agent_is_connected(stack: Stack, site: str) -> bool:
    """Return whether the agent of a site has just contacted the server of this stack and holds a session there.

    The session of an agent that was killed lasts until the server notices, so it does not count alone.
    """
    from storax._jobs.sites.presence import absence  # of which the first call of a script warns
    from storax.client import Client
    from storax.errors import StoraxError
    from storax.models.site import Site

    with suppress(StoraxError), Client(stack.url, stack.token, deadline=DEADLINE_SEC, connect_within=0.0):
        return any(not absence(row, datetime.now(UTC)) for row in Site.objects.filter(name=site))
    return False


def site_reports(stack: Stack) -> list[SiteReport]:
    """Return the sites of a running stack's user whose agents report trouble.

    Raises:
        StoraxError: the server does not answer.
    """
    from storax.client import Client
    from storax.models.site import Site

    with Client(stack.url, stack.token, deadline=DEADLINE_SEC):
        reports = [_report(site) for site in Site.objects.order_by("name")]
    return [report for report in reports if report.failing_loops or report.set_aside]


def _report(site: Any) -> SiteReport:
    loops = {name: str(loop.get("error")) for name, loop in (site.failing_loops or {}).items()}
    aside = site.set_aside or {}
    return SiteReport(site.name, loops, int(aside.get("count") or 0), list(aside.get("newest") or ()))
