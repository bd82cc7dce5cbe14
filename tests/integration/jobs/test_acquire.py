"""Acquire: who gets which job and in which order, never one twice, and how a session waits for it."""

import asyncio
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bench import Bench
from storax_agent.launch.footprint import footprint
from storax_agent.launch.packing import Capacity, objection
from storax_core.commands import acquire
from storax_core.log.append import Context
from storax_core.queues import Queues
from waiting import eventually
from world import World


@pytest.fixture
def bench(world: World) -> Bench:
    return Bench(world.user())


# ---- what is acquired -----------------------------------------------------------------------------------------------


def test_a_lease_is_on_the_job_and_in_its_history(bench: Bench) -> None:
    job_id = bench.job(tags={"k": "v"}, data={"x": [1]})
    answer = bench.user.post(f"/sessions/{bench.session}/acquire", {"max_num_jobs": 5})
    (job,) = answer["jobs"]
    assert (job["id"], job["session_id"], job["lease_epoch"], job["state"], job["version"]) == (
        job_id,
        bench.session,
        1,
        "PREPROCESSED",
        2,
    )
    assert (job["tags"], job["data"]) == ({"k": "v"}, {"x": [1]})
    assert job == bench.user.get(f"/jobs/{job_id}")
    assert [a["id"] for a in answer["apps"]] == [bench.app]
    assert answer["apps"] == bench.user.get("/apps/", id=bench.app)["results"]
    event = bench.user.events(job_id=job_id)[-1]
    assert (event["type"], event["actor"], event["data"]) == (
        "job.leased", f"session:{bench.session}", {"session_id": bench.session, "lease_epoch": 1, "batch_job_id": None},
    )  # fmt: skip


def test_priority_goes_first_and_age_next(bench: Bench) -> None:
    by_priority = {p: [bench.job(priority=p) for _ in range(2)] for p in (0, 5, -5)}
    assert bench.all() == by_priority[5] + by_priority[0] + by_priority[-5]
    bench.back()
    assert [bench.all(1)[0] for _ in range(3)] == [*by_priority[5], by_priority[0][0]]


def test_hints_come_by_priority_as_well(bench: Bench) -> None:
    low, high = bench.job(priority=-1), bench.job(priority=1)
    eventually(lambda: bench.user.world.redis.zcard(f"ready:{bench.site}") == 2)
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
    job_ids = {
        "free": bench.job(), "short": bench.job(wall_time_min=5), "exact": bench.job(wall_time_min=10),
        "long": bench.job(wall_time_min=11), "wide": bench.job(num_nodes=4), "packed": bench.job(node_packing_count=8),
        "tagged": bench.job(tags={"k": "v", "l": "w"}), "ranks": bench.job(ranks_per_node=2, wall_time_min=60),
    }  # fmt: skip
    bench.user.patch(f"/jobs/{job_ids['long']}", {"state": "FAILED"})
    bench.user.patch(f"/jobs/{job_ids['long']}", {"state": "RESTART_READY"})
    taken: list[int] = []
    while more := bench.take(**ask):  # without any constraint a call brings what is hinted at, which may be less
        taken += more
    assert {n for n, j in job_ids.items() if j in taken} == set(names.split())


def shape(rng: random.Random) -> dict[str, Any]:
    """What a job may ask of its nodes."""
    return {
        "num_nodes": rng.choice([1, 1, 1, 2, 3]), "ranks_per_node": rng.randint(1, 4),
        "threads_per_rank": rng.randint(1, 4), "threads_per_core": rng.choice([1, 1, 2, 3]),
        "gpus_per_rank": rng.choice([0.0, 0.0, 0.1, 0.25, 1 / 3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0]),
        "mem_per_node_mb": rng.choice([0, 0, 500, 1000, 1001]), "node_packing_count": rng.choice([1, 1, 2, 3]),
    }  # fmt: skip


