"""Leases: who gets which job, who may report on it, and what becomes of it when its holder is gone."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from world import User, World, report, until


@pytest.fixture
def user(world: World) -> User:
    return world.user()


class Bench:
    """One site with an App and a session."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.site = user.site()
        self.app = user.app(self.site)
        self.session = user.session(self.site)

    def job(self, **fields: Any) -> int:
        return int(self.user.job(self.app, **fields)["id"])

    def take(self, number: int = 2048, *, session: int | None = None, wait: float = 0, **ask: Any) -> list[int]:
        return [j["id"] for j in self.user.acquire(session or self.session, number, wait=wait, **ask)]

    def all(self, number: int = 2048, **ask: Any) -> list[int]:
        """What Postgres has, without the queue's hints."""
        return self.take(number, **{"max_nodes_per_job": 10**6, **ask})

    def back(self) -> None:
        """Give all leases back."""
        self.user.delete(f"/sessions/{self.session}")
        self.session = self.user.session(self.site)


@pytest.fixture
def bench(user: User) -> Bench:
    return Bench(user)


# ---- what is acquired -----------------------------------------------------------------------------------------------


def test_a_lease_is_on_the_job_and_in_its_history(bench: Bench) -> None:
    made = bench.job(tags={"k": "v"}, data={"x": [1]})
    answer = bench.user.post(f"/sessions/{bench.session}/acquire", {"max_num_jobs": 5})
    (job,) = answer["jobs"]
    assert (job["id"], job["session_id"], job["lease_epoch"], job["state"], job["version"]) == (
        made,
        bench.session,
        1,
        "PREPROCESSED",
        2,
    )
    assert (job["tags"], job["data"]) == ({"k": "v"}, {"x": [1]})
    assert job == bench.user.get(f"/jobs/{made}")
    assert [a["id"] for a in answer["apps"]] == [bench.app]
    assert answer["apps"] == bench.user.get("/apps/", id=bench.app)["results"]
    event = bench.user.events(job_id=made)[-1]
    assert (event["type"], event["actor"], event["data"]) == (
        "job.leased", f"session:{bench.session}", {"session_id": bench.session, "lease_epoch": 1, "batch_job_id": None},
    )  # fmt: skip


def test_priority_goes_first_and_age_next(bench: Bench) -> None:
    made = {p: [bench.job(priority=p) for _ in range(2)] for p in (0, 5, -5)}
    assert bench.all() == made[5] + made[0] + made[-5]
    bench.back()
    assert [bench.all(1)[0] for _ in range(3)] == [*made[5], made[0][0]]


def test_hints_come_by_priority_as_well(bench: Bench) -> None:
    low, high = bench.job(priority=-1), bench.job(priority=1)
    until(lambda: bench.user.world.redis.zcard(f"ready:{bench.site}") == 2)
    assert bench.take(1) == [high]
    assert bench.take(1) == [low]


def test_a_session_takes_the_jobs_of_its_site_alone(bench: Bench) -> None:
    other = Bench(bench.user)
    mine, theirs = bench.job(), other.job()
    assert bench.all() == [mine]
    assert other.all() == [theirs]


def test_a_changed_priority_counts_at_once(bench: Bench) -> None:
    first, second = bench.job(), bench.job()
    bench.user.patch(f"/jobs/{second}", {"priority": 9})
    assert bench.all(1) == [second]
    assert bench.all(1) == [first]


CONSTRAINTS: list[tuple[dict[str, Any], str]] = [
    ({"max_wall_time_min": 10}, "free short exact wide packed tagged"),
    ({"max_wall_time_min": 5}, "free short wide packed tagged"),
    ({"max_wall_time_min": 0}, "free wide packed tagged"),
    ({"max_nodes_per_job": 1}, "free short exact long packed tagged ranks"),
    ({"max_nodes_per_job": 0}, ""),
    ({"max_nodes_per_job": 4}, "free short exact long wide packed tagged ranks"),
    ({"serial_only": True}, "free short exact long packed tagged"),
    ({"filter_tags": {"k": "v"}}, "tagged"),
    ({"filter_tags": {"k": "w"}}, ""),
    ({"filter_tags": {}}, "free short exact long wide packed tagged ranks"),
    ({"states": ["RESTART_READY"]}, "long"),
    ({"states": ["PREPROCESSED"]}, "free short exact wide packed tagged ranks"),
    ({"states": ["PREPROCESSED", "RESTART_READY"]}, "free short exact long wide packed tagged ranks"),
    ({"states": []}, ""),
    ({"app_ids": []}, ""),
    ({"max_wall_time_min": 5, "filter_tags": {"k": "v"}, "serial_only": True, "max_nodes_per_job": 1}, "tagged"),
]


