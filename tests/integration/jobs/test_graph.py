"""The job graph: each child is released exactly once, or told why it never will be."""

import asyncio
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bench import Bench
from storax_core.commands import transitions
from storax_core.lifecycle import rules
from storax_core.log.append import Context
from world import User, World


@pytest.fixture
def user(world: World) -> User:
    return world.user()


class Graph(Bench):
    """One App, one session, and the means to end jobs."""

    def hold(self, *wanted: int) -> dict[int, dict[str, Any]]:
        held: dict[int, dict[str, Any]] = {}
        while not set(wanted) <= set(held):  # a call brings what is hinted at, which may be less than what there is
            held |= {j["id"]: j for j in self.user.acquire(self.session, 2048, wait=5)}
        return held

    def finish(self, *wanted: int, last: str = "RUN_DONE") -> None:
        held = self.hold(*wanted)
        self.user.finish(self.session, *(held[w] for w in wanted), last=last)

    def releases(self, job: int) -> int:
        return len(self.user.events(job_id=job, from_state="AWAITING_PARENTS"))

    def reason(self, job: int, state: str = "FAILED") -> str:
        return str(self.user.events(job_id=job, to_state=state)[-1]["data"]["message"])


@pytest.fixture
def bench(user: User) -> Graph:
    return Graph(user)


def test_a_child_waits_for_all_of_its_parents(bench: Graph) -> None:
    a, b = bench.job(), bench.job()
    child = bench.job(a, b)
    assert bench.states(child) == ["AWAITING_PARENTS"]
    bench.finish(a)
    assert bench.states(child) == ["AWAITING_PARENTS"]
    bench.user.delete(f"/sessions/{bench.session}")
    bench.session = bench.user.session(bench.site)
    bench.finish(b)
    assert bench.states(child) == ["PREPROCESSED"]
    assert bench.releases(child) == 1


def test_a_child_of_finished_parents_waits_for_nothing(bench: Graph) -> None:
    a = bench.job()
    bench.finish(a)
    assert bench.states(bench.job(a)) == ["PREPROCESSED"]


def test_two_parents_that_finish_at_the_same_moment_release_their_child_once(bench: Graph) -> None:
    pairs = [(bench.job(), bench.job()) for _ in range(12)]
    children = [bench.job(a, b) for a, b in pairs]
    parents = [job for pair in pairs for job in pair]
    held = bench.hold(*parents)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda j: bench.user.finish(bench.session, held[j]), parents))
    assert bench.states(*children) == ["PREPROCESSED"] * 12
    assert [bench.releases(c) for c in children] == [1] * 12


def test_two_transactions_that_end_two_parents_never_both_look_away(world: World, bench: Graph) -> None:
    """The first holds its transaction open until the second waits: a look at the parents too early would strand both."""
    a, b = bench.job(), bench.job()
    child = bench.job(a, b)

    async def overlap() -> None:
        async def end(job: int, ready: asyncio.Event, go: asyncio.Event) -> None:
            async with world.db.owner(bench.user.id) as conn, conn.transaction():
                ctx = Context(bench.user.id, "test")
                await transitions.transition_each(
                    conn, ctx, [job], lambda f: rules.user_transition(f, "JOB_FINISHED", {}, force=True)
                )
                ready.set()
                await go.wait()

        first, second, go, done = asyncio.Event(), asyncio.Event(), asyncio.Event(), asyncio.Event()
        done.set()
        one = asyncio.create_task(end(a, first, go))
        await first.wait()
        two = asyncio.create_task(end(b, second, done))
        await asyncio.sleep(0.1)
        assert not second.is_set()
        go.set()
        await asyncio.gather(one, two)

    world.run(overlap())
    assert bench.states(child) == ["PREPROCESSED"]
    assert bench.releases(child) == 1


