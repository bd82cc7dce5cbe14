"""`storax job retry`: which jobs it takes, and what it says of their descendants and parents before it does anything."""

import pytest

RETRIED = {"retried": 1, "brought_back": 0, "left": 0}


def test_retry_takes_cancelled_jobs_that_are_named_by_id(shell):
    shell.script.on("POST", "/jobs/retry", RETRIED)
    shell("job", "retry", "1", "--yes")
    assert shell.script.last.body["filter"] == {"id": [1]}


def test_retry_takes_the_failed_ones_alone(shell):
    shell.script.on("POST", "/jobs/retry", RETRIED)
    shell("job", "retry", "--tag", "a=b", "--yes")
    assert shell.script.bodies("/jobs/retry") == [
        {"filter": {"tags": {"a": "b"}, "state": "FAILED"}, "descendants": True, "finished": False, "dry_run": dry}
        for dry in (True, False)
    ]


@pytest.mark.parametrize(("option", "values"), [("--only", (False, False)), ("--state=JOB_FINISHED", (True, True))])
def test_retry_says_whether_to_bring_back_descendants_and_run_finished_jobs(shell, option, values):
    shell.script.on("POST", "/jobs/retry", RETRIED)
    shell("job", "retry", "1", option, "--yes")
    body = shell.script.last.body
    assert (body["descendants"], body["finished"]) == values


def test_retry_counts_the_descendants_before_it_brings_them_back(shell):
    shell.script.on("POST", "/jobs/retry", RETRIED | {"brought_back": 9})
    refused = shell("job", "retry", "1")
    assert refused.status == 2
    assert "This would retry 1 job and 9 descendants that failed only because of these." in refused.err
    assert "Would retry 1 job and 9 descendants" in shell("job", "retry", "1", "--dry-run").err
    assert [body["dry_run"] for body in shell.script.bodies("/jobs/retry")] == [True, True]
    done = shell("job", "retry", "1", "--yes")
    assert "Retrying: 1" in done.err
    assert "Brought back: 9 descendants" in done.err
    assert shell.script.bodies("/jobs/retry")[-1]["dry_run"] is False


def test_retry_names_a_job_that_a_parent_holds_up(shell):
    held = {"left": 2, "reason": "job 2 cannot run again: its parent job 1 is FAILED", "hint": "Retry job 1."}
    shell.script.on("POST", "/jobs/retry", RETRIED | held)
    some = shell("job", "retry", "1-9", "--yes")
    assert some.status == 0
    assert "2 stay as they are, such as this one: job 2 cannot run again: its parent job 1 is FAILED." in some.err
    shell.script.on("POST", "/jobs/retry", RETRIED | held | {"retried": 0})
    none = shell("job", "retry", "1-9", "--yes")
    assert none.status == 5
    assert "Nothing was changed: job 2 cannot run again" in none.err
    assert "Retry job 1." in none.err
