"""Every way back from FAILED goes through the graph: descendants come back with their parent, and wait for it."""

import asyncio
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
    """Jobs of one App with their parents, and the means to end them."""

    def rows(self, *parents: list[int], **fields: Any) -> list[int]:
        """Create jobs in one call, each with the indexes of its parents."""
        rows = [{"app_id": self.app, "workdir": "w", "parent_refs": refs, **fields} for refs in parents]
        return [j["id"] for j in self.user.post("/jobs/", rows)["results"]]

    def run(self, job: int, last: str = "RUN_DONE") -> None:
        (held,) = self.user.acquire(self.session, 1, max_nodes_per_job=10**6)
        assert held["id"] == job
        self.user.finish(self.session, held, last=last)

    def retry(self, *jobs: int, **options: Any) -> tuple[int, int]:
        answer = self.user.post("/jobs/retry", {"filter": {"id": list(jobs)}, **options})
        return answer["retried"], answer["brought_back"]

    def refused(self, job: int, state: str = "RESTART_READY") -> dict[str, Any]:
        return self.user.refused("PATCH", f"/jobs/{job}", {"state": state}, status=409, code="illegal_move")


@pytest.fixture
def graph(user: User) -> Graph:
    return Graph(user)


WAITS, FAILED, DONE = "AWAITING_PARENTS", "FAILED", "JOB_FINISHED"


@pytest.mark.parametrize("how", ["retry", "patch", "patch many", "patch by filter", "forced"])
def test_descendants_that_failed_only_for_a_job_come_back_with_it_and_run_after_it(graph: Graph, how: str) -> None:
    a, b, c = graph.rows([], [0], [1])
    graph.run(a, "RUN_ERROR")
    assert graph.states(a, b, c) == [FAILED] * 3
    state = {"state": "RESTART_READY"}
    if how == "retry":
        assert graph.retry(a) == (1, 2)
    elif how == "patch":
        assert graph.user.patch(f"/jobs/{a}", state)["state"] == "RESTART_READY"
    elif how == "patch many":
        assert graph.user.patch("/jobs/", [{"id": a, **state}])["brought_back"] == 2
    elif how == "patch by filter":
        body = {"filter": {"id": a}, "patch": state}
        assert graph.user.patch("/jobs/", body) == {"updated": 1, "brought_back": 2}
    else:
        graph.user.patch(f"/jobs/{a}?force=true", state)
    assert graph.states(a, b, c) == ["RESTART_READY", WAITS, WAITS]
    for job in (a, b, c):
        graph.run(job)
    assert graph.states(a, b, c) == [DONE] * 3


def test_a_failed_job_that_an_operator_declares_finished_releases_the_children_that_failed_for_it(graph: Graph) -> None:
    a, b, c = graph.rows([], [0], [1])
    graph.run(a, "RUN_ERROR")
    graph.user.patch(f"/jobs/{a}?force=true", {"state": DONE})
    assert graph.states(a, b, c) == [DONE, "PREPROCESSED", WAITS]


def test_a_job_can_be_retried_alone(graph: Graph) -> None:
    a, b = graph.rows([], [0])
    graph.run(a, "RUN_ERROR")
    assert graph.retry(a, descendants=False) == (1, 0)
    assert graph.states(a, b) == ["RESTART_READY", FAILED]
    graph.run(a, "RUN_ERROR")
    graph.user.patch(f"/jobs/{a}?descendants=false", {"state": "RESTART_READY"})
    assert graph.states(a, b) == ["RESTART_READY", FAILED]
    graph.run(a)
    assert graph.retry(b) == (1, 0)
    assert graph.states(a, b) == [DONE, "RESTART_READY"]


def test_a_child_with_another_failed_parent_comes_back_with_the_last_of_them(graph: Graph) -> None:
    a, b, child, grandchild = graph.rows([], [], [0, 1], [2])
    graph.run(a, "RUN_ERROR")
    graph.run(b, "RUN_ERROR")
    assert graph.retry(a) == (1, 0)
    assert graph.states(child, grandchild) == [FAILED, FAILED]
    graph.run(a)
    assert graph.retry(b) == (1, 2)
    assert graph.states(child, grandchild) == [WAITS, WAITS]
    assert graph.retry(a, b) == (0, 0)


def test_a_child_of_two_that_are_retried_together_comes_back(graph: Graph) -> None:
    a, b, child, grandchild = graph.rows([], [], [0, 1], [2])
    graph.run(a, "RUN_ERROR")
    graph.run(b, "RUN_ERROR")
    assert graph.retry(a, b) == (2, 2)
    graph.run(a)
    graph.run(b)
    assert graph.states(child, grandchild) == ["PREPROCESSED", WAITS]