def test_nodes_are_offered_what_they_can_hold_as_the_packer_sees_it(bench: Bench) -> None:
    seed = int(os.environ.get("STORAX_SEED", random.SystemRandom().randrange(2**32)))
    print(f"replay with STORAX_SEED={seed}")
    rng = random.Random(seed)
    shapes = [shape(rng) for _ in range(120)]
    created = bench.user.post("/jobs/", [{"app_id": bench.app, "workdir": "w", **one} for one in shapes])["results"]
    for _ in range(12):
        sizes = [
            Capacity(rng.randint(1, 12), rng.randint(0, 4), rng.choice([0, 500, 1000]))
            for _ in range(rng.randint(1, 3))
        ]
        nodes = [{"num_nodes": rng.randint(1, 2), **size._asdict()} for size in sizes]
        there = [size for size, row in zip(sizes, nodes, strict=True) for _ in range(row["num_nodes"])]
        fit = {
            job["id"] for job, one in zip(created, shapes, strict=True)
            if not objection(there, footprint(one), where="", mend={})
        }  # fmt: skip
        assert set(bench.take(nodes=nodes)) == fit
        bench.back()
        if len(nodes) == 1:
            assert set(bench.take(beyond=nodes)) == {job["id"] for job in created} - fit
            bench.back()


def test_a_place_that_would_hold_a_job_keeps_it_from_being_beyond_all(bench: Bench) -> None:
    small, gpu, wide = bench.job(), bench.job(gpus_per_rank=1.0), bench.job(num_nodes=3)
    places = [{"cores": 4, "num_nodes": 3}, {"cores": 4, "gpus": 1}]
    assert bench.take(beyond=places) == []
    assert bench.take(beyond=places[:1]) == [gpu]
    assert bench.take(beyond=places[1:]) == [wide]
    assert bench.take(nodes=places[:1]) == [small]


def test_a_hook_is_offered_to_nodes_that_could_not_hold_its_job(bench: Bench) -> None:
    app = bench.user.app(bench.site, hooks=["preprocess"])
    job_id = int(bench.user.job(app, gpus_per_rank=1.0)["id"])
    assert bench.take(beyond=[{"cores": 1}]) == []
    assert bench.take(nodes=[{"cores": 1}]) == [job_id]


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
     {"app_ids": [0]}, {"nodes": []}, {"nodes": [{}]}, {"beyond": [{"cores": -1}]}, {"max_jobs": 3}, {"filter_tags": {"\x00": "v"}}],
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
    job_ids = {j["id"] for j in bench.user.post("/jobs/", [{"app_id": bench.app, "workdir": "w"}] * 200)["results"]}
    sessions = [bench.user.session(bench.site) for _ in range(10)]
    for ask in ({}, {"max_nodes_per_job": 5}):
        with ThreadPoolExecutor(10) as pool:
            taken = list(pool.map(lambda s: bench.take(20, session=s, **ask), sessions))  # noqa: B023
        handed_out = [j for t in taken for j in t]
        assert len(handed_out) == len(set(handed_out))
        assert all(taken)
        while more := bench.take(100, max_nodes_per_job=5):
            handed_out += more
        assert sorted(handed_out) == sorted(job_ids)
        for session in sessions:
            bench.user.delete(f"/sessions/{session}")
        bench.back()
        sessions = [bench.user.session(bench.site) for _ in range(10)]


@pytest.mark.parametrize("ask", [{"max_nodes_per_job": 5}, {"max_aggregate_nodes": 50}], ids=str)
def test_a_job_that_another_call_has_in_hand_is_passed_over_and_not_waited_for(
    world: World, bench: Bench, ask: dict[str, Any]
) -> None:
    job_ids = [bench.job() for _ in range(6)]
    with ThreadPoolExecutor(1) as pool:

        async def hold() -> list[int]:
            async with world.db.worker() as conn, conn.transaction():
                await conn.execute("SELECT id FROM job_state WHERE id = ANY($1::bigint[]) FOR UPDATE", job_ids[:3])
                call = pool.submit(bench.take, 6, **ask)
                return await asyncio.wait_for(asyncio.wrap_future(call), 9)

        assert world.run(hold()) == job_ids[3:]


