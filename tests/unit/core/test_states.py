"""The state machines as data: closed, reachable, and one with what the server does by itself."""

from enum import StrEnum

import pytest

from storax_core.lifecycle.states import (
    AGENT_STATES,
    AUTOMATIC,
    BATCH_JOB_TRANSITIONS,
    HOOK_STATES,
    HOOKS,
    JOB_DONE,
    JOB_RUNNABLE,
    JOB_TRANSITIONS,
    TRANSFER_TRANSITIONS,
    USER_TRANSITIONS,
    BatchJobState,
    JobState,
    TransferState,
)
from storax_core.log.event_types import EVENT_TYPES
from storax_core.resources import PROJECTED

UNSUCCESSFUL = {"FAILED", "CANCELLED"}
MACHINES = [(JobState, JOB_TRANSITIONS), (BatchJobState, BATCH_JOB_TRANSITIONS), (TransferState, TRANSFER_TRANSITIONS)]


@pytest.mark.parametrize(("states", "transitions"), MACHINES)
def test_a_table_names_every_state_and_no_other(states: type[StrEnum], transitions: dict[str, frozenset[str]]) -> None:
    assert set(transitions) == set(states)
    assert {to for targets in transitions.values() for to in targets} <= set(states)


@pytest.mark.parametrize(("states", "transitions"), MACHINES)
def test_no_state_leads_to_itself(states: type[StrEnum], transitions: dict[str, frozenset[str]]) -> None:
    assert not [s for s, to in transitions.items() if s in to]


BALSAM = """CREATED AWAITING_PARENTS READY STAGED_IN PREPROCESSED RUNNING RUN_DONE POSTPROCESSED STAGED_OUT JOB_FINISHED
RUN_ERROR RUN_TIMEOUT RESTART_READY FAILED"""


def test_balsams_job_states_are_all_there_and_cancelled_is_the_one_more() -> None:
    assert set(JobState) - set(BALSAM.split()) == {"CANCELLED"}
    assert set(BALSAM.split()) <= set(JobState)


def test_a_cancellation_ends_a_job_wherever_it_is_and_nothing_follows_but_a_retry() -> None:
    under_way = set(JobState) - set(JOB_DONE)
    assert all(JobState.CANCELLED in JOB_TRANSITIONS[state] for state in under_way)
    assert JOB_TRANSITIONS["CANCELLED"] == JOB_TRANSITIONS["FAILED"] == {"RESTART_READY", "READY", "AWAITING_PARENTS"}
    assert not any("CANCELLED" in JOB_TRANSITIONS[state] for state in JOB_DONE)


@pytest.mark.parametrize("state", sorted((AGENT_STATES | HOOK_STATES) - {"RUNNING", *JOB_DONE}))
def test_a_requested_cancellation_comes_first_wherever_a_holder_may_move_a_job(state: str) -> None:
    first = next(rule for rule in AUTOMATIC if rule.state == state)
    assert (first.when, first.to) == ("cancel_requested", "CANCELLED")


def test_every_follow_up_is_a_legal_move() -> None:
    assert not [f for f in AUTOMATIC if f.to not in (*JOB_TRANSITIONS[f.state], f.state)]
    assert {f.state for f in AUTOMATIC if f.to == f.state} == set(HOOKS), "a state is rested in for a hook alone"


def test_follow_ups_end() -> None:
    def longest(state: str, seen: tuple[str, ...]) -> int:
        assert state not in seen, (*seen, state)
        return 1 + max((longest(f.to, (*seen, state)) for f in AUTOMATIC if f.state == state != f.to), default=0)

    assert max(longest(s, ()) for s in JobState) <= 5


def test_states_after_a_run_never_stay_without_a_rule_for_every_case() -> None:
    for state in (JobState.RUN_DONE, JobState.RUN_ERROR, JobState.RUN_TIMEOUT, JobState.STAGED_IN, JobState.STAGED_OUT):
        assert [f.when for f in AUTOMATIC if f.state == state][-1] == "always"


def test_every_job_can_end() -> None:
    for start in JobState:
        reached, frontier = {str(start)}, [str(start)]
        while frontier:
            frontier = [t for s in frontier for t in JOB_TRANSITIONS[s] if t not in reached]
            reached |= set(frontier)
        assert reached & set(JOB_DONE), start


def test_whoever_holds_a_lease_enters_only_states_of_a_run() -> None:
    assert {str(s) for s in AGENT_STATES} == {"RUNNING", "RUN_DONE", "RUN_ERROR", "RUN_TIMEOUT", *UNSUCCESSFUL}
    assert {str(s) for s in HOOK_STATES} == {"PREPROCESSED", "POSTPROCESSED", "RESTART_READY", "JOB_FINISHED"}
    assert set(JOB_RUNNABLE) == {"PREPROCESSED", "RESTART_READY"}
    assert all(JobState.RUNNING in JOB_TRANSITIONS[s] for s in JOB_RUNNABLE)


def test_nobody_enters_running_by_writing_it() -> None:
    assert not [s for s, to in USER_TRANSITIONS.items() if JobState.RUNNING in to]


def test_every_entity_has_its_standard_events_and_all_are_past_tense() -> None:
    for resource in PROJECTED:
        assert {f"{resource.entity}.created", f"{resource.entity}.deleted"} <= set(EVENT_TYPES)
        assert (f"{resource.entity}.state_changed" in EVENT_TYPES) == bool(resource.machine)
    for name, kind in EVENT_TYPES.items():
        assert name == kind.name
        assert name.partition(".")[2].rsplit("_", 1)[-1].endswith(("ed", "in")), name
        assert kind.doc.endswith(".")
