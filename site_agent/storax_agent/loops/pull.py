"""Pull: lease jobs for the free cores by long poll."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from storax.errors import StoraxError
from storax_agent.mainloop.lease_table import SessionKeeper
from storax_agent.mainloop.load_window import Demand
from storax_agent.server.site_api import Acquired, SiteApi

WAIT_SEC = 30.0
DEMAND_SEC = 2.0
MOST_JOBS = 2048


class Taker(Protocol):
    """Who receives what was leased; ``post`` and ``ask`` run a function in its thread."""

    def post(self, call: Callable[..., Any], *arguments: Any) -> None: ...
    def ask(self, call: Callable[..., Any], *arguments: Any) -> Any: ...
    def take(self, session: int, acquired: Acquired, expected: int) -> None: ...
    def take_back(self, session: int, rows: list[dict[str, Any]], apps: list[dict[str, Any]]) -> None: ...
    def unknown(self, pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]: ...


class Pull:
    """One round: wait for demand, lease. ``limits`` narrow what is leased, ``reconcile`` is called after answers that
    may have been lost, ``active`` is the monotonic time at which work last came."""

    def __init__(
        self,
        api: SiteApi,
        keeper: SessionKeeper,
        demand: Demand,
        taker: Taker,
        *,
        reconcile: Callable[[], None],
        limits: Callable[[], Mapping[str, Any]] | None = None,
    ) -> None:
        self._api, self._keeper, self._demand, self._taker = api, keeper, demand, taker
        self._reconcile, self._limits = reconcile, limits
        self.active = time.monotonic()

    def step(self) -> float:
        """One round."""
        want = self._demand.wait(DEMAND_SEC)
        if want > 0:
            self._keeper.use(lambda session: self._acquire(session, min(want, MOST_JOBS)))
        return 0.0

    def _acquire(self, session: int, number: int) -> None:
        limits = self._limits() if self._limits else None
        try:
            acquired = self._api.acquire(session, number, wait=WAIT_SEC, limits=limits)
        except StoraxError:
            self._reconcile()
            raise
        if acquired.retried:
            self._reconcile()
        if acquired.jobs:
            self.active = time.monotonic()
        self._demand.coming(len(acquired.jobs))
        self._taker.post(self._taker.take, session, acquired, len(acquired.jobs))
