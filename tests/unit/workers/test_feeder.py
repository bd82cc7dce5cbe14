"""What the feeder makes of events: hints only at states that somebody could see."""

from datetime import UTC, datetime, timedelta
from typing import Any

from storax_workers.feeder import _is_stale, _may_run, _without_states_between

AT = datetime(2026, 1, 1, tzinfo=UTC)


def row(
    job: int, came: str | None, to: str | None, *, at: float = 0.0, kind: str = "job.state_changed"
) -> dict[str, Any]:
    return {
        "entity": "job", "entity_id": job, "timestamp": AT + timedelta(seconds=at), "type": kind,
        "from_state": came, "to_state": to,
    }  # fmt: skip


def states(*rows: dict[str, Any]) -> list[tuple[Any, Any]]:
    return [(r["from_state"], r["to_state"]) for r in _without_states_between(rows)]


def test_a_job_that_ends_in_one_report_was_never_to_be_taken() -> None:
    end = [row(1, "RUNNING", "RUN_DONE"), row(1, "RUN_DONE", "JOB_FINISHED")]
    assert states(*end) == [("RUNNING", "JOB_FINISHED")]
    (joined,) = _without_states_between(end)
    assert not _may_run(joined)
    assert not _is_stale(joined)


def test_a_job_that_stays_between_two_commands_may_be_taken_there() -> None:
    rows = [row(1, "RUNNING", "RUN_DONE"), row(1, "RUN_DONE", "JOB_FINISHED", at=0.001)]
    first, second = _without_states_between(rows)
    assert _may_run(first)
    assert _is_stale(second)


def test_the_last_state_of_a_command_counts_and_other_jobs_and_other_events_stay_apart() -> None:
    rows = [
        row(1, "RUNNING", "RUN_ERROR"), row(2, "RUNNING", "RUN_DONE"), row(1, None, None, kind="job.released"),
        row(1, "RUN_ERROR", "RESTART_READY"),
    ]  # fmt: skip
    assert states(*rows) == [("RUNNING", "RESTART_READY"), ("RUNNING", "RUN_DONE"), (None, None)]
    assert [_may_run(r) for r in _without_states_between(rows)] == [True, True, True]
