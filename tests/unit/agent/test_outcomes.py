"""What is reported of a process says what happened, and carries no more than it may."""

import os
from pathlib import Path

import pytest

from storax_agent.launch.work import Ended, HookEnded, Lease, Raised
from storax_agent.mainloop.outcomes import MAX_RESULT_BYTES, OutcomeMapper
from storax_agent.mainloop.report_entry import reduced

LEASE = Lease(5, 2, 1)


@pytest.fixture
def mapper(tmp_path):
    for name in ("data/w", "results"):
        (tmp_path / name).mkdir(parents=True)
    handle = os.open(tmp_path / "data", os.O_RDONLY | os.O_DIRECTORY)
    yield OutcomeMapper(handle, tmp_path / "results")
    os.close(handle)


def ended(cause="exit", code=0, *, started=True, message="", workdir="w"):
    return Ended(LEASE, 1e9, code, cause, message, workdir, started)


def last(entry):
    return entry["moves"][-1]["to"], entry["moves"][-1]["data"]


def result(tmp_path, content):
    (tmp_path / "results/5.2.1.json").write_bytes(content)


def test_every_report_names_its_lease_and_a_time(mapper):
    entry = mapper.outcome(ended())
    assert (entry["id"], entry["lease_epoch"], entry["attempt"]) == (5, 2, 1)
    assert entry["moves"] == [{"to": "RUN_DONE", "at": "2001-09-09T01:46:40+00:00", "data": {}}]
    assert entry["patch"] == {"return_code": 0}


def test_a_result_becomes_the_return_value_and_its_file_goes(mapper, tmp_path):
    result(tmp_path, b'{"a": null}')
    assert mapper.outcome(ended())["patch"] == {"return_code": 0, "return_value": {"a": None}}
    assert list((tmp_path / "results").iterdir()) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (b"[NaN]", "The value nan at [0] has no JSON form"),
        (b"\xff", "not JSON"),
        (b" " * (MAX_RESULT_BYTES + 1), "larger than 1 MiB"),
        (b"[" + b"1e9," * 250_000 + b"1]", "larger than 1 MiB with all its digits"),
        (b'{"a": [1e999]}', "The value inf at ['a'][0] has no JSON form"),
        (b'{"a": [123456789012345678901]}', r"A whole number of 67 bits at ['a'][0] does not fit in 64"),
        (b'["\\u0000"]', "has the character NUL"),
        (b"[" * 33 + b"]" * 33, "nested deeper than 32 levels"),
    ],
)
def test_a_result_that_cannot_be_stored_ends_the_job_and_is_kept_in_its_workdir(mapper, tmp_path, content, reason):
    result(tmp_path, content)
    to, data = last(mapper.outcome(ended()))
    assert to == "FAILED", "another attempt would leave the same"
    assert reason in data["message"]
    assert "kept in result-5.json of its workdir" in data["message"]
    assert (tmp_path / "data/w/result-5.json").read_bytes() == content
    assert list((tmp_path / "results").iterdir()) == []


def test_a_result_whose_workdir_is_gone_stays_where_it_is(mapper, tmp_path):
    result(tmp_path, b"NaN")
    message = last(mapper.outcome(ended(workdir="gone")))[1]["message"]
    assert f"kept as {tmp_path}/results/5.2.1.json" in message
    assert (tmp_path / "results/5.2.1.json").read_bytes() == b"NaN"


def test_a_result_that_is_no_file_is_an_error(mapper, tmp_path):
    (tmp_path / "secret").write_text('"secret"')
    (tmp_path / "results/5.2.1.json").symlink_to(tmp_path / "secret")
    entry = mapper.outcome(ended())
    to, data = last(entry)
    assert (to, data["message"]) == ("FAILED", "its result file is a symlink; nothing is kept of it")
    assert "secret" not in str(entry.get("patch"))
    assert list((tmp_path / "data/w").iterdir()) == []


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/etc/passwd")])
@pytest.mark.parametrize("cause", ["exit", "wall_time"])
def test_what_stands_in_the_place_of_stderr_is_not_read_and_changes_no_outcome(mapper, tmp_path, make, cause):
    plain = last(mapper.outcome(ended(code=3, cause=cause)))
    make(tmp_path / "data/w/job.err")
    assert last(mapper.outcome(ended(code=3, cause=cause))) == plain


def test_the_reported_end_of_stderr_is_bounded(mapper, tmp_path):
    (tmp_path / "data/w/job.err").write_bytes(
        b"x" * 5000 + b"\n" + b"\n".join(b"line %d \x1b[31m\0\xff" % n for n in range(40))
    )
    to, data = last(mapper.outcome(ended(code=2)))
    tail = data["stderr_tail"]
    assert to == "RUN_ERROR"
    assert data["message"] == "exit code 2"
    assert len(tail.splitlines()) == 10
    assert len(tail) <= 2048
    assert tail.splitlines()[-1] == "line 39 [31m\ufffd"


@pytest.mark.parametrize("cause", ["exit", "wall_time", "output"])
def test_every_failure_of_a_process_has_the_end_of_its_stderr(mapper, tmp_path, cause):
    (tmp_path / "data/w/job.err").write_bytes(b"no disk\n")
    assert last(mapper.outcome(ended(cause, code=-9)))[1]["stderr_tail"] == "no disk"


def test_a_missing_or_linked_stderr_tells_nothing(mapper, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "data/w/job.err").symlink_to(tmp_path / "secret")
    assert last(mapper.outcome(ended(code=1)))[1]["stderr_tail"] == ""
    assert last(mapper.outcome(ended(code=1, workdir="../..")))[1]["stderr_tail"] == ""


