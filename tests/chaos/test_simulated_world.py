"""The rules in a simulated world: one job, two sessions, a network that delays, doubles, reorders and loses answers."""

import os
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import combinations
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from storax_core.errors import IllegalMove, Leased
from storax_core.lifecycle import rules
from storax_core.lifecycle.change import Change
from storax_core.lifecycle.states import HOOKS, JOB_DONE, JOB_TAKEABLE, JOB_TRANSITIONS, JobState

SEED = int(os.environ.get("STORAX_SEED", random.SystemRandom().randrange(2**32)))
EXAMPLES = int(os.environ.get("STORAX_FUZZ_EXAMPLES", "6")) * 20
STEPS = 50
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SESSIONS = (1, 2)
ENDS = ("RUN_DONE", "RUN_ERROR", "RUN_TIMEOUT")
HOOK_SETS = [" ".join(names) for size in range(len(HOOKS) + 1) for names in combinations(HOOKS.values(), size)]


@dataclass
class Message:
    """A report on its way. It stays in the outbox of its session until an answer arrives."""

    session: int
    epoch: int
    states: tuple[str, ...]
    attempt: int


@dataclass
class Holder:
    """What a session believes: the epoch of its lease, the state it was leased in, and the reports not yet answered."""

    epoch: int = 0
    state: str = ""
    running: bool = False
    outbox: list[Message] = field(default_factory=list)