def test_packers_share_no_job_either(bench: Bench) -> None:
    bench.user.post("/jobs/", [{"app_id": bench.app, "workdir": "w", "node_packing_count": 2}] * 80)
    sessions = [bench.user.session(bench.site) for _ in range(8)]

    def pack(session: int) -> list[int]:
        return [j for _ in range(20) for j in bench.take(session=session, max_aggregate_nodes=2)]

    with ThreadPoolExecutor(8) as pool:
        handed_out = [j for t in pool.map(pack, sessions) for j in t]
    assert len(handed_out) == len(set(handed_out)) == 80


# ---- waiting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ask", [{}, {"max_nodes_per_job": 3}, {"max_aggregate_nodes": 3}], ids=str)
def test_a_waiting_session_wakes_for_a_new_job(
    world: World, bench: Bench, hints_alone: None, ask: dict[str, Any]
) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bench.take, 5, wait=60, **ask)
        time.sleep(0.4) if ask else eventually(lambda: world.asleep() == 1)
        assert not waiting.done()
        job_id = bench.job()
        assert waiting.result(30) == [job_id]


def test_a_waiting_session_wakes_when_a_parent_finishes(world: World, bench: Bench, hints_alone: None) -> None:
    parent = bench.job()
    child = bench.job(parent)
    (held,) = bench.user.acquire(bench.session)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bench.take, 5, wait=60, session=bench.user.session(bench.site))
        eventually(lambda: world.asleep() == 1)
        bench.user.finish(bench.session, held)
        assert waiting.result(30) == [child]


def test_a_session_waits_no_longer_than_asked(bench: Bench, hints_alone: None) -> None:
    begun = time.monotonic()
    assert bench.take(wait=0.5) == []
    assert 0.5 <= time.monotonic() - begun < 30


def test_those_who_wait_hold_no_connection(world: World, bench: Bench, hints_alone: None) -> None:
    """Many more wait than there are connections; all others are served at once."""
    sessions = [bench.user.session(bench.site) for _ in range(40)]
    with ThreadPoolExecutor(40) as pool:
        waiting = [pool.submit(bench.take, 1, session=s, wait=60) for s in sessions]
        eventually(lambda: world.asleep() == 40)
        begun = time.monotonic()
        assert bench.user.get("/sites/", count="true")["count"] == 1
        assert time.monotonic() - begun < 30
        idle = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in trans%'"
        )
        eventually(lambda: world.value(idle) == 0)  # until the last of them waits
        bench.user.post("/jobs/", [{"app_id": bench.app, "workdir": "w"}] * 40)
        handed_out = [j for w in waiting for j in w.result(60)]
    assert len(handed_out) == len(set(handed_out)) == 40


def test_a_session_that_ends_wakes_whoever_waits_in_it(world: World, bench: Bench) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bench.user.ask, "POST", f"/sessions/{bench.session}/acquire?wait=60", {})
        eventually(lambda: world.asleep() == 1)
        bench.user.delete(f"/sessions/{bench.session}")
        assert waiting.result(60).status_code == 404


def test_retries_wait_for_their_back_off(world: World, bench: Bench) -> None:
    job_id = bench.job(max_attempts=2, retry_delay_sec=600)
    (held,) = bench.user.acquire(bench.session)
    bench.user.finish(bench.session, held, last="RUN_ERROR")
    assert bench.user.get(f"/jobs/{job_id}")["state"] == "RESTART_READY"
    assert bench.take() == bench.all() == []
    due = world.value("SELECT not_before FROM job_state WHERE id = $1", job_id)
    assert 0 < (due - world.value("SELECT now()")).total_seconds() <= 600
    soon = "UPDATE job_state SET not_before = now() + interval '1 second' WHERE id = $1 RETURNING not_before"
    brought_forward = world.value(soon, job_id)
    assert bench.take(wait=60) == [job_id]
    assert world.value("SELECT now()") > brought_forward
    world.sql("UPDATE job_state SET not_before = $1 WHERE id = $2", due, job_id)  # the log knows of this time alone


