"""Rows as they were at a position of the log or at an instant: what a reader saw then, for every resource."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from storax_core.queries import past
from storax_core.resources import BY_ENTITY, PROJECTED
from waiting import eventually
from world import User, World


@pytest.fixture
def user(world: World) -> User:
    return world.user()


def end(world: World) -> int:
    """The last position, once it is published."""
    position = int(world.value("SELECT max(position) FROM event_log"))
    eventually(lambda: (world.value("SELECT max(position) FROM feed") or 0) >= position)
    return position


def rows(user: User, path: str, **query: Any) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = user.post(f"/{path}/query", {"limit": 1000, **query})["results"]
    return results


def test_a_job_reads_at_each_of_its_events_as_it_read_then(world: World, user: User) -> None:
    site = user.site()
    app = user.app(site)
    job = user.job(app, tags={"a": "1"})["id"]
    seen = {end(world): user.get(f"/jobs/{job}")}
    session = user.session(site)
    (held,) = user.acquire(session)
    seen[end(world)] = user.get(f"/jobs/{job}")
    user.report(session, held, "RUNNING", "RUN_DONE", return_value={"x": 1})
    seen[end(world)] = user.get(f"/jobs/{job}")
    user.patch(f"/jobs/{job}", {"tags": {"b": "2"}})
    seen[end(world)] = user.get(f"/jobs/{job}")
    user.delete(f"/jobs/{job}")
    assert len(seen) == 4
    for position, row in seen.items():
        assert user.get(f"/jobs/{job}", as_of=position) == row
        assert rows(user, "jobs", as_of=position, filter={"id": job}) == [row]
    user.refused("GET", f"/jobs/{job}?as_of={end(world)}", status=404, code="not_found")
    user.refused("GET", f"/jobs/{job}?as_of={min(seen) - 1}", status=404, code="not_found")


def test_a_position_that_was_read_but_is_not_published_yet_is_waited_for(
    world: World, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user who reads the log is ahead of the feeder for a moment."""
    app = user.app()
    world.stop_feeder()
    try:
        job = user.job(app)["id"]
        (last,) = user.get("/events/", ordering="-position", limit=1)["results"]
        monkeypatch.setattr(past, "FINAL_SEC", 0.1)
        user.refused("GET", f"/jobs/{job}?as_of={last['position']}", status=503, code="unavailable")
        user.refused("GET", f"/jobs/{job}?as_of={last['position'] + 1}", status=422, code="invalid")
        monkeypatch.setattr(past, "FINAL_SEC", 60.0)
        with ThreadPoolExecutor(2) as pool:
            listed = pool.submit(rows, user, "jobs", as_of=last["position"])
            answer = pool.submit(user.get, f"/jobs/{job}", as_of=last["position"])
            time.sleep(0.1)
            assert not answer.done()
            assert not listed.done()
            world.start_feeder()
            assert answer.result()["id"] == job
            assert [row["id"] for row in listed.result()] == [job]
    finally:
        if world._feeder is None:
            world.start_feeder()


@pytest.mark.parametrize("entity", [r.entity for r in PROJECTED if "list" in r.verbs])
def test_every_resource_of_now_is_that_of_the_present(world: World, user: User, entity: str) -> None:
    """What the log does not keep is null in the past; all else is the same."""
    resource = BY_ENTITY[entity]
    project = user.post("/projects/", {"name": "one"})["id"]
    user.post("/data-frames/", {"project_id": project, "name": "one"})
    user.post("/pipelines/", {"project_id": project, "name": "one", "edition": 1})
    user.post("/saved-views/", {"name": "one", "query": ""})
    site = user.site()
    app = user.app(site, transfers={"f": {"direction": "in", "required": False}})
    user.job(app, transfers={"f": "x:/f"})
    user.post("/batch-jobs/", {"site_id": site})
    user.session(site)
    user.post("/webhooks/", {"name": "one", "url": "https://example.org/"})
    present = rows(user, resource.path)
    past = rows(user, resource.path, as_of=end(world))
    kept = {"id", "owner_id", "version", "creation_date", "last_update", *resource.folded}
    assert present
    assert past == [{name: value if name in kept else None for name, value in row.items()} for row in present]


