"""Report: send what the outbox holds, one report at a time, and tell the agent what became of it."""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

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
FAULT_ROUNDS = 3  # in which the server answers so to one report, and works before and after, until it is of that report
MOST_ROUNDS = 2 * FAULT_ROUNDS - 1  # for which one report can hold its batch: as it is, and without its result
NOTHING = Answer([], [], [])
LOG = logging.getLogger(__name__)


class Report:
    """One round: wait until it is time, send what there is. It calls ``answered`` with the batch and the answer.

    What the server refuses for good is reported again without what the job left behind, and the reason; where that is
    refused as well, the report goes to ``set_aside``. A fault of the server is no refusal before it has recurred in
    several rounds; until then the whole batch is sent again, so that it holds up none of the others. New reports join
    it, but only for as many rounds as one needs, so that the batch is answered at some time."""

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
        self._faults: Counter[tuple[int, int, int]] = Counter()  # job, epoch, and how many forms of its report failed
        self._held: StoraxError | None = None  # why an entry of the batch has to be sent again
        self._rounds = self._position = 0  # of the batch that is not answered: rounds, and its last event at the server
        self._end: int | None = None  # its last row, once no more join it

    def step(self) -> float:
        """One round."""
        if self._held or self._trigger.wait(LOOK_SEC):
            self._trigger.taken()
        while batch := self._reader.take(MOST_ENTRIES, upto=self._end):
            try:
                self._keeper.ensure()  # a session that cannot be opened is no fault of an entry
                answer = self._send_all(batch.entries) if batch.entries else NOTHING
            except BaseException:
                self._reader.give_back(batch)
                self._rounds += self._held is not None
                self._end = batch.seq if self._rounds >= MOST_ROUNDS else None
                raise
            self._keep_lost(batch, answer)
            self._answered(batch, replace(answer, position=self._position))
            self._rounds, self._position, self._end = 0, 0, None
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

    def _send_all(self, entries: list[Entry]) -> Answer:
        """Send a batch. Raises the error of an entry that has to be sent again, after the others have arrived."""
        self._held = None
        suspects = [entry for entry in entries if any(_fault(entry, forms) in self._faults for forms in (1, 2))]
        others = [entry for entry in entries if entry not in suspects] if suspects else entries
        answer = self._send(others) if others else NOTHING
        for entry in suspects:
            answer = _joined(answer, self._send([entry]))
        if self._held:
            raise self._held
        self._faults.clear()
        return answer

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
        answer = self._api.report(self._keeper.ensure(), entries, key=str(new_command_id()))
        # What is sent again makes no event any more.
        self._position = max(self._position, answer.position)
        return answer

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

    def _send_after_fault(self, error: StoraxError, *forms: Entry) -> Answer | None:
        """Send the first of these forms of one report that the server takes, if its answer was a fault.

        Returns None where it is no fault, or one that recurs for this report alone; an empty answer where the report
        has to wait for another round. Raises the fault where the server answers so to an empty report as well.
        """
        if error.status != FAULT:
            return None
        self._report([])
        for form in forms:
            try:
                return self._report([form])
            except StoraxError as again:
                if not _is_refusal(again):
                    raise
        self._report([])
        fault = _fault(forms[0], len(forms))
        self._faults[fault] += 1
        if self._faults[fault] >= FAULT_ROUNDS:
            return None
        self._held = error
        return NOTHING

    def _set_entry_aside(self, entry: Entry, error: StoraxError) -> Answer:
        self._set_aside.put(f"report of job {entry['id']}, lease {entry['lease_epoch']}", str(error), to_json(entry))
        return Answer([], [{"id": entry["id"], "code": SET_ASIDE, "detail": str(error)}], [])


def _fault(entry: Entry, forms: int) -> tuple[int, int, int]:
    """The key of a fault that this many forms of a report meet."""
    return entry["id"], entry["lease_epoch"], forms


def _is_refusal(error: StoraxError) -> bool:
    """Whether the same report would be answered so again. A fault of the server may be of one report alone."""
    return isinstance(error, InvalidInput) or error.status == FAULT


def _joined(first: Answer, second: Answer) -> Answer:
    accepted, refused = first.accepted + second.accepted, first.refused + second.refused
    return Answer(accepted, refused, first.cancel + second.cancel, max(first.position, second.position))