# ---- BatchJobs ------------------------------------------------------------------------------------------------------


def test_batch_jobs_are_handed_out_once_each_and_oldest_first(world: World, bench: Bench) -> None:
    batch_job_ids = [bench.user.post("/batch-jobs/", {"site_id": bench.site})["id"] for _ in range(6)]
    wait_for_hints(world, f"batch:{bench.site}", batch_job_ids)
    sessions = [bench.user.session(bench.site) for _ in range(4)]

    def take(session: int, number: int = 1) -> list[int]:
        answer = bench.user.post(f"/sessions/{session}/acquire-batch-jobs", {"max_num": number})
        return [b["id"] for b in answer["batch_jobs"]]

    assert take(sessions[0]) == batch_job_ids[:1]
    with ThreadPoolExecutor(4) as pool:
        handed_out = [b for t in pool.map(lambda s: take(s, 2), sessions) for b in t]
    handed_out += take(sessions[0], 9)
    assert sorted(handed_out) == batch_job_ids[1:]


def test_a_waiting_session_wakes_for_a_new_batch_job(world: World, bench: Bench, hints_alone: None) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bench.user.post, f"/sessions/{bench.session}/acquire-batch-jobs", {}, params={"wait": 60})
        eventually(lambda: world.asleep() == 1)
        batch_job_id = bench.user.post("/batch-jobs/", {"site_id": bench.site})["id"]
        assert [b["id"] for b in waiting.result(30)["batch_jobs"]] == [batch_job_id]


def test_a_batch_job_that_is_no_longer_wanted_is_not_handed_out(bench: Bench) -> None:
    batch_job_id = bench.user.post("/batch-jobs/", {"site_id": bench.site})["id"]
    bench.user.patch(f"/batch-jobs/{batch_job_id}", {"state": "pending_deletion"})
    assert bench.user.post(f"/sessions/{bench.session}/acquire-batch-jobs", {})["batch_jobs"] == []


def wait_for_hints(world: World, queue: str, ids: list[int]) -> None:
    """Wait until Redis hints at all of these: a call that finds fewer brings fewer."""
    eventually(lambda: all(world.redis.zscore(queue, number) is not None for number in ids))


def test_hints_at_jobs_that_are_gone_do_not_keep_others_waiting(world: World, bench: Bench) -> None:
    job_ids = [bench.job() for _ in range(8)]
    wait_for_hints(world, f"ready:{bench.site}", job_ids)
    for gone in job_ids[:5]:
        bench.user.delete(f"/jobs/{gone}")
    assert bench.take(6) == job_ids[5:]
    late = [bench.job() for _ in range(2)]
    wait_for_hints(world, f"ready:{bench.site}", late)
    assert bench.take(6) == late


def test_a_session_that_was_asleep_gets_the_app_as_it_is_when_it_leases(world: World, bench: Bench) -> None:
    path, wait = f"/sessions/{bench.session}/acquire", {"wait": 30}
    seen = []
    with ThreadPoolExecutor(1) as pool:
        for template in ("one", "one", "two"):
            answer = pool.submit(bench.user.post, path, {"max_num_jobs": 1}, params=wait)
            eventually(lambda: world.asleep() == 1)
            bench.user.patch(f"/apps/{bench.app}", {"command_template": template})
            job = bench.job()
            leased = answer.result()
            assert [row["id"] for row in leased["jobs"]] == [job]
            seen += [app["command_template"] for app in leased["apps"]]
    assert seen == ["one", "one", "two"]


