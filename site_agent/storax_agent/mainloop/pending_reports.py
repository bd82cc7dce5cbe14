"""What became of jobs and was not yet reported: collected by the main loop, stored in the outbox until answered."""

import json
import logging
from collections.abc import Iterable

from storax_agent.launch.work import Lease
from storax_agent.mainloop.load_window import ReportTrigger
from storax_agent.mainloop.outbox import Outbox
from storax_agent.mainloop.report_entry import Entry, merge

LOG = logging.getLogger(__name__)
Pair = tuple[int, int]
MOST_GIVEN_UP = 4096
GIVEN_UP = "given_up"  # the note of their leases, for an agent after this one


class PendingReports:
    """``trigger`` learns of what was stored, so that the report loop sends it."""

    def __init__(self, outbox: Outbox, trigger: ReportTrigger) -> None:
        self._outbox, self._trigger = outbox, trigger
        self._entries: dict[Lease, Entry] = {}
        self._notes: dict[str, str] = {}
        self._answered = self._position = self._split_row = 0
        self._unanswered: dict[Pair, int] = {}
        self._given_up: dict[Pair, None] = {}

    def without(self, pairs: Iterable[Pair]) -> list[Pair]:
        """Those jobs and epochs of which nothing waits to be reported, and something can be."""
        unsaved = {(lease.job_id, lease.epoch) for lease in self._entries}
        known = unsaved | self._given_up.keys()
        return [pair for pair in pairs if pair not in known and pair not in self._unanswered]

    @property
    def unsaved(self) -> bool:
        """Whether entries wait for the outbox."""
        return bool(self._entries)

    @property
    def backlog(self) -> int:
        """How many runs of jobs have something that the server has not answered; read by other threads too."""
        return len(self._entries) + len(self._unanswered)

    @property
    def settled(self) -> bool:
        """Whether everything that ended is stored and answered."""
        return not self._entries and not self._unanswered

    def recall(self) -> None:
        """Take up what an agent before this one stored and did not see answered, and what it gave up."""
        self._given_up = dict.fromkeys((job, epoch) for job, epoch in json.loads(self._outbox.note(GIVEN_UP) or "[]"))
        self._unanswered = {(row["id"], row["lease_epoch"]): self._outbox.seq for row in self._outbox.unanswered()}
        if self._unanswered:
            self._trigger.add(len(self._unanswered), final=True)

    def add(self, entry: Entry, lease: Lease) -> None:
        """Something became of a job."""
        known = self._entries.setdefault(lease, entry)
        if known is not entry:
            merge(known, entry)

    def give_up(self, pairs: Iterable[Pair]) -> None:
        """The server takes no report of these: they stay leased until their session ends, over restarts too."""
        if not (fresh := dict.fromkeys(pairs)):
            return
        self._given_up.update(fresh)
        while len(self._given_up) > MOST_GIVEN_UP:
            del self._given_up[next(iter(self._given_up))]
        self.note(GIVEN_UP, json.dumps([*self._given_up]))

    def note(self, name: str, value: str) -> None:
        """Remember a fact for an agent after this one, together with the entries."""
        self._notes[name] = value

    def save(self) -> str:
        """Store it all; returns the launcher's cursor that is stored with it, empty where there is none.

        Raises:
            OutboxError: nothing was stored; try again later.
        """
        if not (self._entries or self._notes or self._answered):
            return ""
        entries, before = list(self._entries.values()), self._outbox.seq
        seq = self._outbox.append(entries, answered=self._answered, position=self._position, **self._notes)
        if seq > before + 1:  # too large for one row: which entry is in which is not remembered
            self._split_row = seq
        for entry in entries:
            self._unanswered[entry["id"], entry["lease_epoch"]] = seq
        if entries:
            self._trigger.add(len(entries), final=any(_ends(entry) for entry in entries))
        cursor = self._notes.get("cursor", "")
        self._entries, self._notes, self._answered, self._position = {}, {}, 0, 0
        return cursor

    def send_again(self, position: int) -> None:
        """Report again what the server had in its log behind ``position``, which it lost."""
        number = self._outbox.put_back(position)
        if number:
            LOG.warning("%d answers are lost with the server's log; reporting again", number)
            self.recall()

    def answered(self, seq: int, entries: Iterable[Entry], *, damaged: bool = False, position: int = 0) -> None:
        """The server answered for these, which are in the rows up to ``seq``; ``position`` is that of the last event
        that they made in its log. With ``damaged``, rows among them could not be read: whatever they held waits for no
        answer any more."""
        self._answered, self._position = seq, max(self._position, position)
        if damaged or 0 < self._split_row <= seq:
            self._split_row = 0
            self._unanswered = {pair: row for pair, row in self._unanswered.items() if row > seq}
        for entry in entries:
            pair = (entry["id"], entry["lease_epoch"])
            if self._unanswered.get(pair, seq + 1) <= seq:
                del self._unanswered[pair]


def _ends(entry: Entry) -> bool:
    return not entry["moves"] or entry["moves"][-1]["to"] != "RUNNING"
