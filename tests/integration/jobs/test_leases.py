"""Leases: who may report on a job, how it is cancelled, and what becomes of it when its holder is gone."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from archiving import end
from bench import Bench
from waiting import eventually
from world import World, report


@pytest.fixture
def bench(world: World) -> Bench:
    return Bench(world.user())


# ---- reports --------------------------------------------------------------------------------------------------------


def test_the_log_shows_a_run_from_start_to_finish(bench: Bench) -> None:
    job_id = bench.job()
    (held,) = bench.user.acquire(bench.session)
    assert bench.user.report(bench.session, held, "RUNNING") == {"accepted": [job_id], "refused": [], "cancel": []}
    running = bench.user.get(f"/jobs/{job_id}")
    assert (running["state"], running["attempt"], running["session_id"]) == ("RUNNING", 1, bench.session)
    bench.user.report(bench.session, held, "RUN_DONE", return_code=0, return_value={"answer": [42]})
    done = bench.user.get(f"/jobs/{job_id}")
    assert (done["state"], done["return_code"], done["return_value"], done["session_id"]) == (
        "JOB_FINISHED",
        0,
        {"answer": [42]},
        None,
    )
    events = bench.user.events(job_id=job_id)
    assert [e["to_state"] for e in events] == ["PREPROCESSED", None, "RUNNING", "RUN_DONE", "JOB_FINISHED"]
    assert [e["from_state"] for e in events] == ["CREATED", None, "PREPROCESSED", "RUNNING", "RUN_DONE"]
    assert {e["actor"] for e in events[1:]} == {f"session:{bench.session}"}
    assert events[2]["data"]["at"].startswith("2026-01-01T00:00:00")


def test_a_report_may_come_as_often_as_it_likes(bench: Bench) -> None:
    job_id = bench.job()
    (held,) = bench.user.acquire(bench.session)
    for _ in range(3):
        assert bench.user.report(bench.session, held, "RUNNING")["accepted"] == [job_id]
    for _ in range(3):
        assert bench.user.report(bench.session, held, "RUNNING", "RUN_ERROR", return_code=1)["accepted"] == [job_id]
    assert bench.user.get(f"/jobs/{job_id}")["attempt"] == 1
    assert len(bench.user.events(job_id=job_id)) == 5


def test_rows_of_one_job_in_one_call_count_as_one(bench: Bench) -> None:
    job_id = bench.job()
    (held,) = bench.user.acquire(bench.session)
    rows = [report(held, "RUNNING"), report(held, "RUN_DONE", return_code=0)]
    answer = bench.user.post(f"/sessions/{bench.session}/report", {"reports": rows})
    assert (answer["accepted"], answer["refused"]) == ([job_id], [])
    assert bench.user.get(f"/jobs/{job_id}")["return_code"] == 0


def test_of_two_epochs_in_one_call_the_older_is_refused(bench: Bench) -> None:
    job_id = bench.job()
    (old,) = bench.user.acquire(bench.session)
    bench.back()
    (new,) = bench.user.acquire(bench.session)
    for rows in (
        [report(old, "RUNNING", "RUN_ERROR"), report(new, "RUNNING")],
        [report(new, "RUN_DONE"), report(old, "RUN_ERROR")],
    ):
        answer = bench.user.post(f"/sessions/{bench.session}/report", {"reports": rows})
        assert answer["accepted"] == [job_id]
        assert [(r["id"], r["code"]) for r in answer["refused"]] == [(job_id, "stale_epoch")]
    assert bench.user.states(job_id) == ["JOB_FINISHED"]


def test_each_row_stands_alone(bench: Bench) -> None:
    good, early, gone = bench.job(), bench.job(), bench.job()
    held = {j["id"]: j for j in bench.user.acquire(bench.session, 2, max_nodes_per_job=1)}
    assert set(held) == {good, early}
    rows = [
        report(held[good], "RUNNING", "RUN_DONE"), report(held[early], "RUN_DONE"), report({"id": gone, "lease_epoch": 1}, "RUNNING"),
        report({"id": 10**12, "lease_epoch": 1}, "RUNNING"),
    ]  # fmt: skip
    answer = bench.user.post(f"/sessions/{bench.session}/report", {"reports": rows})
    assert answer["accepted"] == [good]
    assert {r["id"]: r["code"] for r in answer["refused"]} == {
        early: "illegal_move",
        gone: "stale_epoch",
        10**12: "not_found",
    }
    assert all(r["detail"] for r in answer["refused"])
    assert bench.user.states(good, early, gone) == ["JOB_FINISHED", "PREPROCESSED", "PREPROCESSED"]
    assert bench.user.events(job_id=early)[-1]["type"] == "job.report_refused"


def test_a_session_that_lost_its_job_cannot_end_it(bench: Bench) -> None:
    job_id = bench.job()
    (old,) = bench.user.acquire(bench.session)
    first = bench.session
    bench.user.report(first, old, "RUNNING")
    bench.back()
    (new,) = bench.user.acquire(bench.session)
    bench.user.report(bench.session, new, "RUNNING")
    refused = bench.user.report(first, old, "RUN_DONE", return_code=0)["refused"]
    assert [r["code"] for r in refused] == ["stale_epoch"]
    assert bench.user.states(job_id) == ["RUNNING"]
    bench.user.report(bench.session, new, "RUN_DONE")
    assert bench.user.states(job_id) == ["JOB_FINISHED"]


def test_a_job_that_is_given_back_may_be_taken_at_once_by_another(bench: Bench) -> None:
    job_id, other = bench.job(), bench.user.session(bench.site)
    (held,) = bench.user.acquire(bench.session)
    row = {"id": job_id, "lease_epoch": held["lease_epoch"], "release": "no time left"}
    for _ in range(2):  # also when the answer to the first was lost
        answer = bench.user.post(f"/sessions/{bench.session}/report", {"reports": [row]})
        assert (answer["accepted"], answer["refused"]) == ([job_id], [])
    event = bench.user.events(job_id=job_id)[-1]
    assert (event["type"], event["data"]["message"]) == ("job.released", "no time left")
    (again,) = bench.user.acquire(other, wait=5)
    assert (again["id"], again["lease_epoch"], again["attempt"]) == (job_id, held["lease_epoch"] + 1, 0)
    answer = bench.user.post(f"/sessions/{bench.session}/report", {"reports": [row]})
    assert [refused["code"] for refused in answer["refused"]] == ["stale_epoch"]
    assert bench.user.get(f"/jobs/{job_id}")["session_id"] == other


def test_the_words_of_a_site_cannot_name_a_jobs_fields(bench: Bench) -> None:
    job_id = bench.job()
    (held,) = bench.user.acquire(bench.session)
    evil = {
        "state": "JOB_FINISHED",
        "max_attempts": 99,
        "owner_id": 1,
        "lease_epoch": 99,
        "version": 7,
        "tags": {"x": "y"},
        "message": "ok",
    }
    bench.user.post(f"/sessions/{bench.session}/report", {"reports": [report(held, "RUNNING", data=evil)]})
    job = bench.user.get(f"/jobs/{job_id}")
    assert (job["state"], job["max_attempts"], job["lease_epoch"], job["tags"]) == ("RUNNING", 1, 1, {})
    assert bench.user.events(job_id=job_id)[-1]["data"]["message"] == "ok"


@pytest.mark.parametrize("change", [{"moves": []}, {"moves": [{"to": "STAGED_OUT", "at": "2026-01-01T00:00:00Z"}]}, {"moves": [{"to": "RUNNING"}]}, {"id": 0},
                                    {"lease_epoch": 0}, {"lease_epoch": "1"}, {"patch": {"return_code": 2**31}}, {"patch": {"state": "FAILED"}}, {"release": "x"},
                                    {"moves": [{"to": "RUNNING", "at": "2026-01-01T00:00:00Z", "data": {"\x00": 1}}]}, {"more": 1}])  # fmt: skip
def test_a_report_of_the_wrong_shape_is_refused(bench: Bench, change: dict[str, Any]) -> None:
    row = report({"id": 1, "lease_epoch": 1}, "RUNNING") | change
    bench.user.refused("POST", f"/sessions/{bench.session}/report", {"reports": [row]}, status=422, code="invalid")


def test_only_a_session_that_was_ones_own_can_report(world: World, bench: Bench) -> None:
    bench.user.refused("POST", f"/sessions/{10**12}/report", {"reports": []}, status=404, code="not_found")
    world.user().refused("POST", f"/sessions/{bench.session}/report", {"reports": []}, status=404, code="not_found")


@pytest.mark.parametrize("ended", [False, True])
def test_a_session_reports_only_jobs_of_its_own_site(bench: Bench, ended: bool) -> None:
    job_id = bench.job()
    (held,) = bench.user.acquire(bench.session)
    far = bench.user.session(bench.user.site())
    if ended:
        bench.user.delete(f"/sessions/{far}")
    for row in (report(held, "RUNNING", "RUN_DONE"), {**report(held), "release": "no time"}):
        (refusal,) = bench.user.post(f"/sessions/{far}/report", {"reports": [row]})["refused"]
        assert (refusal["id"], refusal["code"]) == (job_id, "not_found")
    assert bench.user.states(job_id) == ["PREPROCESSED"]
    event = bench.user.events(job_id=job_id)[-1]
    assert (event["type"], event["actor"]) == ("job.report_refused", f"session:{far}")
    assert bench.user.report(bench.session, held, "RUNNING", "RUN_DONE")["accepted"] == [job_id]


def test_no_start_is_accepted_without_its_event(bench: Bench) -> None:
    job_id = bench.job(max_attempts=9)
    (held,) = bench.user.acquire(bench.session)
    twice = report(held, "RUNNING", "RUN_ERROR", "RUNNING")
    released = {**report(held), "release": "no time"}
    late = {**report(held, "RUNNING"), "attempt": 1}
    for row, accepted in ((twice, False), (released, True), (late, False)):
        answer = bench.user.post(f"/sessions/{bench.session}/report", {"reports": [row]})
        assert answer["accepted"] == ([job_id] if accepted else [])
    assert bench.user.get(f"/jobs/{job_id}")["attempt"] == 0
    assert [event["to_state"] for event in bench.user.events(job_id=job_id) if event["to_state"]] == ["PREPROCESSED"]
    bench.user.finish(bench.session, *bench.user.acquire(bench.session))
    assert bench.user.states(job_id) == ["JOB_FINISHED"]


def test_a_job_that_is_given_back_creates_no_jobs(bench: Bench) -> None:
    row = {**report({"id": 1, "lease_epoch": 1}), "release": "no time", "jobs": [{"app_id": 1}]}
    bench.user.refused("POST", f"/sessions/{bench.session}/report", {"reports": [row]}, status=422, code="invalid")


# ---- cancelling -----------------------------------------------------------------------------------------------------


def test_a_cancel_reaches_the_session_and_ends_the_job(bench: Bench) -> None:
    job_id, waiting = bench.job(max_attempts=5), bench.job()
    (held,) = bench.user.acquire(bench.session, 1, max_nodes_per_job=1)
    bench.user.report(bench.session, held, "RUNNING")
    assert bench.user.post("/jobs/cancel", {"filter": {}}) == {"cancelled": 1, "requested": 1}
    again = bench.user.post("/jobs/cancel", {"filter": {}})
    assert again == {"cancelled": 0, "requested": 1}, "the one that runs will be ended, whichever call requested it"
    assert bench.user.states(job_id, waiting) == ["RUNNING", "CANCELLED"]
    cancel = [{"id": job_id, "lease_epoch": 1}]
    assert bench.user.post(f"/sessions/{bench.session}/heartbeat")["cancel"] == cancel
    assert bench.user.report(bench.session, held, "RUNNING")["cancel"] == cancel
    bench.user.report(bench.session, held, "RUN_ERROR")
    assert bench.user.states(job_id) == ["CANCELLED"]
    assert bench.user.get(f"/jobs/{job_id}")["cancel_requested"] is False
    assert bench.user.post("/jobs/cancel", {"filter": {}}) == {"cancelled": 0, "requested": 0}
    assert bench.user.post("/jobs/counts", {"by": "state"})["counts"] == {"CANCELLED": 2}


@pytest.mark.parametrize("ask", [{}, {"max_nodes_per_job": 3}], ids=str)
def test_a_waiting_session_gets_a_cancel_once_and_at_once(
    world: World, bench: Bench, hints_alone: None, ask: dict[str, Any]
) -> None:
    bench.job()
    (held,) = bench.user.acquire(bench.session)
    path = f"/sessions/{bench.session}/acquire"
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bench.user.post, path, ask, params={"wait": 60})
        time.sleep(0.3) if ask else eventually(lambda: world.asleep() == 1)
        bench.user.post("/jobs/cancel", {"filter": {}})
        assert waiting.result(30)["cancel"] == [{"id": held["id"], "lease_epoch": 1}]
    if ask:  # such a call looks into Postgres, and may find the cancel before Redis has it; the next one takes that out
        end(world)
        assert bench.user.post(path, ask, params={"wait": 0})["cancel"] == [{"id": held["id"], "lease_epoch": 1}]
    begun = time.monotonic()
    assert bench.user.post(path, ask, params={"wait": 1})["cancel"] == [{"id": held["id"], "lease_epoch": 1}]
    assert time.monotonic() - begun > 0.9, "a session that knows must not be sent round in circles"


def test_a_session_that_waits_for_batch_jobs_too_hears_its_cancels_where_it_waits_for_jobs(
    world: World, bench: Bench, hints_alone: None
) -> None:
    bench.job()
    (held,) = bench.user.acquire(bench.session)
    with ThreadPoolExecutor(4) as pool:
        others = [
            pool.submit(bench.user.post, f"/sessions/{bench.session}/acquire-batch-jobs", {}, params={"wait": 3})
            for _ in range(3)
        ]
        waiting = pool.submit(bench.user.post, f"/sessions/{bench.session}/acquire", {}, params={"wait": 60})
        eventually(lambda: world.asleep() == 4 or any(other.done() for other in others))
        bench.user.post("/jobs/cancel", {"filter": {}})
        assert [c["id"] for c in waiting.result(30)["cancel"]] == [held["id"]]
        assert [o.result(60) for o in others] == [{"batch_jobs": []}] * 3


# ---- the end of a session -------------------------------------------------------------------------------------------


def expire(world: World, *sessions: int) -> None:
    world.sql("UPDATE session SET expires_at = to_timestamp(0) WHERE id = ANY($1::bigint[])", list(sessions))


@pytest.fixture
def others_live(world: World) -> None:
    """Sessions of earlier tests, of which some end by themselves after a minute, outlive this test."""
    world.sql("UPDATE session SET expires_at = now() + interval '1 hour'")


def test_the_sweep_ends_what_was_not_heard_of_every_owner(world: World, others_live: None) -> None:
    benches = [Bench(world.user()) for _ in range(3)]
    for bench in benches:
        bench.job(), bench.job(), bench.job()
        first, _ = bench.user.acquire(bench.session, 2, max_nodes_per_job=1)
        bench.user.report(bench.session, first, "RUNNING")
        batch = bench.user.post("/batch-jobs/", {"site_id": bench.site})["id"]
        (taken,) = bench.user.post(f"/sessions/{bench.session}/acquire-batch-jobs", {})["batch_jobs"]
        assert (taken["id"], taken["session_id"], taken["state"]) == (batch, bench.session, "pending_submission")
    live = benches[2]
    expire(world, *(b.session for b in benches))
    live.user.post(f"/sessions/{live.session}/heartbeat")
    assert world.sweep() == 2
    for bench in benches[:2]:
        jobs = sorted(bench.user.get("/jobs/")["results"], key=lambda j: j["id"])
        assert [j["state"] for j in jobs] == ["RESTART_READY", "PREPROCESSED", "PREPROCESSED"]
        assert [j["lease_epoch"] for j in jobs] == [2, 2, 0]
        assert {j["session_id"] for j in jobs} == {None}
        assert bench.user.events(entity="session", type="session.deleted")[0]["actor"] == "system:sweep"
        assert bench.user.get("/batch-jobs/")["results"][0]["session_id"] is None
        bench.user.refused("POST", f"/sessions/{bench.session}/heartbeat", status=404, code="not_found")
    assert [j["session_id"] for j in live.user.get("/jobs/", ordering="id")["results"]] == [live.session] * 2 + [None]
    assert world.sweep() == 0


def test_acquiring_counts_as_being_heard(world: World, bench: Bench, others_live: None) -> None:
    expire(world, bench.session)
    bench.take()
    assert world.sweep() == 0


def test_a_job_of_an_expired_session_goes_to_one_that_waits(world: World, bench: Bench, hints_alone: None) -> None:
    job_id = bench.job()
    assert bench.take() == [job_id]
    expire(world, bench.session)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bench.take, 1, session=bench.user.session(bench.site), wait=60)
        eventually(lambda: world.asleep() == 1)
        world.sweep()
        assert waiting.result(30) == [job_id]


def test_the_end_of_an_allocation_ends_its_sessions(bench: Bench) -> None:
    batch = bench.user.post("/batch-jobs/", {"site_id": bench.site})["id"]
    bench.user.patch(f"/batch-jobs/{batch}", {"state": "running"})
    inside = bench.user.session(bench.site, batch_job_id=batch)
    running, unstarted = bench.job(), bench.job()
    held = bench.user.acquire(inside, 2, max_nodes_per_job=1)
    bench.user.report(inside, held[0], "RUNNING")
    bench.user.patch(f"/batch-jobs/{batch}", {"state": "finished"})
    assert bench.user.states(running, unstarted) == ["RESTART_READY", "PREPROCESSED"]
    bench.user.refused("GET", f"/sessions/{inside}", status=404, code="not_found")
    assert bench.user.get(f"/sessions/{bench.session}")["id"] == bench.session


def run_and_lose(world: World, bench: Bench) -> None:
    """Run the next job, and let the session expire that holds it."""
    (held,) = bench.user.acquire(bench.session, 1, max_nodes_per_job=1)
    bench.user.report(bench.session, held, "RUNNING")
    expire(world, bench.session)
    world.sweep()
    bench.session = bench.user.session(bench.site)


def test_losses_use_up_no_attempt_and_have_a_limit_of_their_own(world: World, bench: Bench) -> None:
    job_id = bench.job(max_attempts=1, max_losses=6)
    for lost in range(1, 6):
        run_and_lose(world, bench)
        job = bench.user.get(f"/jobs/{job_id}")
        assert (job["state"], job["attempt"], job["losses"]) == ("RESTART_READY", lost, lost)
        assert job["loss_reason"] == "session expired: no heartbeat for 60 s"
    run_and_lose(world, bench)
    assert bench.user.states(job_id) == ["FAILED"]
    last = bench.user.events(job_id=job_id)[-1]["data"]
    assert (last["message"], last["why"]) == (
        "session expired: no heartbeat for 60 s", "loss 6 of 6 was the last allowed",
    )  # fmt: skip


def test_after_losses_a_job_still_has_all_its_attempts(world: World, bench: Bench) -> None:
    job_id = bench.job(max_attempts=2)
    for _ in range(3):
        run_and_lose(world, bench)
    for state in ("RESTART_READY", "FAILED"):
        (held,) = bench.user.acquire(bench.session, 1, max_nodes_per_job=1)
        bench.user.finish(bench.session, held, last="RUN_ERROR")
        assert bench.user.states(job_id) == [state]
    assert bench.user.get(f"/jobs/{job_id}")["attempt"] == 5


def test_jobs_take_the_limit_of_losses_from_their_app(world: World, bench: Bench) -> None:
    bench.user.patch(f"/apps/{bench.app}", {"max_losses": 1})
    strict, tolerant = bench.job(), bench.job(max_losses=0)
    for _ in range(2):
        run_and_lose(world, bench)
    assert bench.user.states(strict, tolerant) == ["FAILED", "RESTART_READY"]


@pytest.mark.parametrize(
    ("info", "reason"),
    [({"scheduler_state": "PREEMPTED"}, "was preempted (PREEMPTED)"), ({}, "reached its wall time of 60 min")],
)
def test_a_job_that_is_lost_with_its_allocation_has_the_schedulers_reason(
    bench: Bench, info: dict[str, str], reason: str
) -> None:
    batch = bench.user.post("/batch-jobs/", {"site_id": bench.site, "wall_time_min": 60})["id"]
    began = {"state": "running", "scheduler_id": "1234", "start_time": "2026-01-01T00:00:00Z"}
    bench.user.patch(f"/batch-jobs/{batch}", began)
    inside = bench.user.session(bench.site, batch_job_id=batch)
    job_id = bench.job()
    (held,) = bench.user.acquire(inside)
    bench.user.report(inside, held, "RUNNING")
    ended = {"state": "finished", "end_time": "2026-01-01T01:00:00Z", "status_info": info}
    bench.user.patch(f"/batch-jobs/{batch}", ended)
    job = bench.user.get(f"/jobs/{job_id}")
    assert (job["state"], job["losses"], job["loss_reason"]) == ("RESTART_READY", 1, f"allocation 1234 {reason}")


def test_the_event_of_a_start_says_what_the_run_occupies(bench: Bench) -> None:
    job_id = bench.job(num_nodes=2, ranks_per_node=4)
    (held,) = bench.user.acquire(bench.session)
    bench.user.report(bench.session, held, "RUNNING")
    bench.user.patch(f"/jobs/{job_id}", {"num_nodes": 3})
    (started,) = bench.user.events(job_id=job_id, to_state="RUNNING")
    names = ("num_nodes", "ranks_per_node", "node_packing_count")
    assert [started["data"][name] for name in names] == [2, 4, 1]
    assert bench.user.get(f"/jobs/{job_id}")["num_nodes"] == 3
