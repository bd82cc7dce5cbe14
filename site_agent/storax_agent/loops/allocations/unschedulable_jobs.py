"""Fail, with the reason, jobs that no place of the site can hold; nobody else would ever take them."""

from collections.abc import Sequence

from storax_agent.allocations.placement import Placement, placement_rows
from storax_agent.loops.pull import Taker
from storax_agent.mainloop.lease_table import SessionKeeper
from storax_agent.server.site_api import SiteApi

AT_ONCE = 1000


class UnschedulableJobs:
    """One round every ``every_sec`` seconds. It leases them for the agent, which refuses what does not fit."""

    def __init__(
        self, api: SiteApi, keeper: SessionKeeper, taker: Taker, places: Sequence[Placement], *, every_sec: float
    ) -> None:
        self._api, self._keeper, self._taker, self._every_sec = api, keeper, taker, every_sec
        self._limits = {"beyond": placement_rows(places)}

    def step(self) -> float:
        """One round."""
        return self._keeper.use(self._acquire)

    def _acquire(self, session: int) -> float:
        acquired = self._api.acquire(session, AT_ONCE, wait=0, limits=self._limits)
        if acquired.jobs or acquired.cancel:
            self._taker.post(self._taker.take, session, acquired, 0)
        return 0.0 if len(acquired.jobs) == AT_ONCE else self._every_sec
