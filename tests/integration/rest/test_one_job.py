"""Why a job is in its state, and the jobs around it: REST and Python say what the pages Job and Graph show."""

import asyncio
from typing import Any

import pytest

from storax import Client, Job, errors
from storax_api.web.graph.reading import MOST_PARENTS
from world import User, World


@pytest.fixture(scope="module")
def user(world: World) -> User:
    """A user with jobs."""
    return world.user()


@pytest.fixture(scope="module")
def chain(user: User) -> list[int]:
    """Four jobs, each the parent of the next; the first one failed."""
    site = user.site(path="/scratch/site")
    app = user.app(site)
    ids = user.jobs(app, 1)
    for _ in range(3):
        ids.append(user.job(app, parent_ids=[ids[-1]])["id"])
    session = user.session(site)
    (job,) = user.acquire(session, 1)
    data = {"message": "exit code 3", "stderr_tail": "Traceback\nno room left"}
    user.report(session, job, "RUNNING", "RUN_ERROR", data=data, return_code=3)
    user.delete(f"/sessions/{session}")
    return ids


def test_a_failed_job_and_one_below_it_are_explained(user: User, chain: list[int]) -> None:
    answer = user.get(f"/jobs/{chain[0]}/explain")
    assert (answer["id"], answer["state"]) == (chain[0], "FAILED")
    assert "in attempt 1 of 1." in answer["reasons"][0]
    assert answer["reasons"][-2:] == ["|Traceback", "|no room left"]
    below = user.get(f"/jobs/{chain[1]}/explain")["reasons"]
    assert len(below) == 1
    assert below[0].startswith("It did not run: ")


def test_a_job_that_can_start_names_the_agent_that_never_came(user: User) -> None:
    site = user.site("quiet", path="/scratch/quiet")
    (waiting,) = user.jobs(user.app(site))
    reasons = user.get(f"/jobs/{waiting}/explain")["reasons"]
    assert reasons[0] == "It can start: it waits for its site to have room for it."
    assert "has never contacted the server" in reasons[1]


def test_the_graph_has_the_jobs_within_so_many_steps(user: User, chain: list[int]) -> None:
    for steps, near in ((1, chain[1:]), (2, chain), (10, chain)):
        answer = user.get(f"/jobs/{chain[2]}/graph", steps=steps)
        assert [row["id"] for row in answer["jobs"]] == near
        assert not answer["cut"]
    first = user.get(f"/jobs/{chain[0]}/graph")["jobs"]
    assert [row["id"] for row in first] == chain[:3]
    assert first[1] == {
        "id": chain[1], "state": "FAILED", "app_id": first[0]["app_id"], "workdir": first[1]["workdir"],
        "parent_ids": [chain[0]],
    }  # fmt: skip


def test_python_has_both_blocking_and_awaited(world: World, user: User, chain: list[int]) -> None:
    with Client(world.url, user.token):
        job = Job.objects.get(id=chain[1])
        graph = job.graph(steps=1)
        assert list(graph.jobs) == chain[:3]
        assert graph.edges == [(chain[0], chain[1]), (chain[1], chain[2])]
        assert job.explain() == user.get(f"/jobs/{chain[1]}/explain")["reasons"]
        assert asyncio.run(job.agraph(steps=1)) == graph
        assert asyncio.run(job.aexplain()) == job.explain()
        with pytest.raises(errors.InvalidInput, match="steps"):
            job.graph(steps=11)
        gone = Job.objects.get(id=user.jobs(user.app())[0])
        user.delete(f"/jobs/{gone.id}")
        for call in (gone.graph, gone.explain):
            with pytest.raises(Job.DoesNotExist):
                call()


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        ("graph", {"steps": 0}, 422), ("graph", {"steps": 11}, 422), ("graph", {"steps": "x"}, 422),
        ("graph", {"depth": 1}, 422), ("explain", {"steps": 1}, 422),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_named(
    user: User, chain: list[int], path: str, params: dict[str, Any], status: int
) -> None:
    answer = user.ask("GET", f"/jobs/{chain[0]}/{path}", params=params)
    assert answer.status_code == status
    assert next(iter(params)) in answer.text


def test_of_many_parents_the_one_that_is_waited_for_is_named(user: User) -> None:
    site = user.site()
    app = user.app(site)
    first = user.jobs(app, 21)
    session = user.session(site)
    user.finish(session, *user.acquire(session, 21))
    last = user.job(app, workdir="last")["id"]
    waiting = user.job(app, parent_ids=[*first, last])["id"]
    reasons = user.get(f"/jobs/{waiting}/explain")["reasons"]
    assert reasons[0] == f"It waits for its parents (22 in all): {last} is PREPROCESSED."


def test_a_graph_that_lacks_parents_says_so(user: User) -> None:
    app = user.app()
    parents = user.jobs(app, MOST_PARENTS + 1)
    below = user.job(app, parent_ids=parents)["id"]
    answer = user.get(f"/jobs/{below}/graph", steps=1)
    assert (len(answer["jobs"]), answer["cut"]) == (MOST_PARENTS + 1, True)
    fewer = user.job(app, parent_ids=parents[1:])["id"]
    answer = user.get(f"/jobs/{fewer}/graph", steps=1)
    assert (len(answer["jobs"]), answer["cut"]) == (MOST_PARENTS + 1, False)


def test_neither_another_user_nor_the_token_of_a_site_reads_them(world: World, user: User, chain: list[int]) -> None:
    stranger = world.user()
    agent = User(world, user.name, user.id, user.post("/tokens/", {"site_id": user.site()})["token"])
    with agent.http:
        for part in ("graph", "explain"):
            stranger.refused("GET", f"/jobs/{chain[0]}/{part}", status=404, code="not_found")
            agent.refused("GET", f"/jobs/{chain[0]}/{part}", status=403, code="forbidden")
        agent.refused("POST", "/jobs/runs", {}, status=403, code="forbidden")