@pytest.mark.parametrize(("ask", "names"), CONSTRAINTS, ids=lambda p: str(p)[:60])
def test_a_constraint_holds_for_every_job_that_is_taken(bench: Bench, ask: dict[str, Any], names: str) -> None:
    made = {
        "free": bench.job(), "short": bench.job(wall_time_min=5), "exact": bench.job(wall_time_min=10),
        "long": bench.job(wall_time_min=11), "wide": bench.job(num_nodes=4), "packed": bench.job(node_packing_count=8),
        "tagged": bench.job(tags={"k": "v", "l": "w"}), "ranks": bench.job(ranks_per_node=2, wall_time_min=60),
    }  # fmt: skip
    bench.user.patch(f"/jobs/{made['long']}", {"state": "FAILED"})
    bench.user.patch(f"/jobs/{made['long']}", {"state": "RESTART_READY"})
    found = bench.take(**ask)
    assert {n for n, j in made.items() if j in found} == set(names.split())


def test_only_jobs_of_the_apps_that_were_named(bench: Bench) -> None:
    second = bench.user.app(bench.site)
    one, two = bench.job(), int(bench.user.job(second)["id"])
    assert bench.take(app_ids=[second]) == [two]
    assert bench.take(app_ids=[10**12]) == []
    assert bench.take(app_ids=[second, bench.app]) == [one]


def test_small_jobs_are_packed_first_within_the_sum_of_nodes(bench: Bench) -> None:
    """Balsam's order: fewest nodes, most packed, longest; then by id."""
    four, two = bench.job(num_nodes=4), bench.job(num_nodes=2)
    whole, quarter, long_quarter = (
        bench.job(),
        bench.job(node_packing_count=4),
        bench.job(node_packing_count=4, wall_time_min=9),
    )
    order = [long_quarter, quarter, whole, two, four]
    for room, number in (
        (0, 0),
        (0.2, 0),
        (0.25, 1),
        (0.5, 2),
        (1.4, 2),
        (1.5, 3),
        (3.4, 3),
        (3.5, 4),
        (7.5, 5),
        (99, 5),
    ):
        assert bench.take(max_aggregate_nodes=room) == order[:number], room
        bench.back()
    assert bench.take(2, max_aggregate_nodes=99) == order[:2]


def test_long_and_large_jobs_first(bench: Bench) -> None:
    """Balsam's other order: longest, widest, most packed; then by id."""
    small, wide, packed = (
        bench.job(wall_time_min=1),
        bench.job(wall_time_min=1, num_nodes=3),
        bench.job(wall_time_min=1, node_packing_count=2),
    )
    long = bench.job(wall_time_min=9)
    order = [long, wide, packed, small]
    assert bench.take(sort_by="long_large_first") == order
    bench.back()
    assert bench.take(sort_by="long_large_first", max_aggregate_nodes=4) == order[:2]


@pytest.mark.parametrize(
    "ask",
    [{"max_num_jobs": 0}, {"max_num_jobs": 2049}, {"max_num_jobs": "5"}, {"max_num_jobs": True}, {"max_wall_time_min": -1}, {"max_nodes_per_job": 2**31},
     {"max_aggregate_nodes": -1}, {"max_aggregate_nodes": "inf"}, {"sort_by": "random"}, {"states": ["RUNNING"]}, {"filter_tags": {"k": 1}},
     {"app_ids": [0]}, {"max_jobs": 3}, {"filter_tags": {"\x00": "v"}}],
)  # fmt: skip
def test_a_question_that_makes_no_sense_is_refused(bench: Bench, ask: dict[str, Any]) -> None:
    refusal = bench.user.refused("POST", f"/sessions/{bench.session}/acquire", ask, status=422, code="invalid")
    if "max_jobs" in ask:
        assert "max_num_jobs" in refusal["hint"]