def test_a_child_made_while_its_parent_finishes_is_not_forgotten(world: World, bench: Graph) -> None:
    parent = bench.job()
    with ThreadPoolExecutor(1) as pool:

        async def finish_slowly() -> Any:
            async with world.db.owner(bench.user.id) as conn, conn.transaction():
                ctx = Context(bench.user.id, "test")
                await transitions.transition_each(
                    conn, ctx, [parent], lambda f: rules.user_transition(f, "JOB_FINISHED", {}, force=True)
                )
                making = pool.submit(bench.job, parent)
                await asyncio.sleep(0.2)
                assert not making.done()
            return making

        child = world.run(finish_slowly()).result(60)
    assert bench.states(child) == ["PREPROCESSED"]


def test_a_failed_parent_fails_its_children_and_theirs_with_the_reason(bench: Graph) -> None:
    a = bench.job()
    child = bench.job(a)
    grandchild = bench.job(child)
    stubborn = bench.job(grandchild, on_parent_failure="run")
    last = bench.job(stubborn)
    bench.finish(a, last="RUN_ERROR")
    assert bench.states(a, child, grandchild, stubborn, last) == [
        "FAILED",
        "FAILED",
        "FAILED",
        "PREPROCESSED",
        "AWAITING_PARENTS",
    ]
    assert bench.reason(child) == f"parent job {a} FAILED"
    assert bench.reason(grandchild) == f"parent job {child} FAILED; the first was job {a}"


def test_a_child_that_runs_all_the_same_still_waits_for_its_other_parents(bench: Graph) -> None:
    a, b = bench.job(), bench.job()
    child = bench.job(a, b, on_parent_failure="run")
    bench.finish(a, last="RUN_ERROR")
    assert bench.states(child) == ["AWAITING_PARENTS"]
    bench.user.patch(f"/jobs/{b}?force=true", {"state": "JOB_FINISHED"})
    assert bench.states(child) == ["PREPROCESSED"]


def test_a_cancelled_parent_cancels_its_children_and_theirs_with_the_reason(bench: Graph) -> None:
    a = bench.job()
    child, stubborn = bench.job(a), bench.job(a, on_parent_failure="run")
    grandchild = bench.job(child)
    assert bench.user.post("/jobs/cancel", {"filter": {"id": a}}) == {"cancelled": 1, "requested": 0}
    assert bench.states(child, grandchild, stubborn) == ["CANCELLED", "CANCELLED", "PREPROCESSED"]
    assert bench.reason(child, "CANCELLED") == f"parent job {a} was cancelled"
    assert bench.reason(grandchild, "CANCELLED") == f"parent job {child} was cancelled; the first was job {a}"


def test_a_failure_outweighs_a_cancellation_as_the_reason_of_a_child(bench: Graph) -> None:
    cancelled, failed = bench.job(), bench.job()
    child = bench.job(cancelled, failed)
    rows = [{"id": cancelled, "state": "CANCELLED"}, {"id": failed, "state": "FAILED"}]
    bench.user.patch("/jobs/", rows)
    assert (bench.states(child), bench.reason(child)) == (["FAILED"], f"parent job {failed} FAILED")


def test_a_parent_that_ends_well_after_its_cancel_was_accepted_releases_no_child(bench: Graph) -> None:
    a = bench.job()
    child = bench.job(a)
    (held,) = bench.user.acquire(bench.session)
    bench.user.report(bench.session, held, "RUNNING")
    assert bench.user.post("/jobs/cancel", {"filter": {"id": a}}) == {"cancelled": 0, "requested": 1}
    bench.user.report(bench.session, held, "RUN_DONE", return_code=0, return_value={"n": 42})
    assert bench.states(a, child) == ["CANCELLED", "CANCELLED"]
    assert bench.user.get(f"/jobs/{a}")["return_value"] == {"n": 42}


def test_a_deleted_parent_fails_its_children_by_its_name(bench: Graph) -> None:
    a, b = bench.job(), bench.job()
    child, stubborn = bench.job(a), bench.job(b, on_parent_failure="run")
    bench.user.post("/jobs/delete", {"filter": {"id": [a, b]}})
    assert bench.states(child, stubborn) == ["FAILED", "PREPROCESSED"]
    assert bench.reason(child) == f"parent job {a} was deleted"


