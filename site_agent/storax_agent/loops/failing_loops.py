"""Failing loops: tell the server, in the Site's row, which loops of the agent do not work, when it becomes others.

Each report is an event in the log, so one bad round is not reported: a loop counts as failing when it fails at two
looks in a row, and as working when it does not at two. A server that does not answer is no news to it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from storax_agent.mainloop.loop import LoopHealth
from storax_agent.server.site_api import SiteApi


class FailingLoops:
    """One look every ``every_sec`` seconds at ``loops``."""

    def __init__(self, api: SiteApi, site_id: int, loops: Sequence[LoopHealth], *, every_sec: float) -> None:
        self._api, self._site_id, self._loops, self._every_sec = api, site_id, loops, every_sec
        self._reported: dict[str, Any] | None = None
        self._last: set[str] = set()

    def step(self) -> float:
        """One look."""
        if self._reported is None:  # an agent before this one may have left words
            self._reported = dict(self._api.site(self._site_id).get("failing_loops") or {})
        failing = {loop.name: loop for loop in self._loops if loop.failing and not loop.server_away}
        last, self._last = self._last, set(failing)
        kept = {name: reason for name, reason in self._reported.items() if name in last | self._last}
        failing_now = {name: _failure(failing[name]) for name in sorted(last & self._last)} | kept
        if failing_now.keys() != self._reported.keys():
            self._api.update_site(self._site_id, {"failing_loops": failing_now})
            self._reported = failing_now
        return self._every_sec


def _failure(loop: LoopHealth) -> dict[str, str]:
    since = datetime.fromtimestamp(loop.since, UTC).isoformat(timespec="seconds")
    return {"error": loop.failing, "since": since}