@pytest.mark.parametrize("wait", ["-1", "61", "nan", "inf", "x", "", "1e9"])
def test_nobody_waits_for_longer_than_the_server_allows(bench: Bench, wait: str) -> None:
    bench.user.refused("POST", f"/sessions/{bench.session}/acquire?wait={wait}", {}, status=422, code="invalid")


def test_one_out_of_every_pair_of_hands_gets_a_job(bench: Bench) -> None:
    """No job twice, none left over, and nobody goes away empty while others are free."""
    made = {j["id"] for j in bench.user.post("/jobs/", [{"app_id": bench.app, "workdir": "w"}] * 200)["results"]}
    sessions = [bench.user.session(bench.site) for _ in range(10)]
    for ask in ({}, {"max_nodes_per_job": 5}):
        with ThreadPoolExecutor(10) as pool:
            taken = list(pool.map(lambda s: bench.take(20, session=s, **ask), sessions))  # noqa: B023
        found = [j for t in taken for j in t]
        assert len(found) == len(set(found))
        assert all(taken)
        while more := bench.take(100, max_nodes_per_job=5):
            found += more
        assert sorted(found) == sorted(made)
        for session in sessions:
            bench.user.delete(f"/sessions/{session}")
        bench.back()
        sessions = [bench.user.session(bench.site) for _ in range(10)]


def test_packers_share_no_job_either(bench: Bench) -> None:
    bench.user.post("/jobs/", [{"app_id": bench.app, "workdir": "w", "node_packing_count": 2}] * 80)
    sessions = [bench.user.session(bench.site) for _ in range(8)]

    def pack(session: int) -> list[int]:
        return [j for _ in range(20) for j in bench.take(session=session, max_aggregate_nodes=2)]

    with ThreadPoolExecutor(8) as pool:
        found = [j for t in pool.map(pack, sessions) for j in t]
    assert len(found) == len(set(found)) == 80


# ---- waiting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ask", [{}, {"max_nodes_per_job": 3}, {"max_aggregate_nodes": 3}], ids=str)
def test_a_waiting_session_wakes_for_a_new_job(bench: Bench, ask: dict[str, Any]) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bench.take, 5, wait=20, **ask)
        time.sleep(0.4)
        assert not waiting.done()
        made, begun = bench.job(), time.monotonic()
        assert waiting.result(5) == [made]
        assert time.monotonic() - begun < 1


def test_a_waiting_session_wakes_when_a_parent_finishes(bench: Bench) -> None:
    parent = bench.job()
    child = bench.job(parent_ids=[parent])
    (held,) = bench.user.acquire(bench.session)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bench.take, 5, wait=20, session=bench.user.session(bench.site))
        time.sleep(0.2)
        bench.user.finish(bench.session, held)
        begun = time.monotonic()
        assert waiting.result(5) == [child]
        assert time.monotonic() - begun < 1


def test_a_session_waits_no_longer_than_asked(bench: Bench) -> None:
    begun = time.monotonic()
    assert bench.take(wait=0.5) == []
    assert 0.5 <= time.monotonic() - begun < 2


def test_those_who_wait_hold_no_connection(world: World, bench: Bench) -> None:
    """Many more wait than there are connections; all others are served at once."""
    sessions = [bench.user.session(bench.site) for _ in range(40)]
    with ThreadPoolExecutor(40) as pool:
        waiting = [pool.submit(bench.take, 1, session=s, wait=20) for s in sessions]
        time.sleep(0.6)
        begun = time.monotonic()
        assert bench.user.get("/sites/", count="true")["count"] == 1
        assert time.monotonic() - begun < 1
        idle = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in trans%'"
        )
        assert world.value(idle) == 0
        bench.user.post("/jobs/", [{"app_id": bench.app, "workdir": "w"}] * 40)
        found = [j for w in waiting for j in w.result(10)]
    assert len(found) == len(set(found)) == 40