def test_a_parent_that_finished_and_was_deleted_counts_as_done(bench: Graph) -> None:
    a, b = bench.job(), bench.job()
    child = bench.job(a, b)
    bench.finish(a)
    bench.user.delete(f"/jobs/{a}")
    assert bench.states(child) == ["AWAITING_PARENTS"]
    bench.user.patch(f"/jobs/{b}?force=true", {"state": "JOB_FINISHED"})
    assert bench.states(child) == ["PREPROCESSED"]


def test_deleting_a_whole_graph_leaves_nothing(bench: Graph) -> None:
    a = bench.job()
    children = [bench.job(a) for _ in range(3)]
    bench.job(*children)
    assert bench.user.post("/jobs/delete", {"filter": {}}) == {"deleted": 5, "not_deleted": []}
    assert bench.user.world.value("SELECT count(*) FROM job_parent WHERE owner_id = $1", bench.user.id) == 0


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_the_child_of_an_unsuccessful_parent_is_refused_unless_it_runs_all_the_same(bench: Graph, state: str) -> None:
    a = bench.job()
    bench.user.patch(f"/jobs/{a}", {"state": state})
    body = {"app_id": bench.app, "workdir": "w", "parent_ids": [a]}
    refusal = bench.user.refused("POST", "/jobs/", body, status=422, code="invalid")
    assert refusal["detail"] == f"parent job {a} is {state}"
    assert bench.states(bench.job(a, on_parent_failure="run")) == ["PREPROCESSED"]


# ---- graphs in one call ---------------------------------------------------------------------------------------------


def test_a_whole_graph_is_made_in_one_call(bench: Graph) -> None:
    stored = bench.job()
    rows: list[dict[str, Any]] = [
        {},
        {"parent_refs": [0]},
        {"parent_refs": [0], "parent_ids": [stored]},
        {"parent_refs": [1, 2, 2]},
    ]
    created = bench.user.post("/jobs/", [{"app_id": bench.app, "workdir": "w", **r} for r in rows])["results"]
    ids = [j["id"] for j in created]
    assert [j["parent_ids"] for j in created] == [[], [ids[0]], sorted([ids[0], stored]), [ids[1], ids[2]]]
    assert [j["state"] for j in created] == ["PREPROCESSED"] + ["AWAITING_PARENTS"] * 3
    bench.finish(ids[0], stored)
    assert bench.states(*ids) == ["JOB_FINISHED", "PREPROCESSED", "PREPROCESSED", "AWAITING_PARENTS"]
    bench.finish(ids[1], ids[2])
    assert bench.states(ids[3]) == ["PREPROCESSED"]


@pytest.mark.parametrize(
    "refs",
    [[[0]], [[1], []], [[], [1]], [[], [2], []], [[-1]], [[5]], [[1], [0]], [[], [True]], [["0"]], [[None]], [[2**70]]],
)
def test_a_cycle_is_refused_and_nothing_is_made(bench: Graph, refs: list[list[Any]]) -> None:
    rows = [{"app_id": bench.app, "workdir": "w", "parent_refs": r} for r in refs]
    bench.user.refused("POST", "/jobs/", rows, status=422, code="invalid")
    assert bench.user.get("/jobs/", count="true")["count"] == 0


def test_guessing_the_next_id_makes_no_cycle_either(world: World, bench: Graph) -> None:
    """Ids come in a row, so a call could name its own rows as stored parents."""
    here = bench.job()
    for ahead in (1, 2, 3):
        rows = [
            {"app_id": bench.app, "workdir": "w", "parent_ids": [here + ahead]},
            {"app_id": bench.app, "workdir": "w", "parent_ids": [here + 1]},
        ]
        refusal = bench.user.refused("POST", "/jobs/", rows, status=422, code="invalid")
        assert "does not exist" in refusal["detail"]


