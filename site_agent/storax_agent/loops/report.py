"""Report: send what the outbox holds, one report at a time, and tell the agent what became of it."""

import logging
from collections.abc import Callable
from uuid import uuid4

from storax.errors import InvalidInput
from storax_agent.mainloop.lease_table import SessionKeeper
from storax_agent.mainloop.load_window import ReportTrigger
from storax_agent.mainloop.outbox import OutboxReader
from storax_agent.mainloop.report_entry import Entry, Move
from storax_agent.server.site_api import Answer, SiteApi

MOST_ENTRIES = 1000
LOOK_SEC = 5.0
LOG = logging.getLogger(__name__)


class Report:
    """One round: wait until it is time, send what there is. ``answered`` is told the last row and the answer."""

    def __init__(
        self,
        api: SiteApi,
        keeper: SessionKeeper,
        trigger: ReportTrigger,
        reader: OutboxReader,
        answered: Callable[[int, list[Entry], Answer], None],
    ) -> None:
        self._api, self._keeper, self._trigger, self._reader, self._answered = api, keeper, trigger, reader, answered

    def step(self) -> float:
        """One round."""
        if self._trigger.wait(LOOK_SEC):
            self._trigger.taken()
        while batch := self._reader.take(MOST_ENTRIES):
            try:
                answer = self._send(batch.entries)
            except BaseException:
                self._reader.give_back(batch)
                raise
            self._answered(batch.seq, batch.entries, answer)
            if len(batch.entries) < MOST_ENTRIES:
                break
        return 0.0

    def _send(self, entries: list[Entry]) -> Answer:
        # The key stays the same while the transport tries again, so a report whose answer was lost counts once.
        try:
            return self._api.report(self._keeper.ensure(), entries, key=str(uuid4()))
        except InvalidInput as error:
            if len(entries) == 1:
                return self._send_plain(entries[0], error) if entries[0]["moves"] else _dropped(entries[0], error)
        # One entry that the server cannot take must not hold up the others.
        half = len(entries) // 2
        return _joined(self._send(entries[:half]), self._send(entries[half:]))

    def _send_plain(self, entry: Entry, error: InvalidInput) -> Answer:
        """The server refuses what the job left behind: report that instead."""
        LOG.warning("report: job %s: %s", entry["id"], error)
        message = f"the server refused what this job reported: {error.message}"[:1000]
        at = entry["moves"][-1]["at"]
        moves: list[Move] = [{"to": move["to"], "at": move["at"], "data": {}} for move in entry["moves"][:-1]]
        last = "RUN_ERROR" if entry["moves"][-1]["to"] in ("RUN_DONE", "RUN_ERROR") else entry["moves"][-1]["to"]
        plain: Entry = {**entry, "moves": [*moves, {"to": last, "at": at, "data": {"message": message}}], "patch": {}}
        try:
            return self._api.report(self._keeper.ensure(), [plain], key=str(uuid4()))
        except InvalidInput as second:
            return _dropped(entry, second)


def _dropped(entry: Entry, error: InvalidInput) -> Answer:
    LOG.error("report: job %s dropped: %s", entry["id"], error)
    return Answer([], [{"id": entry["id"], "code": "invalid", "detail": str(error)}], [])


def _joined(first: Answer, second: Answer) -> Answer:
    return Answer(first.accepted + second.accepted, first.refused + second.refused, first.cancel + second.cancel)