def test_a_session_that_ends_wakes_whoever_waits_in_it(bench: Bench) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bench.user.ask, "POST", f"/sessions/{bench.session}/acquire?wait=1", {})
        time.sleep(0.3)
        bench.user.delete(f"/sessions/{bench.session}")
        assert waiting.result(5).status_code == 404


def test_retries_wait_for_their_back_off(world: World, bench: Bench) -> None:
    made = bench.job(max_attempts=2, retry_delay_sec=1)
    (held,) = bench.user.acquire(bench.session)
    bench.user.finish(bench.session, held, last="RUN_ERROR")
    assert bench.user.get(f"/jobs/{made}")["state"] == "RESTART_READY"
    assert bench.take() == bench.all() == []
    begun = time.monotonic()
    assert bench.take(wait=10) == [made]
    assert 0.5 < time.monotonic() - begun < 5


# ---- reports --------------------------------------------------------------------------------------------------------


def test_a_run_is_told_from_start_to_finish(bench: Bench) -> None:
    made = bench.job()
    (held,) = bench.user.acquire(bench.session)
    assert bench.user.report(bench.session, held, "RUNNING") == {"accepted": [made], "refused": [], "cancel": []}
    running = bench.user.get(f"/jobs/{made}")
    assert (running["state"], running["attempt"], running["session_id"]) == ("RUNNING", 1, bench.session)
    bench.user.report(bench.session, held, "RUN_DONE", return_code=0, return_value={"answer": [42]})
    done = bench.user.get(f"/jobs/{made}")
    assert (done["state"], done["return_code"], done["return_value"], done["session_id"]) == (
        "JOB_FINISHED",
        0,
        {"answer": [42]},
        None,
    )
    events = bench.user.events(job_id=made)
    assert [e["to_state"] for e in events] == ["PREPROCESSED", None, "RUNNING", "RUN_DONE", "JOB_FINISHED"]
    assert {e["actor"] for e in events[1:]} == {f"session:{bench.session}"}
    assert events[2]["data"]["at"].startswith("2026-01-01T00:00:00")


def test_a_report_may_come_as_often_as_it_likes(bench: Bench) -> None:
    made = bench.job()
    (held,) = bench.user.acquire(bench.session)
    for _ in range(3):
        assert bench.user.report(bench.session, held, "RUNNING")["accepted"] == [made]
    for _ in range(3):
        assert bench.user.report(bench.session, held, "RUNNING", "RUN_ERROR", return_code=1)["accepted"] == [made]
    assert bench.user.get(f"/jobs/{made}")["attempt"] == 1
    assert len(bench.user.events(job_id=made)) == 5


def test_rows_of_one_job_in_one_call_count_as_one(bench: Bench) -> None:
    made = bench.job()
    (held,) = bench.user.acquire(bench.session)
    rows = [report(held, "RUNNING"), report(held, "RUN_DONE", return_code=0)]
    answer = bench.user.post(f"/sessions/{bench.session}/report", {"reports": rows})
    assert (answer["accepted"], answer["refused"]) == ([made], [])
    assert bench.user.get(f"/jobs/{made}")["return_code"] == 0


def test_of_two_epochs_in_one_call_the_older_is_refused(bench: Bench) -> None:
    made = bench.job()
    (old,) = bench.user.acquire(bench.session)
    bench.back()
    (new,) = bench.user.acquire(bench.session)
    for rows in (
        [report(old, "RUNNING", "RUN_ERROR"), report(new, "RUNNING")],
        [report(new, "RUN_DONE"), report(old, "RUN_ERROR")],
    ):
        answer = bench.user.post(f"/sessions/{bench.session}/report", {"reports": rows})
        assert answer["accepted"] == [made]
        assert [(r["id"], r["code"]) for r in answer["refused"]] == [(made, "stale_epoch")]
    assert bench.user.states(made) == ["JOB_FINISHED"]


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
    made = bench.job()
    (old,) = bench.user.acquire(bench.session)
    first = bench.session
    bench.user.report(first, old, "RUNNING")
    bench.back()
    (new,) = bench.user.acquire(bench.session)
    bench.user.report(bench.session, new, "RUNNING")
    refused = bench.user.report(first, old, "RUN_DONE", return_code=0)["refused"]
    assert [r["code"] for r in refused] == ["stale_epoch"]
    assert bench.user.states(made) == ["RUNNING"]
    bench.user.report(bench.session, new, "RUN_DONE")
    assert bench.user.states(made) == ["JOB_FINISHED"]