def test_a_job_that_failed_by_itself_stays_and_keeps_its_own_descendants(graph: Graph) -> None:
    a, b, c = graph.rows([], [0], [1])
    graph.run(a)
    graph.run(b, "RUN_ERROR")
    assert graph.retry(a, finished=True) == (1, 0)
    graph.run(a, "RUN_ERROR")
    assert graph.retry(a) == (1, 0)
    assert graph.states(b, c) == [FAILED, FAILED]


def test_a_child_of_a_deleted_parent_stays_with_its_descendants(graph: Graph) -> None:
    a, gone, child, grandchild = graph.rows([], [], [0, 1], [2])
    graph.user.delete(f"/jobs/{gone}")
    graph.run(a, "RUN_ERROR")
    assert graph.retry(a) == (1, 0)
    assert graph.states(child, grandchild) == [FAILED, FAILED]
    refusal = graph.refused(child)
    assert f"parent job {gone} was deleted" in refusal["detail"]
    graph.run(a)
    assert graph.retry(child) == (1, 1)  # a user who names it knows of the parent that is gone
    assert graph.states(child, grandchild) == ["RESTART_READY", WAITS]


def test_a_child_is_not_run_while_its_parent_has_failed_unless_forced(graph: Graph) -> None:
    a, b = graph.rows([], [0])
    graph.run(a, "RUN_ERROR")
    for state in ("RESTART_READY", "READY"):
        refusal = graph.refused(b, state)
        assert f"its parent job {a} is FAILED" in refusal["detail"]
        assert f"Retry job {a}" in refusal["hint"]
    graph.user.refused("PATCH", "/jobs/", [{"id": b, "state": "RESTART_READY"}], status=409, code="illegal_move")
    assert graph.states(a, b) == [FAILED, FAILED]
    graph.user.patch(f"/jobs/{b}?force=true", {"state": "RESTART_READY"})
    assert graph.states(b) == ["RESTART_READY"]


@pytest.mark.parametrize("route", ["retry", "patch"])
def test_a_filter_leaves_and_names_those_whose_parents_do_not_run_again(graph: Graph, route: str) -> None:
    a, b, c, other = graph.rows([], [0], [1], [])
    graph.run(a, "RUN_ERROR")
    graph.run(other, "RUN_ERROR")
    query = {"filter": {"id": [b, c, other]}}
    if route == "retry":
        answer = graph.user.post("/jobs/retry", query)
        assert answer.pop("retried") == 1
    else:
        answer = graph.user.patch("/jobs/", {**query, "patch": {"state": "RESTART_READY"}})
        assert answer.pop("updated") == 1
    reason = f"job {b} cannot run again: its parent job {a} is FAILED"
    assert (answer.pop("reason"), answer.pop("hint")[: len(f"Retry job {a}")]) == (reason, f"Retry job {a}")
    assert answer.pop("left") == 2
    assert set(answer.values()) <= {0}
    assert graph.states(a, b, c, other) == [FAILED, FAILED, FAILED, "RESTART_READY"]


def test_a_child_whose_policy_is_to_run_is_not_held_up_by_a_failed_parent(graph: Graph) -> None:
    a, b = graph.rows([], [0])
    graph.run(a, "RUN_ERROR")
    graph.user.patch(f"/jobs/{b}", {"on_parent_failure": "run"})
    assert graph.retry(b) == (1, 0)
    assert graph.states(a, b) == [FAILED, "RESTART_READY"]


def test_all_failed_jobs_of_a_graph_come_back_in_order(graph: Graph) -> None:
    a, b, c, d = graph.rows([], [0], [1], [0, 2])
    graph.run(a, "RUN_ERROR")
    assert graph.retry(a, b, c, d) == (4, 0)
    assert graph.states(a, b, c, d) == ["RESTART_READY", WAITS, WAITS, WAITS]
    assert graph.retry(a, b, c, d) == (0, 0)
    state = {"filter": {"id": [a, b, c, d]}, "patch": {"state": "RESTART_READY", "priority": 3}}
    assert graph.user.patch("/jobs/", state) == {"updated": 4}
    assert graph.states(a, b, c, d) == ["RESTART_READY", WAITS, WAITS, WAITS]
    assert graph.user.get(f"/jobs/{d}")["priority"] == 3
    for job in (a, b, c, d):
        graph.run(job)