def test_twenty_thousand_stale_hints_cost_a_single_job_a_few_round_trips(
    world: World, bench: Bench, hints_alone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pops: list[int] = []
    pop = Queues.pop

    async def counting(queues: Queues, kind: str, site_id: int, count: int) -> list[int]:
        pops.append(count)
        return await pop(queues, kind, site_id, count)

    monkeypatch.setattr(Queues, "pop", counting)
    assert bench.take(wait=0.01) == []  # it has searched Postgres: from now on only a hint can bring a job
    world.stop_feeder()
    world.redis.zadd(f"ready:{bench.site}", {str(10**15 + i): i - 20_000 for i in range(20_000)})
    jobs = bench.user.jobs(bench.app, 3)
    try:
        assert bench.take(1, wait=30) == jobs[:1]
        assert len(pops) < 20
        assert world.redis.zrange(f"ready:{bench.site}", 0, -1) == [b"%d" % job for job in jobs[1:]]
        assert bench.take(2, wait=30) == jobs[1:]
    finally:
        world.start_feeder()


def test_stale_hints_at_batch_jobs_are_skipped_at_once(world: World, bench: Bench, hints_alone: None) -> None:
    def take(wait: float) -> list[int]:
        answer = bench.user.post(f"/sessions/{bench.session}/acquire-batch-jobs", {}, params={"wait": wait})
        return [b["id"] for b in answer["batch_jobs"]]

    assert take(0.01) == []
    world.redis.zadd(f"batch:{bench.site}", {str(10**15 + i): i - 20_000 for i in range(20_000)})
    batch_job_id = bench.user.post("/batch-jobs/", {"site_id": bench.site})["id"]
    eventually(lambda: world.redis.zscore(f"batch:{bench.site}", batch_job_id) is not None)
    assert take(30) == [batch_job_id]


@pytest.mark.parametrize("how", ["cancel", "delete", "a state", "a lease that took no hint"])
def test_hints_at_jobs_that_can_no_longer_be_taken_are_dropped_in_bulk(world: World, bench: Bench, how: str) -> None:
    queue = f"ready:{bench.site}"
    jobs = bench.user.jobs(bench.app, 300)
    eventually(lambda: world.redis.zcard(queue) == 300)
    if how == "cancel":
        bench.user.post("/jobs/cancel", {"filter": {"id": jobs}})
    elif how == "delete":
        bench.user.post("/jobs/delete", {"filter": {"id": jobs}})
    elif how == "a state":
        bench.user.patch("/jobs/", {"filter": {"id": jobs}, "patch": {"state": "FAILED"}})
    else:
        assert bench.all() == jobs
    eventually(lambda: world.redis.zcard(queue) == 0)
    if how == "a lease that took no hint":
        bench.back()
        eventually(lambda: world.redis.zcard(queue) == 300)


def test_hints_at_batch_jobs_that_are_no_longer_wanted_are_dropped(world: World, bench: Bench) -> None:
    ids = [bench.user.post("/batch-jobs/", {"site_id": bench.site})["id"] for _ in range(2)]
    queue = f"batch:{bench.site}"
    eventually(lambda: world.redis.zcard(queue) == 2)
    bench.user.patch(f"/batch-jobs/{ids[0]}", {"state": "pending_deletion"})
    bench.user.delete(f"/batch-jobs/{ids[1]}")
    eventually(lambda: world.redis.zcard(queue) == 0)


@pytest.mark.parametrize("ask", [{}, {"max_aggregate_nodes": 5.0}], ids=["in order of age", "in packing order"])
def test_a_session_that_is_gone_gets_nothing(world: World, bench: Bench, ask: dict[str, Any]) -> None:
    """The API remembers sessions, so the claim itself must look whether its session still lives."""
    bench.job()
    bench.user.post("/batch-jobs/", {"site_id": bench.site})

    async def claim(session: int) -> list[int]:
        holder = acquire.Holder(session, bench.user.id, bench.site, None, 60)
        async with world.db.owner_writing(bench.user.id) as conn:
            context = Context(bench.user.id, f"session:{session}")
            limits = acquire.Acquire(max_num_jobs=5, states=None, **ask)
            jobs = await acquire.claim(conn, context, holder, limits)
            return [len(jobs), len(await acquire.claim_batch_jobs(conn, context, holder, 5))]

    assert world.run(claim(10**12)) == [0, 0]
    assert world.run(claim(bench.session)) == [1, 1]