def test_the_words_of_a_site_cannot_name_a_jobs_fields(bench: Bench) -> None:
    made = bench.job()
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
    job = bench.user.get(f"/jobs/{made}")
    assert (job["state"], job["max_attempts"], job["lease_epoch"], job["tags"]) == ("RUNNING", 1, 1, {})
    assert bench.user.events(job_id=made)[-1]["data"]["message"] == "ok"


@pytest.mark.parametrize("change", [{"moves": []}, {"moves": [{"to": "JOB_FINISHED", "at": "2026-01-01"}]}, {"moves": [{"to": "RUNNING"}]}, {"id": 0},
                                    {"lease_epoch": 0}, {"lease_epoch": "1"}, {"patch": {"return_code": 2**31}}, {"patch": {"state": "FAILED"}},
                                    {"moves": [{"to": "RUNNING", "at": "2026-01-01", "data": {"\x00": 1}}]}, {"more": 1}])  # fmt: skip
def test_a_report_of_the_wrong_shape_is_refused(bench: Bench, change: dict[str, Any]) -> None:
    row = report({"id": 1, "lease_epoch": 1}, "RUNNING") | change
    bench.user.refused("POST", f"/sessions/{bench.session}/report", {"reports": [row]}, status=422, code="invalid")


def test_only_a_session_that_was_ones_own_can_report(world: World, bench: Bench) -> None:
    bench.user.refused("POST", f"/sessions/{10**12}/report", {"reports": []}, status=404, code="not_found")
    world.user().refused("POST", f"/sessions/{bench.session}/report", {"reports": []}, status=404, code="not_found")


# ---- cancelling -----------------------------------------------------------------------------------------------------


def test_a_cancel_reaches_the_session_and_ends_the_job(bench: Bench) -> None:
    made, waiting = bench.job(max_attempts=5), bench.job()
    (held,) = bench.user.acquire(bench.session, 1, max_nodes_per_job=1)
    bench.user.report(bench.session, held, "RUNNING")
    assert bench.user.post("/jobs/cancel", {"filter": {}}) == {"cancelled": 1, "requested": 1}
    assert bench.user.post("/jobs/cancel", {"filter": {}}) == {"cancelled": 0, "requested": 0}
    assert bench.user.states(made, waiting) == ["RUNNING", "FAILED"]
    cancel = [{"id": made, "lease_epoch": 1}]
    assert bench.user.post(f"/sessions/{bench.session}/heartbeat")["cancel"] == cancel
    assert bench.user.report(bench.session, held, "RUNNING")["cancel"] == cancel
    bench.user.report(bench.session, held, "RUN_ERROR")
    assert bench.user.states(made) == ["FAILED"]
    assert bench.user.get(f"/jobs/{made}")["cancel_requested"] is False


@pytest.mark.parametrize("ask", [{}, {"max_nodes_per_job": 3}], ids=str)
def test_a_waiting_session_is_told_of_a_cancel_once_and_at_once(bench: Bench, ask: dict[str, Any]) -> None:
    bench.job()
    (held,) = bench.user.acquire(bench.session)
    path = f"/sessions/{bench.session}/acquire"
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bench.user.post, path, ask, params={"wait": 20})
        time.sleep(0.3)
        bench.user.post("/jobs/cancel", {"filter": {}})
        begun = time.monotonic()
        assert waiting.result(5)["cancel"] == [{"id": held["id"], "lease_epoch": 1}]
        assert time.monotonic() - begun < 1
    begun = time.monotonic()
    assert bench.user.post(path, ask, params={"wait": 1})["cancel"] == [{"id": held["id"], "lease_epoch": 1}]
    assert time.monotonic() - begun > 0.9, "a session that knows must not be sent round in circles"


