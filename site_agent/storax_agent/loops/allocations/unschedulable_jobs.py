"""Misfits: fail, with the reason, jobs that no place of the site can hold; nobody else would ever take them."""

from collections.abc import Sequence

from storax_agent.allocations.placement import Venue, told_of
from storax_agent.loops.pull import Taker
from storax_agent.mainloop.lease_table import SessionKeeper
from storax_agent.server.site_api import SiteApi

AT_ONCE = 1000


class Misfits:
    """One round every ``every_sec`` seconds. It leases them for the agent, which refuses what does not fit."""

    def __init__(
        self, api: SiteApi, keeper: SessionKeeper, taker: Taker, places: Sequence[Venue], *, every_sec: float
    ) -> None:
        self._api, self._keeper, self._taker, self._every_sec = api, keeper, taker, every_sec
        self._limits = {"beyond": told_of(places)}

    def step(self) -> float:
        """One round."""
        return self._keeper.use(self._look)

    def _look(self, session: int) -> float:
        found = self._api.acquire(session, AT_ONCE, wait=0, limits=self._limits)
        if found.jobs or found.cancel:
            self._taker.post(self._taker.take, session, found, 0)
        return 0.0 if len(found.jobs) == AT_ONCE else self._every_sec
