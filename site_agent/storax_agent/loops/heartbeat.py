"""Heartbeat: keep the session, and look for cancels while no long poll does."""

import time
from collections.abc import Callable
from typing import Any

from storax.errors import Unavailable
from storax_agent.mainloop.lease_table import SessionKeeper
from storax_agent.server.site_api import Epoch, SiteApi

LEAST_PATIENCE_SEC = 2.0


class Heartbeat:
    """One round every ``look_sec`` seconds; it beats when the last beat is ``beat_sec`` old, or when ``not_polling()``
    says that all cores work and nobody polls, so that a cancel would not be seen. ``cancel`` gets what is to be
    stopped, ``announce`` tells the server about the site once it is there, ``follow`` gets the server's epoch.

    A beat that is not answered within ``beat_sec`` is sent again over another connection: the process at the other end
    of this one may be frozen while others serve."""

    def __init__(
        self,
        api: SiteApi,
        keeper: SessionKeeper,
        cancel: Callable[[list[dict[str, Any]]], None],
        *,
        beat_sec: float,
        look_sec: float,
        not_polling: Callable[[], bool],
        announce: Callable[[float], None],
        follow: Callable[[int, Epoch], None],
    ) -> None:
        self._follow = follow
        self._api, self._keeper, self._cancel = api, keeper, cancel
        self._beat_sec, self._look_sec, self._not_polling = beat_sec, min(look_sec, beat_sec), not_polling
        self._announce = announce
        self._last = float("-inf")
        self._announced = False
        self._patience_sec = max(beat_sec, LEAST_PATIENCE_SEC)

    def step(self) -> float:
        """One round."""
        if self._not_polling() or time.monotonic() - self._last >= self._beat_sec - self._look_sec / 2:
            self._keeper.use(self._beat)
            self._last = time.monotonic()
        if not self._announced:
            self._say_once()
        return self._look_sec

    def _say_once(self) -> None:
        """Announce, and no longer than a beat waits for its answer: the next beat must not be late."""
        self._announced = True  # once: what the server refuses, it refuses again
        try:
            self._announce(self._patience_sec)
        except Unavailable:
            self._announced = False
            raise

    def _beat(self, session: int) -> None:
        beat = self._api.heartbeat(session, within=self._patience_sec)
        self._follow(session, beat.epoch)
        self._cancel(beat.cancel)
