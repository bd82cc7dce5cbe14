"""Report: send what the outbox holds, one report at a time, and tell the agent what became of it."""

import logging
from collections.abc import Callable

from pydantic_core import to_json

from storax._runtime.retry import new_command_id
from storax.errors import InvalidInput, StoraxError
from storax_agent.files.set_aside import SetAside
from storax_agent.mainloop.lease_table import SessionKeeper
from storax_agent.mainloop.load_window import ReportTrigger
from storax_agent.mainloop.outbox import Batch, OutboxReader
from storax_agent.mainloop.report_entry import SET_ASIDE, Entry, reduced
from storax_agent.server.site_api import Answer, SiteApi

MOST_ENTRIES = 1000
LOOK_SEC = 5.0
FAULT = 500
NOTHING = Answer([], [], [])
LOG = logging.getLogger(__name__)


class Report:
    """One round: wait until it is time, send what there is. It calls ``answered`` with the batch and the answer.

    What the server refuses for good is reported again without what the job left behind, and the reason; where that is
    refused as well, the report goes to ``set_aside``."""

    def __init__(
        self,
        api: SiteApi,
        keeper: SessionKeeper,
        trigger: ReportTrigger,
        reader: OutboxReader,
        set_aside: SetAside,
        answered: Callable[[Batch, Answer], None],
    ) -> None:
        self._api, self._keeper, self._trigger, self._reader = api, keeper, trigger, reader
        self._set_aside, self._answered = set_aside, answered

    def step(self) -> float:
        """One round."""
        if self._trigger.wait(LOOK_SEC):
            self._trigger.taken()
        while batch := self._reader.take(MOST_ENTRIES):
            try:
                self._keeper.ensure()  # a session that cannot be opened is no fault of an entry
                answer = self._send(batch.entries) if batch.entries else NOTHING
            except BaseException:
                self._reader.give_back(batch)
                raise
            self._keep_lost(batch, answer)
            self._answered(batch, answer)
            if not batch.more:
                break
        return 0.0

    def _keep_lost(self, batch: Batch, answer: Answer) -> None:
        """Set reports aside that a restored server does not take: it knew their leases before."""
        if not answer.refused or not self._reader.was_put_back(batch):
            return
        refused = {row["id"]: row for row in answer.refused}
        for entry in (entry for entry in batch.entries if entry["id"] in refused):
            reason = refused[entry["id"]].get("detail") or refused[entry["id"]]["code"]
            name = f"report of job {entry['id']}, lease {entry['lease_epoch']}, from before the restore"
            self._set_aside.put(name, f"the restored server does not know this run: {reason}", to_json(entry))

    def _send(self, entries: list[Entry]) -> Answer:
        try:
            return self._report(entries)
        except StoraxError as error:
            if not _is_refusal(error):
                raise
            if len(entries) == 1:
                return self._send_reduced(entries[0], error)
        # One entry that the server cannot take must not hold up the others.
        half = len(entries) // 2
        return _joined(self._send(entries[:half]), self._send(entries[half:]))

    def _report(self, entries: list[Entry]) -> Answer:
        # The key stays the same while the transport tries again, so a report whose answer was lost counts once.
        return self._api.report(self._keeper.ensure(), entries, key=str(new_command_id()))

    def _send_reduced(self, entry: Entry, error: StoraxError) -> Answer:
        """The server refuses what the job left behind: report that instead."""
        LOG.warning("report: job %s: %s", entry["id"], error)
        if answer := self._send_after_fault(error, entry):
            return answer
        if not entry["moves"]:
            return self._set_entry_aside(entry, error)
        less = reduced(entry, f"the server refused what this job reported: {error.message}")
        try:
            return self._report([less])
        except StoraxError as second:
            if not _is_refusal(second):
                raise
            return self._send_after_fault(second, entry, less) or self._set_entry_aside(entry, second)

    def _send_after_fault(self, error: StoraxError, *entries: Entry) -> Answer | None:
        """Report the first of these that the server takes, if the fault was its own: no report at all, or one now."""
        if error.status != FAULT:
            return None
        self._report([])
        for entry in entries:
            try:
                return self._report([entry])
            except StoraxError as again:
                if not _is_refusal(again):
                    raise
        return None

    def _set_entry_aside(self, entry: Entry, error: StoraxError) -> Answer:
        self._set_aside.put(f"report of job {entry['id']}, lease {entry['lease_epoch']}", str(error), to_json(entry))
        return Answer([], [{"id": entry["id"], "code": SET_ASIDE, "detail": str(error)}], [])


def _is_refusal(error: StoraxError) -> bool:
    """Whether the same report would be answered so again. A fault of the server may be of one report alone."""
    return isinstance(error, InvalidInput) or error.status == FAULT


def _joined(first: Answer, second: Answer) -> Answer:
    accepted, refused = first.accepted + second.accepted, first.refused + second.refused
    return Answer(accepted, refused, first.cancel + second.cancel, max(first.position, second.position))
