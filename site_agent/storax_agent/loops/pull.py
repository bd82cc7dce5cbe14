"""Pull: lease jobs for the free cores by long poll, and find again what was leased but never arrived."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from storax_agent.leases import SessionKeeper
from storax_agent.pace import Room
from storax_agent.wire import Acquired, SiteApi

WAIT_SEC = 30.0
ROOM_SEC = 2.0
MOST_JOBS = 2048
RECONCILE_SEC = 60.0
LOG = logging.getLogger(__name__)
Pair = tuple[int, int]


class Taker(Protocol):
    """Who receives what was pulled; ``post`` and ``ask`` run a function in its thread."""

    def post(self, call: Callable[..., Any], *arguments: Any) -> None: ...
    def ask(self, call: Callable[..., Any], *arguments: Any) -> Any: ...
    def take(self, session: int, acquired: Acquired, expected: int) -> None: ...
    def take_back(self, session: int, rows: list[dict[str, Any]], apps: list[dict[str, Any]]) -> None: ...
    def unknown(self, pairs: Iterable[Pair]) -> list[Pair]: ...


class Pull:
    """One round: reconcile when due, wait for room, lease. ``limits`` narrow what is leased, ``active`` is a monotonic
    time at which work last came."""

    def __init__(
        self,
        api: SiteApi,
        keeper: SessionKeeper,
        room: Room,
        taker: Taker,
        *,
        limits: Callable[[], Mapping[str, Any]] | None = None,
    ) -> None:
        self._api, self._keeper, self._room, self._taker = api, keeper, room, taker
        self._limits = limits
        self._reconcile_at = 0.0
        self.active = time.monotonic()

    def reconcile_soon(self) -> None:
        """Something does not fit: compare with the server at the next round."""
        self._reconcile_at = 0.0

    def step(self) -> float:
        """One round."""
        if time.monotonic() >= self._reconcile_at:
            self._keeper.use(self._reconcile)
            self._reconcile_at = time.monotonic() + RECONCILE_SEC
        want = self._room.wait(ROOM_SEC)
        if want > 0:
            self._keeper.use(lambda session: self._acquire(session, min(want, MOST_JOBS)))
        return 0.0

    def _acquire(self, session: int, number: int) -> None:
        limits = self._limits() if self._limits else None
        acquired = self._api.acquire(session, number, wait=WAIT_SEC, limits=limits)
        if acquired.jobs:
            self.active = time.monotonic()
        self._room.coming(len(acquired.jobs))
        self._taker.post(self._taker.take, session, acquired, len(acquired.jobs))

    def _reconcile(self, session: int) -> None:
        """Take jobs that the server thinks are ours and we do not know: an answer was lost, or an agent with it."""
        lost = set(self._look(session))
        # A job whose last report was on its way during the first look is gone at the second.
        if not lost or not (lost := lost.intersection(self._look(session))):
            return
        rows = [row for row in self._api.leased_jobs(session) if (row["id"], row["lease_epoch"]) in lost]
        LOG.info("pull: took back %d leased jobs that had not arrived", len(rows))
        apps = self._api.apps(sorted({row["app_id"] for row in rows}))
        self._taker.post(self._taker.take_back, session, rows, apps)

    def _look(self, session: int) -> list[Pair]:
        found: list[Pair] = self._taker.ask(self._taker.unknown, self._api.leased_pairs(session))
        return found