def test_lists_filters_order_pages_and_counts_are_of_that_moment(world: World, user: User) -> None:
    app = user.app()
    first = user.jobs(app, 3, tags={"run": "a"})
    then = end(world)
    user.jobs(app, 4, tags={"run": "a"})
    user.patch("/jobs/", {"filter": {"id": first}, "patch": {"tags": {"run": "b"}, "priority": 7}})
    ask: dict[str, Any] = {"as_of": then, "filter": {"tags": {"run": "a"}}}
    assert [row["id"] for row in rows(user, "jobs", **ask)] == first
    assert [row["id"] for row in rows(user, "jobs", **ask, ordering=["-priority", "-id"])] == first[::-1]
    assert rows(user, "jobs", as_of=then, filter={"priority": 7}) == []
    assert user.post("/jobs/query", {**ask, "limit": 0, "count": True})["count"] == 3
    assert user.post("/jobs/counts", {**ask, "by": "priority"})["counts"] == {"0": 3}
    assert user.post("/jobs/counts", {"as_of": then, "by": "state"})["counts"] == {"PREPROCESSED": 3}
    page = user.post("/jobs/query", {**ask, "limit": 2})
    assert [row["id"] for row in page["results"]] == first[:2]
    following = user.post("/jobs/query", {**ask, "limit": 2, "cursor": page["next"]})
    assert [row["id"] for row in following["results"]] == first[2:]
    assert [row["id"] for row in rows(user, "jobs", **ask, offset=1)] == first[1:]
    assert user.get("/jobs/", tags="run:a", as_of=then)["results"] == rows(user, "jobs", **ask)


def test_an_instant_stands_for_the_last_event_until_then(world: World, user: User) -> None:
    app = user.app()
    job = user.job(app)["id"]
    at = user.events(job_id=job)[-1]["timestamp"]
    user.patch(f"/jobs/{job}", {"priority": 3})
    end(world)
    assert user.get(f"/jobs/{job}", as_of=at)["priority"] == 0
    user.refused("GET", f"/jobs/{job}?as_of=2000-01-01T00:00:00Z", status=404, code="not_found")


def test_events_end_at_that_position(world: World, user: User) -> None:
    job = user.job(user.app())["id"]
    then = end(world)
    user.patch(f"/jobs/{job}", {"priority": 3})
    end(world)
    events = rows(user, "events", as_of=then, filter={"job_id": job})
    assert [event["position"] for event in events] == [e["position"] for e in user.events(job_id=job)][:-1]


def test_nobody_sees_the_past_of_another(world: World, user: User) -> None:
    job = user.job(user.app())["id"]
    position, other = end(world), world.user()
    other.refused("GET", f"/jobs/{job}?as_of={position}", status=404, code="not_found")
    assert rows(other, "jobs", as_of=position) == []
    assert other.post("/jobs/counts", {"as_of": position})["counts"] == {}


@pytest.mark.parametrize(
    "as_of", [-1, 1.5, True, "soon", "2026-01-31T12:00:00", "9999-01-01T00:00:00Z", 2**62, [1], {}]
)
def test_a_moment_that_is_none_or_is_to_come_is_refused(user: User, as_of: Any) -> None:
    user.refused("POST", "/jobs/query", {"as_of": as_of}, status=422, code="invalid")


@pytest.mark.parametrize("filters", [{"app_name": "x"}, {"site_name": "x"}, {"parent_id": 1}, {"root_cause_of": 1}])
def test_a_filter_that_reads_the_present_is_refused(user: User, filters: dict[str, Any]) -> None:
    for ask in ({"filter": filters}, {"exclude": [filters]}):
        refusal = user.refused("POST", "/jobs/query", {"as_of": 0, **ask}, status=422, code="invalid")
        assert "as_of" in refusal["detail"]
