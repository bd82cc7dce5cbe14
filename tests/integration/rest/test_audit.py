"""What an auditor asks of the log: who changed what, when, in which call, from what to what."""

from typing import Any

import pytest

from storax_core.queries import select
from world import User, World


@pytest.fixture
def user(world: World) -> User:
    return world.user()


def changes(user: User, **filters: Any) -> list[dict[str, Any]]:
    """The changes of each event, in the order of the log."""
    body = {"filter": filters, "fields": ["changes"], "ordering": ["position"], "limit": 1000}
    return [row["changes"] for row in user.post("/events/query", body)["results"]]


# ---- from what to what -----------------------------------------------------------------------------------------------


def test_each_event_says_what_it_changed_from_what_to_what(user: User) -> None:
    job = user.job(user.app(), tags={"a": "1"}, priority=2)["id"]
    user.patch(f"/jobs/{job}", {"priority": 5, "num_nodes": 3})
    user.patch(f"/jobs/{job}", {"tags": {"a": "2"}})
    user.patch(f"/jobs/{job}", {"priority": 0})
    created, first, second, third = changes(user, job_id=job, type=["job.created", "job.updated"])
    assert created["priority"] == {"before": None, "after": 2}
    assert first["priority"] == {"before": 2, "after": 5}
    assert first["num_nodes"] == {"before": 1, "after": 3}, "the event of the creation left the default out"
    assert second == {"tags": {"before": {"a": "1"}, "after": {"a": "2"}}}
    assert third == {"priority": {"before": 5, "after": 0}}


def test_the_changes_are_those_between_the_past_states_of_each_thing(user: User) -> None:
    """By the other way to the past: the rows as of the position before and of the event itself."""
    site = user.site()
    app, session = user.app(site), user.session(site)
    user.jobs(app, 2)
    user.finish(session, *user.acquire(session, 2))
    user.patch(f"/sites/{site}", {"path": "/elsewhere"})
    rows = user.post(
        "/events/query",
        {
            "filter": {"version__gt": 1, "entity": ["job", "site"]},
            "fields": ["position", "entity", "entity_id", "changes"],
        },
    )["results"]
    assert len(rows) > 6
    for row in rows:
        path = f"/{row['entity']}s/{row['entity_id']}"
        before = user.get(path, as_of=row["position"] - 1)
        after = user.get(path, as_of=row["position"])
        differing = {name for name in after if before[name] != after[name]} - {"version", "last_update"}
        assert differing <= row["changes"].keys()
        for name, one in row["changes"].items():
            assert (one["before"], one["after"]) == (before[name], after[name]), (row, name)


def test_lists_have_the_changes_on_request_and_one_event_always(user: User) -> None:
    user.site()
    (event,) = user.events(type="site.created")
    assert "changes" not in event
    assert "changes" not in user.get("/events/")["results"][0]
    assert user.get(f"/events/{event['id']}")["changes"]["name"]["before"] is None
    listed = user.get("/events/", fields="actor,changes")["results"]
    assert [set(row) for row in listed] == [{"actor", "changes"}] * len(listed)


def test_pages_with_changes_follow_one_another_however_large_their_changes_are(user: User, monkeypatch: Any) -> None:
    job = user.job(user.app())["id"]
    for n in range(6):
        user.patch(f"/jobs/{job}", {"data": {"x": str(n) * 50_000}})
    wanted = changes(user, job_id=job)
    monkeypatch.setattr(select.fetch_page, "__kwdefaults__", {"size": 120_000})
    got: list[Any] = []
    body: dict[str, Any] = {"filter": {"job_id": job}, "fields": ["changes"], "ordering": ["position"]}
    pages = 0
    while True:
        page = user.post("/events/query", body)
        got += [row["changes"] for row in page["results"]]
        pages += 1
        if page["next"] is None:
            break
        body["cursor"] = page["next"]
    assert got == wanted
    assert pages > 2


def test_a_stranger_reads_no_changes(world: World, user: User) -> None:
    job = user.job(user.app(), tags={"secret": "x"})["id"]
    stranger = world.user()
    assert changes(stranger, job_id=job) == []
    (event, *_) = user.events(job_id=job)
    assert stranger.ask("GET", f"/events/{event['id']}").status_code == 404


# ---- by what events are found ------------------------------------------------------------------------------------------


def test_events_are_found_by_thing_actor_call_tag_allocation_and_time(user: User) -> None:
    site = user.site()
    app = user.app(site)
    allocation = user.post("/batch-jobs/", {"site_id": site})["id"]
    session = user.session(site, batch_job_id=allocation)
    jobs = user.jobs(app, 3, tags={"case": "x"})
    taken = user.acquire(session, 2)
    user.finish(session, *taken)
    every = user.events()
    first = every[0]
    of_jobs = [e for e in every if e["job_id"] in jobs]
    by_session = [e for e in every if e["actor"] == f"session:{session}"]
    assert by_session
    assert user.events(actor=f"session:{session}") == by_session
    assert user.events(actor=[f"session:{session}", f"user:{user.id}"]) == [
        e for e in every if e["actor"] in (f"session:{session}", f"user:{user.id}")
    ]
    assert user.events(command_id=of_jobs[0]["command_id"]) == [
        e for e in every if e["command_id"] == of_jobs[0]["command_id"]
    ]
    assert user.events(tags={"case": "x"}) == of_jobs
    assert {e["job_id"] for e in user.events(batch_job_id=allocation)} == {j["id"] for j in taken}
    assert user.events(entity="site", entity_id=site) == [e for e in every if e["entity"] == "site"]
    assert user.events(entity=["site", "app"]) == [e for e in every if e["entity"] in ("site", "app")]
    assert user.events(type="session.created") == [e for e in every if e["type"] == "session.created"]
    assert user.events(type=["site.created", "job.created"]) == [
        e for e in every if e["type"] in ("site.created", "job.created")
    ]
    assert user.events(type="site.created", entity="job") == []
    at = first["timestamp"]
    assert user.events(timestamp_after=at) == [e for e in every if e["timestamp"] > at]
