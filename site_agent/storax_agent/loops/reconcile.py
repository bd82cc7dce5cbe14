"""Reconcile: find jobs that the server thinks are ours and we do not know.

An answer to ``acquire`` may be lost on the way, or die with the agent that asked for it, while the server counts its
jobs as leased and our heartbeats keep them so. Taken back only when unknown at two looks in a row: what is
on its way at the first look has arrived, or was reported, at the second.
"""

import logging
import time
from collections.abc import Callable

from storax_agent.loops.pull import WAIT_SEC, Taker
from storax_agent.mainloop.lease_table import SessionKeeper
from storax_agent.server.site_api import Epoch, SiteApi

LOOK_SEC = 1.0
EVERY_SEC = 15.0
EARLY_SEC = WAIT_SEC + 10.0  # a poll of an agent that was killed may still take jobs for so long
EARLY_EVERY_SEC = 2.0
BEAT_SEC = 30.0  # for the answer to a heartbeat
LOG = logging.getLogger(__name__)


class Reconcile:
    """One round a second; it looks when it is due, or was asked to. ``follow`` gets the server's epoch."""

    def __init__(self, api: SiteApi, keeper: SessionKeeper, taker: Taker, follow: Callable[[int, Epoch], None]) -> None:
        self._api, self._keeper, self._taker, self._follow = api, keeper, taker, follow
        self._began = time.monotonic()
        self._due = self._began
        self._suspects: set[tuple[int, int]] = set()

    def soon(self) -> None:
        """Something does not fit: look at the next round."""
        self._due = 0.0

    def step(self) -> float:
        """One round."""
        session = self._keeper.current
        if session is not None and time.monotonic() >= self._due:
            self._due = time.monotonic() + self._interval()
            self._compare(session)
        return LOOK_SEC

    def _interval(self) -> float:
        return EARLY_EVERY_SEC if time.monotonic() - self._began < EARLY_SEC else EVERY_SEC

    def _compare(self, session: int) -> None:
        unknown = set(self._taker.ask(self._taker.unknown, self._api.leased_pairs(session)))
        lost, self._suspects = unknown & self._suspects, unknown
        if self._suspects:
            self.soon()
        if lost and (lost := self._still_unknown(session, lost)):
            self._take_back(session, lost)

    def _still_unknown(self, session: int, lost: set[tuple[int, int]]) -> set[tuple[int, int]]:
        """Those of these leases that no report of ours ends: a server that was restored has forgotten some reports."""
        self._follow(session, self._api.heartbeat(session, within=BEAT_SEC).epoch)
        return set(self._taker.ask(self._taker.unknown, lost))

    def _take_back(self, session: int, lost: set[tuple[int, int]]) -> None:
        rows = [row for row in self._api.leased_jobs(session) if (row["id"], row["lease_epoch"]) in lost]
        LOG.info("took back %d leased jobs that had not arrived", len(rows))
        apps = self._api.apps(sorted({row["app_id"] for row in rows}))
        self._taker.post(self._taker.take_back, session, rows, apps)