class World(RuleBasedStateMachine):
    """The server's row of one job, which rules alone change, and two sessions at its site."""

    @initialize(
        stage_in=st.booleans(), stage_out=st.booleans(), hooks=st.sampled_from(HOOK_SETS),
        max_attempts=st.integers(1, 3), max_losses=st.integers(0, 3), retry_on_timeout=st.booleans(),
    )  # fmt: skip
    def begin(self, **fields: Any) -> None:
        self.facts: dict[str, Any] = {
            "id": 7, "owner_id": 1, "site_id": 3, "version": 1, "state": "CREATED", "session_id": None, "lease_epoch": 0,
            "lease_floor": 0, "attempt": 0, "retry_delay_sec": 0, "not_before": None, "cancel_requested": False,
            "retry_exit_codes": "[]", "return_code": None, "now": NOW, "losses": 0, "loss_reason": "",
            "num_nodes": 1, "ranks_per_node": 1, "node_packing_count": 1, **fields,
        }  # fmt: skip
        self.holders = {session: Holder() for session in SESSIONS}
        self.starts = self.ends = 0
        self.forced = self.bound = False
        change = rules.change_of(self.facts)
        rules.enter(change, dict(self.facts), "READY", {}, kind="job.created")
        self.apply(change)

    def apply(self, change: Change) -> None:
        """Write a change as the log does, and check that it is one."""
        was = self.facts["state"]
        for version, event in enumerate(change.events, self.facts["version"] + 1):
            assert event.version == version, "versions are dense"
            if event.to_state is None:
                continue
            assert event.from_state == was, "transitions are connected"
            if event.type == "job.state_changed":
                assert event.to_state in JOB_TRANSITIONS[was], "only the table's transitions happen"
            was = event.to_state
            self.starts += was == "RUNNING"
            self.ends += was in ENDS
        assert change.patch.get("state", was) == was, "the patch has the state of the last event"
        assert change.version == self.facts["version"] + len(change.events)
        assert change.patch.get("lease_epoch", 0) >= 0
        assert change.patch.get("lease_epoch", self.facts["lease_epoch"]) >= self.facts["lease_epoch"], "epochs grow"
        self.facts |= {name: value for name, value in change.patch.items() if name in self.facts}
        self.facts["version"] = change.version
        if was in JOB_DONE and self.bound:
            assert was == "CANCELLED", "a cancellation that was accepted binds"
        self.bound = self.facts["cancel_requested"]

    def leased(self) -> list[int]:
        """The sessions that believe to hold the job, or did."""
        return [session for session, holder in self.holders.items() if holder.epoch]

    def waiting(self) -> list[Message]:
        """All reports that wait for an answer, the oldest first."""
        return sorted((one for holder in self.holders.values() for one in holder.outbox), key=lambda one: one.epoch)

    # ---- sessions --------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.facts["session_id"] is None and self.facts["state"] in JOB_TAKEABLE)
    @rule(session=st.sampled_from(SESSIONS), answered=st.booleans())
    def lease(self, session: int, answered: bool) -> None:
        """As the statement of an acquire does; the answer may be lost."""
        self.facts |= {"session_id": session, "lease_epoch": self.facts["lease_epoch"] + 1}
        self.facts["version"] += 1
        if answered:
            holder = self.holders[session]
            holder.epoch, holder.state, holder.running = self.facts["lease_epoch"], self.facts["state"], False

    @precondition(lambda self: self.leased())
    @rule(number=st.integers(0, 1), end=st.sampled_from((*ENDS, "FAILED", "RUNNING", "hook", "nonsense")))
    def report(self, number: int, end: str) -> None:
        """A session that believes to hold the job writes down what happened to it; nothing is sent yet."""
        session = self.leased()[number % len(self.leased())]
        holder = self.holders[session]
        if end == "hook":
            states: tuple[str, ...] = (holder.state,) if holder.state in HOOKS else ()
        elif end == "nonsense":
            states = ("RUN_DONE", "RUNNING")
        else:
            states = ("RUNNING",) if end == "RUNNING" else (() if holder.running else ("RUNNING",)) + (end,)
        holder.running = "RUNNING" in states and end == "RUNNING"
        if states:
            holder.outbox.append(Message(session, holder.epoch, states, self.facts["attempt"] + 1))

    @precondition(lambda self: self.waiting())
    @rule(number=st.integers(0, 9), answered=st.booleans())
    def deliver(self, number: int, answered: bool) -> None:
        """A report of an outbox arrives, in any order, mostly the last; without an answer it comes again."""
        waiting = self.waiting()
        message = waiting[-1 - number % len(waiting)]
        before, row = dict(self.facts), {
            "lease_epoch": message.epoch, "patch": {}, "attempt": message.attempt,
            "moves": [{"to": state, "data": {}} for state in message.states],
        }  # fmt: skip
        change, code, sentence = rules.apply_report(self.facts, row)
        if message.epoch != before["lease_epoch"]:
            assert code == "stale_epoch", "an old epoch is refused"
        if code:
            assert sentence
            assert change.patch == {}, "what is refused changes nothing"
            assert [event.type for event in change.events] == ["job.report_refused"]
        self.apply(change)
        if answered:
            self.holders[message.session].outbox.remove(message)

    @precondition(lambda self: self.facts["session_id"] is not None)
    @rule(reason=st.sampled_from(["session expired", "site deleted"]))
    def expire(self, reason: str) -> None:
        """The session is gone; what it sends later is stale."""
        epoch = self.facts["lease_epoch"]
        self.apply(rules.lose_lease(self.facts, reason))
        assert self.facts["lease_epoch"] > epoch
        assert self.facts["session_id"] is None

    # ---- the user and the server ------------------------------------------------------------------------------------

    @rule()
    def cancel(self) -> None:
        self.apply(rules.cancel(self.facts))
        assert self.facts["state"] in JOB_DONE or self.facts["cancel_requested"]

    @rule(to=st.sampled_from(list(JobState)), force=st.booleans())
    def write_state(self, to: str, force: bool) -> None:
        if force and to == "AWAITING_PARENTS":
            return
        try:
            change = rules.user_transition(self.facts, to, {}, force=force)
        except (IllegalMove, Leased):
            return
        self.bound = self.bound and not force
        self.apply(change)

    @precondition(lambda self: self.facts["state"] in ("READY", "POSTPROCESSED"))
    @rule(good=st.booleans())
    def transfers_end(self, good: bool) -> None:
        """All files of the stage came in or went out, or one could not."""
        change = rules.change_of(self.facts)
        to = {"READY": "STAGED_IN", "POSTPROCESSED": "STAGED_OUT"}[self.facts["state"]] if good else "FAILED"
        rules.enter(change, dict(self.facts), to, {})
        self.apply(change)

    # ---- what always holds ------------------------------------------------------------------------------------------

    @invariant()
    def holds(self) -> None:
        if not hasattr(self, "facts"):
            return
        facts = self.facts
        assert facts["state"] != "RUNNING" or facts["session_id"] is not None, "a run has a holder"
        assert facts["state"] not in JOB_DONE or facts["session_id"] is None, "an end holds no lease"
        assert facts["state"] not in JOB_DONE or not facts["cancel_requested"]
        assert not facts["cancel_requested"] or facts["session_id"] is not None, "somebody is there to stop it"
        assert facts["losses"] <= facts["attempt"] == self.starts


def test_no_order_of_messages_breaks_the_rules() -> None:
    print(f"replay with STORAX_SEED={SEED}")
    run_state_machine_as_test(
        seed(SEED)(type("WorldOfThisRun", (World,), {})),
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, database=None,
            phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