def test_each_cause_has_its_state(mapper):
    assert last(mapper.outcome(ended("cancelled", -15))) == ("CANCELLED", {"message": "cancelled"})
    assert last(mapper.outcome(ended("wall_time", -9)))[0] == "RUN_TIMEOUT"
    assert last(mapper.outcome(ended("stopped", -15)))[1]["lease_lost"] is True
    assert last(mapper.outcome(ended("workdir", None, started=False, message="no"))) == ("FAILED", {"message": "no"})
    assert mapper.outcome(ended("stale", -15)) is None
    assert mapper.outcome(ended("stopped", None, started=False)) is None
    missing = mapper.outcome(ended("command", 127, started=False, message="not found"))
    assert [move["to"] for move in missing["moves"]] == ["RUNNING", "RUN_ERROR"]
    assert missing["patch"] == {"return_code": 127}
    assert last(mapper.outcome(ended(code=-11)))[1]["message"] == "killed by SIGSEGV"


@pytest.mark.parametrize(
    ("left", "patch"), [(b"[1]", {"return_code": 0, "return_value": [1]}), (b"[", {"return_code": 0})]
)
def test_a_result_that_a_process_wrote_when_it_was_cancelled_is_kept(mapper, tmp_path, left, patch):
    result(tmp_path, left)
    entry = mapper.outcome(ended("cancelled", 0))
    assert (last(entry)[0], entry["patch"]) == ("CANCELLED", patch)
    message = last(entry)[1]["message"]
    assert message.startswith("cancelled")
    assert ("not JSON" in message) == ("return_value" not in patch), "a result that cannot be stored is named"


def test_a_cancellation_that_cannot_be_written_whole_is_still_one(mapper):
    assert last(reduced(mapper.outcome(ended("cancelled", -15)), "why")) == ("CANCELLED", {"message": "why"})


def test_a_stopped_run_says_what_stopped_it_and_a_lost_one_what_was_lost(mapper):
    mapper.stop_reason = "allocation 1234 reached its wall time of 60 min"
    assert last(mapper.outcome(ended("stopped", -15)))[1]["message"] == mapper.stop_reason
    assert (
        last(mapper.outcome(ended("lost", None, message="node n1 was lost: x")))[1]["message"] == "node n1 was lost: x"
    )


def test_a_lost_exit_code_is_a_run_again_unless_the_result_is_there(mapper, tmp_path):
    to, data = last(mapper.outcome(ended("lost", None)))
    assert (to, data["lease_lost"]) == ("RUN_TIMEOUT", True)
    result(tmp_path, b"[1]")
    entry = mapper.outcome(ended("lost", None))
    assert last(entry)[0] == "RUN_DONE"
    assert entry["patch"] == {"return_value": [1]}


def test_a_folder_in_place_of_the_result_is_an_error(mapper, tmp_path):
    (tmp_path / "results/5.2.1.json").mkdir()
    to, data = last(mapper.outcome(ended()))
    assert to == "FAILED"
    assert data["message"].startswith("its result file is a folder, a pipe or the like")


@pytest.mark.parametrize(
    ("hook", "state", "hint"),
    [
        ("handle_error", "RESTART_REDY", "Did you mean 'RESTART_READY'?"),
        ("preprocess", "RUNNING", "There are: FAILED, PREPROCESSED, STAGED_IN."),
    ],
)
def test_a_state_that_a_hook_cannot_set_fails_its_job_with_the_reason(mapper, hook, state, hint):
    outcome = HookEnded(state, {"tags": {}}, [])
    entry = mapper.outcome(Ended(LEASE, 1e9, None, "exit", "", "w", started=True, stage=hook, outcome=outcome))
    to, data = last(entry)
    assert to == "FAILED"
    assert data["message"].startswith(f"{hook} failed: it cannot set the state {state!r}. {hint}")
    assert "patch" not in entry


FULL = "/site/data is full: nothing is free"


@pytest.mark.parametrize("code", [3, -9])
def test_a_run_that_fails_on_a_full_disk_is_a_loss_and_names_the_disk(mapper, code):
    to, data = last(entry := mapper.outcome(ended(code=code, message=FULL)))
    assert (to, data["lease_lost"], entry["patch"]) == ("RUN_TIMEOUT", True, {"return_code": code})
    assert data["message"].startswith(f"{FULL}; it ended meanwhile: ")
    assert {3: "exit code 3", -9: "killed by SIGKILL"}[code] in data["message"]


def test_a_function_that_fails_on_a_full_disk_is_a_loss(mapper):
    raised = Raised("OSError", "No space left on device", "", 1)
    end = Ended(LEASE, 1e9, None, "exit", FULL, "w", True, "run", raised)
    to, data = last(mapper.outcome(end))
    assert (to, data["lease_lost"]) == ("RUN_TIMEOUT", True)
    assert "No space left on device" in data["message"]


def test_a_result_that_was_cut_off_by_a_full_disk_is_a_loss(mapper, tmp_path):
    result(tmp_path, b'{"a": ')
    assert last(mapper.outcome(ended(message=FULL)))[0] == "RUN_TIMEOUT"


def test_a_run_that_ended_well_on_a_full_disk_is_done(mapper):
    assert last(mapper.outcome(ended(message=FULL)))[0] == "RUN_DONE"


def test_a_hook_that_fails_on_a_full_disk_is_not_reported_so_that_it_runs_again(mapper):
    raised = Raised("OSError", "No space left on device", "", 1)
    assert mapper.outcome(Ended(LEASE, 1e9, None, "exit", FULL, "w", True, "postprocess", raised)) is None
    well = Ended(LEASE, 1e9, None, "exit", FULL, "w", True, "postprocess", HookEnded(None, {}, []))
    assert last(mapper.outcome(well))[0] == "POSTPROCESSED"
