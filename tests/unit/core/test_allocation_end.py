"""The reason why an allocation ended, from the terms of each scheduler."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from storax_core.lifecycle.allocation_end import allocation_end

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def end(ran_min: float | None = None, **row: Any) -> str:
    over = None if ran_min is None else BEGAN + timedelta(minutes=ran_min)
    times = {"start_time": BEGAN, "end_time": over}
    return allocation_end({"id": 7, "scheduler_id": "1234", "wall_time_min": 60, "status_info": {}, **times, **row})


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"scheduler_state": "TIMEOUT"}, "reached its wall time of 60 min (TIMEOUT)"),
        ({"scheduler_state": "PREEMPTED"}, "was preempted (PREEMPTED)"),
        ({"scheduler_state": "NODE_FAIL"}, "lost a node (NODE_FAIL)"),
        ({"scheduler_state": "CANCELLED by 1000"}, "was cancelled (CANCELLED by 1000)"),
        ({"scheduler_state": "OUT_OF_MEMORY"}, "ran out of memory (OUT_OF_MEMORY)"),
        (
            {"scheduler_state": "EXIT", "reason": "TERM_RUNLIMIT: job killed after reaching LSF run time limit"},
            "reached its wall time of 60 min (EXIT, TERM_RUNLIMIT: job killed after reaching LSF run time limit)",
        ),
        (
            {"scheduler_state": "EXIT", "reason": "TERM_OWNER: job killed by owner"},
            "was cancelled (EXIT, TERM_OWNER: job killed by owner)",
        ),
        ({"scheduler_state": "COMPLETED"}, "ended (COMPLETED)"),
        ({"error": "its nodes were lost: ssh: no route to host"}, "lost a node (its nodes were lost: ssh: no route to host)"),
        ({}, "ended"),
    ],
)  # fmt: skip
def test_a_schedulers_terms_become_a_reason(terms: dict[str, str], reason: str) -> None:
    assert end(status_info=terms) == f"allocation 1234 {reason}"


@pytest.mark.parametrize(("minutes", "reason"), [(59.5, "reached its wall time of 60 min"), (12, "ended")])
def test_where_the_scheduler_says_nothing_the_time_tells(minutes: float, reason: str) -> None:
    assert end(minutes) == f"allocation 1234 {reason}"


def test_an_allocation_without_a_scheduler_id_is_named_by_its_batch_job() -> None:
    assert end(scheduler_id=None, status_info={"reason": "never submitted"}) == "BatchJob 7 ended (never submitted)"