def test_a_session_that_waits_for_batch_jobs_too_hears_its_cancels_where_it_waits_for_jobs(bench: Bench) -> None:
    bench.job()
    (held,) = bench.user.acquire(bench.session)
    with ThreadPoolExecutor(4) as pool:
        others = [
            pool.submit(bench.user.post, f"/sessions/{bench.session}/acquire-batch-jobs", {}, params={"wait": 1.5})
            for _ in range(3)
        ]
        waiting = pool.submit(bench.user.post, f"/sessions/{bench.session}/acquire", {}, params={"wait": 20})
        time.sleep(0.4)
        begun = time.monotonic()
        bench.user.post("/jobs/cancel", {"filter": {}})
        assert [c["id"] for c in waiting.result(5)["cancel"]] == [held["id"]]
        assert time.monotonic() - begun < 1
        assert [o.result(10) for o in others] == [{"batch_jobs": []}] * 3


# ---- the end of a session -------------------------------------------------------------------------------------------


def expire(world: World, *sessions: int) -> None:
    world.sql(
        "UPDATE session SET expires_at = now() - interval '1 second' WHERE id = ANY($1::bigint[])", list(sessions)
    )


def test_the_sweep_ends_what_was_not_heard_of_every_owner(world: World) -> None:
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


def test_acquiring_counts_as_being_heard(world: World, bench: Bench) -> None:
    expire(world, bench.session)
    bench.take()
    assert world.sweep() == 0


def test_a_job_of_an_expired_session_goes_to_one_that_waits(world: World, bench: Bench) -> None:
    made = bench.job()
    assert bench.take() == [made]
    expire(world, bench.session)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bench.take, 1, session=bench.user.session(bench.site), wait=20)
        time.sleep(0.2)
        world.sweep()
        assert waiting.result(3) == [made]


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


def test_a_job_that_loses_its_holder_again_and_again_is_given_up(bench: Bench) -> None:
    made = bench.job()
    for _ in range(3):
        (held,) = bench.user.acquire(bench.session, 1, max_nodes_per_job=1)
        bench.user.report(bench.session, held, "RUNNING")
        bench.back()
    assert bench.user.states(made) == ["FAILED"]


# ---- BatchJobs ------------------------------------------------------------------------------------------------------


def test_batch_jobs_are_handed_out_once_each_and_oldest_first(bench: Bench) -> None:
    made = [bench.user.post("/batch-jobs/", {"site_id": bench.site})["id"] for _ in range(6)]
    sessions = [bench.user.session(bench.site) for _ in range(4)]

    def take(session: int, number: int = 1) -> list[int]:
        answer = bench.user.post(f"/sessions/{session}/acquire-batch-jobs", {"max_num": number})
        return [b["id"] for b in answer["batch_jobs"]]

    assert take(sessions[0]) == made[:1]
    with ThreadPoolExecutor(4) as pool:
        found = [b for t in pool.map(lambda s: take(s, 2), sessions) for b in t]
    found += take(sessions[0], 9)
    assert sorted(found) == made[1:]


def test_a_waiting_session_wakes_for_a_new_batch_job(bench: Bench) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bench.user.post, f"/sessions/{bench.session}/acquire-batch-jobs", {}, params={"wait": 20})
        time.sleep(0.3)
        made = bench.user.post("/batch-jobs/", {"site_id": bench.site})["id"]
        assert [b["id"] for b in waiting.result(3)["batch_jobs"]] == [made]


def test_a_batch_job_that_is_no_longer_wanted_is_not_handed_out(bench: Bench) -> None:
    made = bench.user.post("/batch-jobs/", {"site_id": bench.site})["id"]
    bench.user.patch(f"/batch-jobs/{made}", {"state": "pending_deletion"})
    assert bench.user.post(f"/sessions/{bench.session}/acquire-batch-jobs", {})["batch_jobs"] == []