def test_a_child_that_is_patched_in_the_call_that_retries_its_parent_comes_back_too(graph: Graph) -> None:
    a, b = graph.rows([], [0])
    graph.run(a, "RUN_ERROR")
    patches = [{"id": b, "num_nodes": 2}, {"id": a, "state": "RESTART_READY"}]
    assert graph.user.patch("/jobs/", patches)["brought_back"] == 1
    assert graph.states(a, b) == ["RESTART_READY", WAITS]
    assert graph.user.get(f"/jobs/{b}")["num_nodes"] == 2


def test_a_finished_parent_that_runs_again_leaves_its_children_as_they_are(graph: Graph) -> None:
    a, good, bad = graph.rows([], [0], [0])
    graph.run(a)
    graph.run(good)
    graph.run(bad, "RUN_ERROR")
    assert graph.retry(a, finished=True) == (1, 0)
    assert graph.states(good, bad) == [DONE, FAILED]
    assert graph.retry(bad) == (1, 0)
    assert graph.states(bad) == [WAITS]
    graph.run(a)
    assert graph.states(bad) == ["PREPROCESSED"]


def test_finished_jobs_run_again_only_where_this_is_asked_for(graph: Graph) -> None:
    (a,) = graph.rows([])
    graph.run(a)
    assert graph.retry(a) == (0, 0)
    assert graph.retry(a, finished=True) == (1, 0)


def test_a_dry_run_counts_and_changes_nothing(graph: Graph) -> None:
    a, b, c = graph.rows([], [0], [1])
    graph.run(a, "RUN_ERROR")
    events = len(graph.user.events())
    assert graph.retry(a, dry_run=True) == (1, 2)
    assert graph.retry(a, dry_run=True, descendants=False) == (1, 0)
    assert graph.states(a, b, c) == [FAILED] * 3
    assert len(graph.user.events()) == events
    assert graph.retry(a) == (1, 2)


def test_a_wide_and_deep_graph_comes_back_in_one_call(graph: Graph) -> None:
    width = 1000
    rows = [[], *([0] for _ in range(width)), *([i + 1] for i in range(width)), list(range(width + 1, 2 * width + 1))]
    ids = graph.rows(*rows)
    graph.run(ids[0], "RUN_ERROR")
    assert graph.retry(ids[0]) == (1, 2 * width + 1)
    assert graph.states(*ids[1:]) == [WAITS] * (2 * width + 1)


def test_the_reason_names_the_first_that_failed(graph: Graph) -> None:
    ids = graph.rows([], *([i] for i in range(60)))
    graph.run(ids[0], "RUN_ERROR")
    (event,) = graph.user.events(job_id=ids[-1], to_state=FAILED)
    assert event["data"]["message"] == f"parent job {ids[-2]} FAILED; the first was job {ids[0]}"
    assert (event["data"]["parent_id"], event["data"]["root_id"]) == (ids[-2], ids[0])
    assert [j["id"] for j in graph.user.get("/jobs/", root_cause_of=ids[-1])["results"]] == [ids[0]]
    graph.retry(ids[0], descendants=False)
    assert [j["id"] for j in graph.user.get("/jobs/", root_cause_of=ids[-1])["results"]] == [ids[1]]
    assert graph.user.get("/jobs/", root_cause_of=ids[1])["results"] == []


def test_a_job_that_waits_again_and_fails_again_still_knows_the_first(graph: Graph) -> None:
    a, b, c = graph.rows([], [0], [1])
    graph.run(a, "RUN_ERROR")
    graph.user.patch(f"/jobs/{c}", {"state": WAITS})
    assert graph.states(a, b, c) == [FAILED] * 3
    assert graph.user.events(job_id=c, to_state=FAILED)[-1]["data"]["root_id"] == a


def test_a_job_that_comes_back_while_its_parent_ends_is_not_forgotten(world: World, graph: Graph) -> None:
    a, b = graph.rows([], [0])
    graph.user.post("/jobs/cancel", {"filter": {"id": b}})
    with ThreadPoolExecutor(1) as pool:

        async def finish_slowly() -> Any:
            async with world.db.owner(graph.user.id) as conn, conn.transaction():
                await transitions.transition_each(
                    conn, Context(graph.user.id, "test"), [a],
                    lambda f: rules.user_transition(f, DONE, {}, force=True),
                )  # fmt: skip
                retrying = pool.submit(graph.retry, b)
                await asyncio.sleep(0.3)
                assert not retrying.done()
            return retrying

        assert world.run(finish_slowly()).result(60) == (1, 0)
    assert graph.states(a, b) == [DONE, "RESTART_READY"]


def test_jobs_of_others_are_not_retried(world: World, graph: Graph) -> None:
    (a,) = graph.rows([])
    graph.run(a, "RUN_ERROR")
    assert Graph(world.user()).retry(a) == (0, 0)
    assert graph.states(a) == [FAILED]
