"""Whether the head of a site's queue can answer a claim, or all jobs have to be searched."""

from typing import Any

import pytest

from storax_core.commands.acquire import Acquire
from storax_core.lifecycle.states import JOB_RUNNABLE, JOB_TAKEABLE


def test_a_claim_is_of_jobs_that_may_run_unless_it_says_otherwise() -> None:
    assert Acquire().states == list(JOB_RUNNABLE)
    assert Acquire(states=None).states is None


@pytest.mark.parametrize(
    ("ask", "constrained"),
    [
        ({}, False),
        ({"states": None}, False),
        ({"states": list(JOB_RUNNABLE)}, False),
        ({"states": list(JOB_TAKEABLE)}, False),
        ({"max_num_jobs": 5, "states": None, "filter_tags": {}, "serial_only": False}, False),
        ({"states": ["PREPROCESSED"]}, True),
        ({"states": ["STAGED_IN"]}, True),
        ({"states": None, "filter_tags": {"a": "b"}}, True),
        ({"max_wall_time_min": 0}, True),
    ],
)  # fmt: skip
def test_the_queue_answers_what_limits_the_number_alone(ask: dict[str, Any], constrained: bool) -> None:
    assert Acquire(**ask).constrained is constrained
