"""Every rule of lifecycle/rules.py alone: no database, no clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from storax_core.errors import IllegalMove, Leased
from storax_core.lifecycle import rules
from storax_core.lifecycle.change import Change
from storax_core.lifecycle.states import AGENT_STATES, JOB_DONE, JOB_TRANSITIONS, USER_TRANSITIONS, JobState
from storax_core.suggest import nearest

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def job(**facts: Any) -> dict[str, Any]:
    return {
        "id": 7, "owner_id": 1, "site_id": 3, "version": 4, "state": "PREPROCESSED", "session_id": None, "lease_epoch": 2, "lease_floor": 0,
        "attempt": 0, "max_attempts": 1, "retry_delay_sec": 0, "not_before": None, "cancel_requested": False,
        "stage_in": False, "stage_out": False, "hooks": "", "retry_exit_codes": "[]", "retry_on_timeout": True,
        "return_code": None, "last_update": NOW, "now": NOW, "losses": 0, "max_losses": 100, "loss_reason": "",
        "num_nodes": 1, "ranks_per_node": 1, "node_packing_count": 1,
    } | facts  # fmt: skip


def leased(**facts: Any) -> dict[str, Any]:
    return job(session_id=9, **facts)


def running(**facts: Any) -> dict[str, Any]:
    return leased(**{"state": "RUNNING", "attempt": 1} | facts)


def report(*states: str, epoch: int = 2, patch: dict[str, Any] | None = None, **data: Any) -> dict[str, Any]:
    return {"lease_epoch": epoch, "moves": [{"to": s, "data": dict(data)} for s in states], "patch": patch or {}}


def path(change: Change) -> list[str]:
    return [e.to_state for e in change.events if e.to_state]


def kinds(change: Change) -> list[str]:
    return [e.type for e in change.events]


def test_versions_of_a_change_are_dense_and_its_states_connect() -> None:
    change, _, _ = rules.apply_report(leased(), report("RUNNING", "RUN_DONE"))
    assert [e.version for e in change.events] == [5, 6, 7]
    assert change.version == 7
    assert [(e.from_state, e.to_state) for e in change.events] == [
        ("PREPROCESSED", "RUNNING"), ("RUNNING", "RUN_DONE"), ("RUN_DONE", "JOB_FINISHED"),
    ]  # fmt: skip


def test_the_patch_is_the_merge_of_the_events() -> None:
    change, _, _ = rules.apply_report(leased(), report("RUNNING", "RUN_DONE", patch={"return_code": 0}))
    merged: dict[str, Any] = {}
    for event in change.events:
        merged |= event.data
    assert merged == change.patch
    assert change.patch["return_code"] == 0
    assert change.patch["session_id"] is None


def test_stages_with_nothing_to_do_are_skipped_and_the_event_says_so() -> None:
    change, _, _ = rules.apply_report(running(), report("RUN_DONE"))
    assert path(change) == ["RUN_DONE", "JOB_FINISHED"]
    assert change.events[-1].data["skipped"] == ["POSTPROCESSED", "STAGED_OUT"]


def test_a_job_with_files_to_take_out_stops_at_postprocessed() -> None:
    change, _, _ = rules.apply_report(running(stage_out=True), report("RUN_DONE"))
    assert path(change) == ["RUN_DONE", "POSTPROCESSED"]


def test_a_job_with_files_to_bring_in_stays_ready() -> None:
    change = rules.change_of(job())
    rules.enter(change, job(stage_in=True, state="AWAITING_PARENTS"), "READY", {})
    assert path(change) == ["READY"]
    rules.enter(change, job(stage_in=True, state="READY"), "STAGED_IN", {})
    assert path(change) == ["READY", "STAGED_IN", "PREPROCESSED"]


# ---- retries --------------------------------------------------------------------------------------------------------


def test_an_error_of_the_last_attempt_fails_the_job() -> None:
    change, _, _ = rules.apply_report(running(attempt=1, max_attempts=1), report("RUN_ERROR", message="exit 1"))
    assert path(change) == ["RUN_ERROR", "FAILED"]
    assert change.events[-1].data["message"] == "exit 1"


def test_an_error_with_attempts_left_leads_to_a_restart() -> None:
    change, _, _ = rules.apply_report(running(attempt=1, max_attempts=2), report("RUN_ERROR"))
    assert path(change) == ["RUN_ERROR", "RESTART_READY"]
    assert change.patch["session_id"] is None


def test_the_attempt_is_counted_when_the_run_starts() -> None:
    change, _, _ = rules.apply_report(
        leased(attempt=1, max_attempts=2, state="RESTART_READY"), report("RUNNING", "RUN_ERROR")
    )
    assert change.patch["attempt"] == 2
    assert path(change) == ["RUNNING", "RUN_ERROR", "FAILED"]


@pytest.mark.parametrize(
    ("attempt", "seconds"),
    [(1, 10), (2, 20), (3, 40), (4, 80), (14, 81_920), (15, 86_400), (99, 86_400), (999_999, 86_400)],
)
def test_the_back_off_doubles_up_to_a_day(attempt: int, seconds: int) -> None:
    facts = running(attempt=attempt, max_attempts=1_000_000, retry_delay_sec=10)
    change, _, _ = rules.apply_report(facts, report("RUN_ERROR"))
    assert change.patch["not_before"] == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("attempt", [1, 2, 70, 999_999])
def test_a_delay_of_more_than_a_day_stays_as_it_was_set(attempt: int) -> None:
    facts = running(attempt=attempt, max_attempts=1_000_000, retry_delay_sec=1_000_000)
    change, _, _ = rules.apply_report(facts, report("RUN_ERROR"))
    assert change.patch["not_before"] == NOW + timedelta(seconds=1_000_000)


def test_without_a_delay_a_restart_is_due_at_once_and_an_old_one_is_forgotten() -> None:
    change, _, _ = rules.apply_report(running(max_attempts=2, not_before=NOW), report("RUN_ERROR"))
    assert change.patch["not_before"] is None


@pytest.mark.parametrize(
    ("failed_from", "stage_out", "to"),
    [("POSTPROCESSED", 1, "POSTPROCESSED"), ("POSTPROCESSED", 0, "RESTART_READY"), ("RUN_ERROR", 1, "RESTART_READY")],
)
def test_a_retry_continues_with_the_stage_out_where_that_alone_failed(
    failed_from: str, stage_out: int, to: str
) -> None:
    failed = job(state="FAILED", attempt=1, stage_out=stage_out, failed_from=failed_from)
    assert path(rules.user_transition(failed, "RESTART_READY", {}, force=False)) == [to]


def test_a_restart_by_the_user_does_not_wait_for_the_back_off() -> None:
    change = rules.user_transition(
        job(state="FAILED", retry_delay_sec=60, not_before=NOW), "RESTART_READY", {}, force=False
    )
    assert change.patch["not_before"] is None


def test_a_run_that_reached_its_limit_runs_again_and_counts_as_a_loss() -> None:
    change, _, _ = rules.apply_report(running(attempt=1, max_attempts=1), report("RUN_TIMEOUT"))
    assert path(change) == ["RUN_TIMEOUT", "RESTART_READY"]
    assert (change.patch["losses"], "loss_reason" in change.patch) == (1, False)


# ---- leases ---------------------------------------------------------------------------------------------------------


def test_a_lost_lease_is_no_fault_of_the_job() -> None:
    change = rules.lose_lease(running(attempt=1, max_attempts=1), "its session expired")
    assert path(change) == ["RUN_TIMEOUT", "RESTART_READY"]
    assert change.patch["lease_epoch"] == 3
    assert change.patch["session_id"] is None


def test_losses_use_up_no_attempt() -> None:
    change = rules.lose_lease(running(attempt=40, losses=39, max_attempts=1), "node n1 was lost")
    assert path(change) == ["RUN_TIMEOUT", "RESTART_READY"]
    assert (change.patch["losses"], change.patch["loss_reason"]) == (40, "node n1 was lost")
    assert change.events[-1].data["why"] == "attempt 41 follows; this was loss 40 of 100, and uses up no attempt"


def test_after_losses_an_error_still_has_all_its_attempts() -> None:
    lost = {"losses": 2, "max_attempts": 2}
    change, _, _ = rules.apply_report(running(attempt=3, **lost), report("RUN_ERROR"))
    assert path(change) == ["RUN_ERROR", "RESTART_READY"]
    assert change.events[-1].data["why"] == "attempt 4 of 4 follows; 2 of them lost"
    change, _, _ = rules.apply_report(running(attempt=4, **lost), report("RUN_ERROR"))
    assert path(change) == ["RUN_ERROR", "FAILED"]
    assert change.events[-1].data["why"] == "attempt 4 of 4 was its last; 2 of them lost"


@pytest.mark.parametrize(("losses", "most", "end"), [(0, 1, "FAILED"), (1, 3, "RESTART_READY"), (2, 3, "FAILED")])
def test_the_last_loss_allowed_fails_the_job_with_its_reason(losses: int, most: int, end: str) -> None:
    change = rules.lose_lease(running(attempt=9, losses=losses, max_losses=most, max_attempts=99), "node n1 was lost")
    assert path(change) == ["RUN_TIMEOUT", end]
    assert change.events[-1].data["message"] == "node n1 was lost"
    if end == "FAILED":
        assert change.events[-1].data["why"] == f"loss {most} of {most} was the last allowed"


def test_max_losses_of_zero_is_no_limit() -> None:
    change = rules.lose_lease(running(attempt=9_999, losses=9_998, max_losses=0), "gone")
    assert path(change) == ["RUN_TIMEOUT", "RESTART_READY"]
    assert change.events[-1].data["why"] == "attempt 10000 follows; this was loss 9999, and uses up no attempt"


def test_after_a_loss_the_next_run_does_not_wait_and_its_start_clears_the_reason() -> None:
    change = rules.lose_lease(running(retry_delay_sec=600), "gone")
    assert "not_before" not in change.patch
    change, _, _ = rules.apply_report(
        leased(state="RESTART_READY", attempt=1, losses=1, loss_reason="gone"), report("RUNNING")
    )
    assert change.patch["loss_reason"] == ""


def test_the_back_off_counts_errors_and_not_losses() -> None:
    change, _, _ = rules.apply_report(
        running(attempt=6, losses=5, max_attempts=2, retry_delay_sec=10), report("RUN_ERROR")
    )
    assert change.patch["not_before"] == NOW + timedelta(seconds=10)


@pytest.mark.parametrize(("reason", "end"), [("node n1 was lost", "RESTART_READY"), ("", "FAILED")])
def test_after_its_hook_a_loss_is_still_no_timeout_of_the_job(reason: str, end: str) -> None:
    facts = leased(
        state="RUN_TIMEOUT", hooks="handle_timeout", attempt=1, losses=1, loss_reason=reason, retry_on_timeout=False
    )
    change, _, _ = rules.apply_report(facts, report("RUN_TIMEOUT"))
    assert (kinds(change)[0], path(change)) == ("job.hook_ended", [end])
    assert change.events[-1].data.get("message", "") == reason


def test_a_lost_lease_before_the_run_only_gives_the_job_back() -> None:
    change = rules.lose_lease(leased(), "its session ended")
    assert kinds(change) == ["job.released"]
    assert change.patch == {"message": "its session ended", "session_id": None, "lease_epoch": 3}


def test_a_holder_gives_back_what_it_will_not_start_and_keeps_the_epoch() -> None:
    change, code, _ = rules.apply_report(leased(), {**report(), "release": "no time"})
    assert (code, kinds(change)) == ("", ["job.released"])
    assert change.patch == {"message": "no time", "session_id": None}
    again, code, _ = rules.apply_report(job(), {**report(), "release": "no time"})
    assert (code, again.events) == ("", [])


def test_what_was_to_be_cancelled_is_not_given_back_but_ended() -> None:
    change, code, _ = rules.apply_report(leased(cancel_requested=True), {**report(), "release": "no time"})
    assert (code, path(change)) == ("", ["CANCELLED"])
    assert change.patch["session_id"] is None


def test_what_runs_cannot_be_given_back() -> None:
    change, code, _ = rules.apply_report(running(), {**report(), "release": "no time"})
    assert (code, kinds(change), change.patch) == ("illegal_move", ["job.report_refused"], {})


@pytest.mark.parametrize("facts", [leased(cancel_requested=True), running(cancel_requested=True, max_attempts=9)])
def test_a_lost_lease_ends_a_job_that_was_being_cancelled(facts: dict[str, Any]) -> None:
    change = rules.lose_lease(facts, "its session expired")
    assert path(change)[-1] == "CANCELLED"
    assert change.patch["cancel_requested"] is False
    assert change.patch["lease_epoch"] == 3


# ---- reports --------------------------------------------------------------------------------------------------------


def test_a_stale_epoch_is_refused_by_an_event_that_changes_nothing() -> None:
    change, code, message = rules.apply_report(running(lease_epoch=3), report("RUN_DONE", epoch=2))
    assert (code, kinds(change), change.patch) == ("stale_epoch", ["job.report_refused"], {})
    assert "3" in message
    assert "2" in message


def test_an_epoch_of_the_future_is_refused_as_well() -> None:
    assert rules.apply_report(running(), report("RUN_DONE", epoch=3))[1] == "stale_epoch"


def test_a_replayed_report_is_accepted_without_effect() -> None:
    change, code, _ = rules.apply_report(job(state="JOB_FINISHED", attempt=1), report("RUNNING", "RUN_DONE"))
    assert (code, change.events) == ("", [])


def test_a_replayed_start_is_accepted_without_effect() -> None:
    change, code, _ = rules.apply_report(running(), report("RUNNING"))
    assert (code, change.events) == ("", [])


def test_a_report_that_repeats_its_start_goes_on() -> None:
    change, code, _ = rules.apply_report(running(), report("RUNNING", "RUN_DONE"))
    assert (code, path(change)) == ("", ["RUN_DONE", "JOB_FINISHED"])
    assert "attempt" not in change.patch


@pytest.mark.parametrize("states", [("RUN_DONE",), ("RUN_ERROR",), ("RUNNING", "RUNNING", "RUN_DONE", "RUN_DONE")])
def test_a_move_that_the_table_does_not_allow_is_refused_whole(states: tuple[str, ...]) -> None:
    change, code, _ = rules.apply_report(leased(), report(*states))
    assert (code, kinds(change), change.patch) == ("illegal_move", ["job.report_refused"], {})


@pytest.mark.parametrize(
    "states", [("RUN_ERROR", "RUNNING"), ("RUN_ERROR", "RUNNING", "RUN_DONE"), ("RUN_TIMEOUT", "FAILED")]
)
def test_a_lease_ends_with_its_run_so_a_second_start_under_it_is_refused_whole(states: tuple[str, ...]) -> None:
    change, code, _ = rules.apply_report(running(max_attempts=9), report(*states))
    assert (code, kinds(change), change.patch) == ("illegal_move", ["job.report_refused"], {})


@pytest.mark.parametrize(
    ("attempt", "reported", "code"),
    [(0, None, "illegal_move"), (0, 1, "illegal_move"), (1, 2, "illegal_move"), (1, 1, "")],
)
def test_a_start_after_the_end_of_its_lease_is_accepted_only_where_it_was_counted(
    attempt: int, reported: int | None, code: str
) -> None:
    change, answer, _ = rules.apply_report(job(attempt=attempt), report("RUNNING") | {"attempt": reported})
    assert answer == code
    assert kinds(change) == (["job.report_refused"] if code else [])


def test_only_a_report_that_ends_a_lease_may_create_jobs() -> None:
    some = {"jobs": [{"app_name": "A"}]}
    for facts, states in ((leased(), ["RUNNING"]), (running(), ["RUNNING"])):
        change, code, _ = rules.apply_report(facts, report(*states) | some)
        assert (code, change.patch) == ("illegal_move", {})
    assert rules.apply_report(running(), report("RUN_DONE") | some)[1] == ""


def test_a_report_from_another_site_is_refused_by_an_event_that_changes_nothing() -> None:
    change, code, _ = rules.report_from_elsewhere(running(), report("RUN_DONE"), 4)
    assert (code, kinds(change), change.patch) == ("not_found", ["job.report_refused"], {})


@pytest.mark.parametrize("state", sorted(set(JobState) - AGENT_STATES))
def test_a_lease_holder_cannot_enter_the_servers_states(state: str) -> None:
    assert rules.apply_report(running(), report(state))[1] == "illegal_move"


def test_a_site_may_refuse_a_job_that_it_took() -> None:
    change, code, _ = rules.apply_report(leased(), report("FAILED", message="unknown digest"))
    assert (code, path(change)) == ("", ["FAILED"])


def test_the_outcome_goes_with_the_last_move() -> None:
    change, _, _ = rules.apply_report(
        leased(), report("RUNNING", "RUN_ERROR", patch={"return_code": 3, "return_value": [1]})
    )
    assert "return_code" not in change.events[0].data
    assert change.events[1].data["return_code"] == 3
    assert change.events[1].data["return_value"] == [1]


# ---- cancelling -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["AWAITING_PARENTS", "READY", "PREPROCESSED", "RESTART_READY", "POSTPROCESSED"])
def test_cancelling_what_does_not_run_ends_it_at_once(state: str) -> None:
    change = rules.cancel(job(state=state))
    assert path(change) == ["CANCELLED"]
    assert change.events[0].data["message"] == "cancelled"


@pytest.mark.parametrize("facts", [leased(), running()])
def test_cancelling_what_is_held_asks_the_holder_once(facts: dict[str, Any]) -> None:
    change = rules.cancel(facts)
    assert (kinds(change), change.patch) == (["job.cancel_requested"], {"cancel_requested": True})
    assert rules.cancel(facts | change.patch).events == []


@pytest.mark.parametrize("state", JOB_DONE)
def test_cancelling_what_has_ended_changes_nothing(state: str) -> None:
    assert rules.cancel(job(state=state)).events == []


@pytest.mark.parametrize("end", ["RUN_ERROR", "RUN_TIMEOUT", "FAILED", "CANCELLED"])
def test_a_cancelled_run_is_not_tried_again(end: str) -> None:
    change, _, _ = rules.apply_report(running(cancel_requested=True, max_attempts=5), report(end))
    assert path(change)[-1] == "CANCELLED"
    assert change.patch["cancel_requested"] is False


@pytest.mark.parametrize("facts", [{}, {"stage_out": True}, {"hooks": "postprocess"}], ids=str)
def test_a_run_that_ended_well_after_the_request_is_cancelled_and_keeps_its_result(facts: dict[str, Any]) -> None:
    outcome = {"return_code": 0, "return_value": 42}
    change, _, _ = rules.apply_report(running(cancel_requested=True, **facts), report("RUN_DONE", patch=outcome))
    assert path(change) == ["RUN_DONE", "CANCELLED"]
    assert change.patch == change.patch | outcome | {"cancel_requested": False, "session_id": None}
    assert change.events[-1].data["message"] == "cancelled; its run had ended well, and its result is kept"


@pytest.mark.parametrize(
    ("to", "state", "ends"),
    [
        ("PREPROCESSED", "STAGED_IN", ["PREPROCESSED", "CANCELLED"]),
        ("STAGED_IN", "STAGED_IN", ["CANCELLED"]),
        ("RESTART_READY", "RUN_ERROR", ["RESTART_READY", "CANCELLED"]),
        ("POSTPROCESSED", "RUN_DONE", ["POSTPROCESSED", "CANCELLED"]),
        ("JOB_FINISHED", "RUN_DONE", ["CANCELLED"]),
        ("FAILED", "RUN_DONE", ["CANCELLED"]),
    ],
)
def test_no_hook_revokes_a_cancellation(to: str, state: str, ends: list[str]) -> None:
    change, code, _ = rules.apply_report(hooked(state, cancel_requested=True), report(to))
    assert (code, path(change)) == ("", ends)
    assert change.patch["cancel_requested"] is False


@pytest.mark.parametrize(
    ("end", "message", "kept"),
    [
        ("RUN_ERROR", "exit code 3", "cancelled; exit code 3"),
        ("FAILED", "cancelled", "cancelled"),
        ("FAILED", 7, "cancelled; 7"),
    ],
)
def test_a_cancellation_keeps_what_its_holder_said(end: str, message: Any, kept: str) -> None:
    change, _, _ = rules.apply_report(running(cancel_requested=True), report(end, message=message))
    assert change.events[-1].data["message"] == kept


@pytest.mark.parametrize("was", ["FAILED", "CANCELLED"])
def test_a_retry_of_a_job_that_never_ran_brings_its_files_in_first(was: str) -> None:
    change = rules.user_transition(job(state=was, stage_in=True), "RESTART_READY", {}, force=False)
    assert path(change) == ["READY"]


def parents(**facts: Any) -> dict[str, Any]:
    return {"policy": "fail", "waiting": False, "failed": None, "cancelled": None, "deleted": None} | facts


@pytest.mark.parametrize("was", ["FAILED", "CANCELLED", "JOB_FINISHED"])
@pytest.mark.parametrize(
    ("facts", "end"),
    [
        ({}, "RESTART_READY"),
        ({"waiting": True}, "AWAITING_PARENTS"),
        ({"deleted": 5}, "RESTART_READY"),
        ({"deleted": 5, "waiting": True}, "job 7 cannot wait for its parents again: its parent job 5 was deleted"),
        ({"failed": 5}, "job 7 cannot run again: its parent job 5 is FAILED"),
        ({"failed": 5, "waiting": True}, "job 7 cannot run again: its parent job 5 is FAILED"),
        ({"cancelled": 5}, "job 7 cannot run again: its parent job 5 is CANCELLED"),
        ({"failed": 5, "policy": "run"}, "RESTART_READY"),
        ({"failed": 5, "policy": "run", "waiting": True}, "AWAITING_PARENTS"),
    ],
)
def test_a_job_comes_back_as_its_parents_allow(was: str, facts: dict[str, Any], end: str) -> None:
    ended = job(state=was, parents=parents(**facts))
    if " " in end:
        with pytest.raises(IllegalMove, match=end):
            rules.user_transition(ended, "RESTART_READY", {}, force=False)
        assert path(rules.user_transition(ended, "RESTART_READY", {}, force=True)) == ["RESTART_READY"]
    else:
        assert path(rules.user_transition(ended, "RESTART_READY", {}, force=False)) == [end]


def test_a_user_who_writes_the_state_cancels_what_no_session_holds() -> None:
    change = rules.user_transition(job(), "CANCELLED", {}, force=False)
    assert (path(change), change.patch["message"]) == (["CANCELLED"], "cancelled")


# ---- users and operators --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("was", list(JobState))
@pytest.mark.parametrize("to", list(JobState))
def test_users_move_by_the_table_alone(was: str, to: str) -> None:
    if to in USER_TRANSITIONS[was]:
        assert path(rules.user_transition(job(state=was), to, {}, force=False))[0] == to
    elif (was, to) == ("AWAITING_PARENTS", "RESTART_READY"):  # it is on its way already
        assert kinds(rules.user_transition(job(state=was), to, {}, force=False)) == []
        assert kinds(rules.user_transition(job(state=was), to, {"num_nodes": 2}, force=False)) == ["job.updated"]
    else:
        with pytest.raises(IllegalMove) as refusal:
            rules.user_transition(job(state=was), to, {}, force=False)
        assert all(legal in refusal.value.hint for legal in USER_TRANSITIONS[was])


def test_a_held_job_is_its_holders() -> None:
    with pytest.raises(Leased) as refusal:
        rules.user_transition(running(), "FAILED", {}, force=False)
    assert "cancel" in refusal.value.hint


def test_force_is_an_event_of_its_own_and_takes_the_lease_away() -> None:
    change = rules.user_transition(running(cancel_requested=True), "RESTART_READY", {"num_nodes": 2}, force=True)
    assert kinds(change) == ["job.state_forced"]
    assert change.patch == {
        "state": "RESTART_READY", "num_nodes": 2, "session_id": None, "lease_epoch": 3, "cancel_requested": False,
    }  # fmt: skip
    assert rules.apply_report(job(lease_epoch=3, state="RESTART_READY"), report("RUN_DONE"))[1] == "stale_epoch"


@pytest.mark.parametrize(
    ("to", "end"), [("RUN_DONE", "JOB_FINISHED"), ("READY", "PREPROCESSED"), ("STAGED_IN", "PREPROCESSED")]
)
def test_a_forced_job_does_not_stand_in_a_stage_with_nothing_to_do(to: str, end: str) -> None:
    assert path(rules.user_transition(job(state="FAILED"), to, {}, force=True)) == [to, end]


def test_not_even_force_runs_a_job_without_a_lease() -> None:
    with pytest.raises(IllegalMove):
        rules.user_transition(job(), "RUNNING", {}, force=True)


def test_the_nearest_name_is_hinted_and_else_what_there_is() -> None:
    assert nearest("FAILD", JOB_TRANSITIONS) == "Did you mean 'FAILED'?"
    assert "PREPROCESSED" in nearest("zzz", JOB_TRANSITIONS)


# ---- hooks -------------------------------------------------------------------------------------------------------------


def hooked(
    state: str, hooks: str = "preprocess postprocess handle_error handle_timeout", **facts: Any
) -> dict[str, Any]:
    return leased(state=state, hooks=hooks, **facts)


@pytest.mark.parametrize("state", ["RUN_DONE", "RUN_ERROR", "RUN_TIMEOUT"])
def test_a_run_rests_where_a_hook_is_to_follow_and_its_lease_ends(state: str) -> None:
    change, _, _ = rules.apply_report(hooked("RUNNING", attempt=1), report(state))
    assert path(change) == [state]
    assert change.patch["session_id"] is None


def test_a_hook_that_says_nothing_leaves_it_to_the_rules() -> None:
    change, code, _ = rules.apply_report(hooked("RUN_ERROR", attempt=1, max_attempts=2), report("RUN_ERROR"))
    assert (code, path(change)) == ("", ["RESTART_READY"])
    assert change.events[-1].data["why"] == "attempt 2 of 2 follows"
    change, _, _ = rules.apply_report(hooked("RUN_ERROR", attempt=2, max_attempts=2), report("RUN_ERROR"))
    assert path(change) == ["FAILED"]
    assert change.events[-1].data["why"] == "attempt 2 of 2 was its last"


def test_a_hook_may_say_what_follows_beyond_the_attempts() -> None:
    change, _, _ = rules.apply_report(hooked("RUN_ERROR", attempt=5, max_attempts=1), report("RESTART_READY"))
    assert path(change) == ["RESTART_READY"]


@pytest.mark.parametrize("to", ["PREPROCESSED", "POSTPROCESSED", "RESTART_READY", "JOB_FINISHED"])
@pytest.mark.parametrize("state", ["PREPROCESSED", "RUNNING", "RESTART_READY"])
def test_only_a_hook_may_say_what_hooks_say(state: str, to: str) -> None:
    _, code, _ = rules.apply_report(hooked(state), report(to))
    assert code == "illegal_move"


def test_postprocess_leads_on_to_the_end() -> None:
    change, _, _ = rules.apply_report(hooked("RUN_DONE", attempt=1), report("POSTPROCESSED"))
    assert path(change) == ["POSTPROCESSED", "JOB_FINISHED"]


def test_a_job_whose_preprocess_failed_is_preprocessed_when_it_is_tried_again() -> None:
    again = rules.user_transition(job(state="FAILED", hooks="preprocess"), "RESTART_READY", {}, force=False)
    assert path(again) == ["RESTART_READY", "STAGED_IN"]
    ran = rules.user_transition(job(state="FAILED", hooks="preprocess", attempt=1), "RESTART_READY", {}, force=False)
    assert path(ran) == ["RESTART_READY"]


def test_a_cancelled_run_has_no_hook() -> None:
    change, _, _ = rules.apply_report(hooked("RUNNING", cancel_requested=True, attempt=1), report("RUN_ERROR"))
    assert path(change) == ["RUN_ERROR", "CANCELLED"]


@pytest.mark.parametrize("state", ["STAGED_IN", "RUN_DONE", "RUN_ERROR", "RUN_TIMEOUT"])
def test_cancelling_before_a_hook_ends_the_job_and_under_one_asks_for_its_end(state: str) -> None:
    waiting = rules.cancel(job(state=state, hooks="preprocess postprocess handle_error handle_timeout"))
    assert path(waiting) == ["CANCELLED"]
    assert rules.cancel(hooked(state)).patch == {"cancel_requested": True}


# ---- retries -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "codes", "ends", "why"),
    [
        (3, "[3, 75]", "RESTART_READY", "attempt 2 of 3 follows"),
        (4, "[3, 75]", "FAILED", "exit code 4 is not in retry_exit_codes"),
        (4, "[]", "RESTART_READY", "attempt 2 of 3 follows"),
        (None, "[3]", "FAILED", "it is not in retry_exit_codes"),
    ],
)
def test_only_chosen_exit_codes_are_tried_again(code: int | None, codes: str, ends: str, why: str) -> None:
    facts = running(attempt=1, max_attempts=3, retry_exit_codes=codes)
    change, _, _ = rules.apply_report(facts, report("RUN_ERROR", return_code=code))
    assert path(change) == ["RUN_ERROR", ends]
    assert change.events[-1].data["why"] == why


def test_a_timeout_is_tried_again_unless_the_job_says_no() -> None:
    for wanted, ends in ((True, "RESTART_READY"), (False, "FAILED")):
        change, _, _ = rules.apply_report(
            running(attempt=1, max_attempts=2, retry_on_timeout=wanted), report("RUN_TIMEOUT")
        )
        assert path(change) == ["RUN_TIMEOUT", ends]
    assert change.events[-1].data["why"] == "retry_on_timeout is false"


def test_a_lost_lease_is_no_timeout_of_the_job() -> None:
    change = rules.lose_lease(running(attempt=1, max_attempts=2, retry_on_timeout=False), "gone")
    assert path(change) == ["RUN_TIMEOUT", "RESTART_READY"]