@pytest.mark.parametrize("parent", [10**12, 2**63 - 1])
def test_a_parent_that_is_not_there_is_refused(bench: Graph, parent: int) -> None:
    body = {"app_id": bench.app, "workdir": "w", "parent_ids": [bench.job(), parent]}
    assert str(parent) in bench.user.refused("POST", "/jobs/", body, status=422, code="invalid")["detail"]


def test_a_strangers_job_is_no_parent_and_looks_as_if_it_were_not_there(world: World, bench: Graph) -> None:
    stranger = Bench(world.user())
    foreign, missing = stranger.job(), 10**12
    refusals = [
        bench.user.refused(
            "POST", "/jobs/", {"app_id": bench.app, "workdir": "w", "parent_ids": [p]}, status=422, code="invalid"
        )
        for p in (foreign, missing)
    ]
    assert refusals[0]["detail"].replace(str(foreign), "N") == refusals[1]["detail"].replace(str(missing), "N")


@pytest.mark.parametrize("seed", range(3))
def test_random_graphs_with_failures_cancels_and_deletions_come_to_an_end(bench: Graph, seed: int) -> None:
    """Whatever the order in which parents end, by many hands at once: no child waits when nothing is left to run."""
    rng = random.Random(seed)
    rows = [
        {
            "app_id": bench.app, "workdir": f"w{i}", "on_parent_failure": rng.choice(["fail", "fail", "run"]),
            "parent_refs": rng.sample(range(i), min(i, rng.randint(0, 3))),
        }
        for i in range(60)
    ]  # fmt: skip
    ids = [j["id"] for j in bench.user.post("/jobs/", rows)["results"]]
    parents = {job: [ids[r] for r in row["parent_refs"]] for job, row in zip(ids, rows, strict=True)}
    with ThreadPoolExecutor(4) as pool:
        while held := bench.user.acquire(bench.session, 100):
            ends = {j["id"]: rng.choice(["RUN_DONE", "RUN_DONE", "RUN_ERROR"]) for j in held}
            list(pool.map(lambda j: bench.user.finish(bench.session, j, last=ends[j["id"]]), held))  # noqa: B023
            bench.user.post("/jobs/delete", {"filter": {"id": rng.sample(ids, 2)}})
            bench.user.post("/jobs/cancel", {"filter": {"id": rng.sample(ids, 1)}})
    final = dict(zip(ids, bench.states(*ids), strict=True))
    assert set(final.values()) <= {"JOB_FINISHED", "FAILED", "CANCELLED", "deleted"}, f"seed {seed}"
    for job, row in zip(ids, rows, strict=True):
        if final[job] == "JOB_FINISHED" and row["on_parent_failure"] == "fail":
            assert all(final[p] in ("JOB_FINISHED", "deleted") for p in parents[job]), f"seed {seed}"
        assert bench.releases(job) <= 1


@pytest.mark.parametrize("to", ["FAILED", "CANCELLED"])
def test_a_deep_graph_ends_in_as_few_statements_as_a_shallow_one(world: World, bench: Bench, to: str) -> None:
    async def statements_of(root: int) -> int:
        queries: list[str] = []
        async with world.db.owner(bench.user.id) as conn, conn.transaction():
            with conn.query_logger(lambda record: queries.append(record.query)):
                ctx = Context(bench.user.id, "test")
                await transitions.transition_each(
                    conn, ctx, [root], lambda f: rules.user_transition(f, to, {}, force=False)
                )
        return len(queries)

    counts = []
    for depth in (3, 300):
        root, link = bench.job(), {"app_id": bench.app, "workdir": "w"}
        rows = [{**link, "parent_ids": [root]}, *({**link, "parent_refs": [n]} for n in range(depth - 1))]
        jobs = [j["id"] for j in bench.user.post("/jobs/", rows)["results"]]
        counts.append(world.run(statements_of(root)))
        assert set(bench.states(*jobs)) == {to}
        last = bench.user.events(job_id=jobs[-1], to_state=to)[-1]["data"]
        assert (last["parent_id"], last["root_id"]) == (jobs[-2], root)
    assert counts[1] <= counts[0]
