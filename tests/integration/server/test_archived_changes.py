"""From what to what archived events changed: as it was before, also while they are being archived."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

import archiving
from archiving import PER_SEAL, archived, differing, end, pages, rows_of_pages, sealed, story
from storax_core.admin import archive
from storax_core.database import half_open
from storax_core.log import flow, seals, watermark
from storax_core.queries import changes as changes_of_events
from storax_core.queries import select
from waiting import eventually
from world import User, World, as_login


@pytest.fixture
def user(world: World) -> User:
    return world.user()


small = archiving.small_ranges  # in each test here


def joined(parts: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [row for part in parts for row in part]


def changes(user: User, known: dict[str, Any], moments: list[int]) -> dict[str, Any]:
    """From what to what each event changed, by every way to ask for it."""
    fields = {"fields": ["position", "type", "changes"]}
    command = user.events(job_id=known["failed"])[-1]["command_id"]
    filters: list[dict[str, Any]] = [
        {"job_id": known["jobs"]}, {"job_id": known["failed"], "type": "job.state_changed"}, {"type": "job.updated"},
        {"type": ["job.updated", "job.created"]}, {"entity": "site", "entity_id": known["site"]}, {"entity": "site"},
        {"type": "site.updated"}, {"type": ["site.updated", "app.updated"]}, {"actor": f"user:{user.id}"},
        {"command_id": command}, {"command_id": [command], "type": "job.state_changed"}, {"tags": {"run": "b"}},
        {"batch_job_id": known["batch"]}, {"version__gt": 1}, {"to_state": "JOB_FINISHED"}, {"site_id": known["site"]},
    ]  # fmt: skip
    asks: list[dict[str, Any]] = [*({"filter": one} for one in filters), *({"as_of": moment} for moment in moments)]
    asks += [{"as_of": moment, "filter": {"type": "job.updated"}} for moment in moments]
    asks += [{"as_of": moment, "filter": {"entity": ["site", "app"]}} for moment in moments]
    asks += [{"exclude": [{"type": "job.created"}, {"tags": {"run": "a"}, "actor": f"user:{user.id}"}]}]
    asks += [{"filter": {"entity": ["job", "site"]}, "exclude": [{"batch_job_id": known["batch"]}]}]
    asks += [{"ordering": ordering} for ordering in (["position"], ["-position"], ["timestamp"], ["-timestamp"])]
    replies: dict[str, Any] = {str(ask): rows_of_pages(user, **ask, **fields) for ask in asks}
    replies["counted"] = user.post("/events/query", {"count": True, "limit": 40, **fields})
    replies["behind an offset"] = user.post("/events/query", {"offset": 9, "limit": 40, **fields})
    for row in user.events():
        replies[f"event {row['position']}"] = user.get(f"/events/{row['position']}")
    return replies


def edits(user: User, known: dict[str, Any]) -> None:
    """Change things of which other events are archived: fields named before, and fields left at their defaults."""
    user.patch(f"/jobs/{known['jobs'][3]}", {"priority": 1, "num_nodes": 2})
    user.patch(f"/jobs/{known['jobs'][4]}", {"tags": {"run": "c"}})
    user.patch(f"/jobs/{known['jobs'][3]}", {"priority": 4})
    user.patch(f"/sites/{known['site']}", {"path": "/elsewhere"})
    user.post("/jobs/retry", {"filter": {"id": [known["jobs"][2]]}})
    user.finish(known["session"], *user.acquire(known["session"], 1))


@pytest.mark.slow("asks for the changes of each event by every way, four times")
def test_what_each_event_changed_is_as_it_was(world: World, user: User, tmp_path: Path) -> None:
    known = story(user)
    edits(user, known)
    middle = end(world)
    user.patch(f"/sites/{known['site']}", {"path": "/nowhere"})
    edits(user, known)
    positions = [row["position"] for row in user.events()]
    moments = [positions[20], middle, end(world)]
    before = changes(user, known, moments)
    each = [row["changes"] for page in before["{'ordering': ['position']}"] for row in page]
    assert len(each) == len(positions)
    assert sum(1 for one in each for field in one.values() if field["before"] is not None) > 50
    for upto in (positions[20], middle, 2**60):
        done = archived(world, tmp_path, before=upto)
        assert done, upto
        assert differing(before, changes(user, known, moments)) == {}
    assert world.value("SELECT min(position) FROM event_log") > done[-1].high > middle


def test_pages_of_archived_changes_end_early_where_these_are_large(
    world: World, user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = user.job(user.app())["id"]
    for n in range(2 * PER_SEAL):
        user.patch(f"/jobs/{job}", {"data": {"x": str(n) * 20_000}})
    ask: dict[str, Any] = {"filter": {"job_id": job}, "fields": ["position", "changes"]}
    whole = {way: joined(rows_of_pages(user, ordering=[way], **ask)) for way in ("position", "-timestamp")}
    archived(world, tmp_path)
    monkeypatch.setattr(select.fetch_page, "__kwdefaults__", {"size": 120_000})
    for way, rows in whole.items():
        got = rows_of_pages(user, ordering=[way], **ask)
        assert joined(got) == rows
        assert len(got) > 3


@pytest.mark.parametrize("ask", [{}, {"ordering": ["position"]}, {"filter": {"type": "job.updated"}}, {"limit": 30}])
def test_events_that_are_archived_while_they_are_read_have_their_changes(
    world: World, user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: dict[str, Any]
) -> None:
    edits(user, story(user))
    sealed(world)
    body = {"fields": ["position", "changes"], "limit": 1000, **ask}
    whole = user.post("/events/query", body)["results"]
    oldest = whole[0 if "ordering" in ask else -1]["position"]
    one = user.get(f"/events/{oldest}")
    _archive_before(monkeypatch, world, tmp_path, "fill")
    assert user.post("/events/query", body)["results"] == whole
    assert world.value("SELECT min(position) FROM event_log") > oldest
    assert user.get(f"/events/{oldest}") == one


def test_an_event_that_is_archived_while_it_is_read_has_its_changes(
    world: World, user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = story(user)
    edits(user, known)
    sealed(world)
    first = user.events(type="job.updated")[0]
    one = user.get(f"/events/{first['position']}")
    _archive_before(monkeypatch, world, tmp_path, "of_one")
    assert user.get(f"/events/{first['position']}") == one
    assert world.value("SELECT min(position) FROM event_log") > first["position"]


def _archive_before(monkeypatch: pytest.MonkeyPatch, world: World, folder: Path, name: str) -> None:
    """Archive events once, when the server calls a function of the changes for the first time."""
    real, left = getattr(changes_of_events, name), [None]
    owner = as_login(world.database_url, "storax_owner")
    monkeypatch.setattr(archive, "EVENTS_PER_ARCHIVE", 10**6)  # one
    monkeypatch.setattr(half_open, "SILENT_SEC", 120.0)  # the connection that waits must not seem dead

    async def first_archive(*args: Any, **options: Any) -> Any:
        if left:
            left.pop()
            run = archive.run(owner, 2**60, folder, report=lambda *_: None)
            assert await asyncio.to_thread(asyncio.run, run)
        return await real(*args, **options)

    monkeypatch.setattr(changes_of_events, name, first_archive)


@pytest.mark.slow("opens four streams, each of which reads the archives")
def test_a_stream_of_archived_events_has_those_that_its_filters_and_exclusions_leave(
    world: World, user: User, tmp_path: Path
) -> None:
    known = story(user)
    edits(user, known)
    whole = pages(user, ordering=["position"], exclude=[{"type": "job.updated", "tags": {"run": "b"}}], limit=1000)[0]
    asks: dict[str, list[int]] = {
        name: [row["position"] for row in user.events(**{name: value})]
        for name, value in {"type": "job.updated", "entity": "site", "batch_job_id": known["batch"]}.items()
    }
    end(world)
    archived(world, tmp_path)
    streams = [({"exclude": '{"type": "job.updated", "tags": {"run": "b"}}'}, whole)]
    streams += [({"type": "job.updated"}, asks["type"]), ({"entity": "site"}, asks["entity"])]
    streams += [({"batch_job_id": str(known["batch"])}, asks["batch_job_id"])]
    for params, wanted in streams:
        with user.stream(after=0, **params) as stream:
            eventually(lambda stream=stream, wanted=wanted: stream.ids[-1:] == wanted[-1:])
            assert stream.ids == wanted, params


def test_events_that_are_archived_before_they_are_handed_out_reach_the_stream(
    world: World, user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, real, horizons = user.app(), watermark.read_published, list[int]()
    monkeypatch.setattr(archive, "EVENTS_PER_ARCHIVE", 10**6)
    monkeypatch.setattr(half_open, "SILENT_SEC", 120.0)  # the connection that waits must not seem dead
    owner = as_login(world.database_url, "storax_owner")

    async def read_published(conn: Any, owners: Any, after: int, limit: int) -> Any:
        upto = await watermark.published(conn)
        if not horizons and upto > after:
            async with world.db.worker() as other, other.transaction():
                while await seals.add(other, upto, per=PER_SEAL):
                    pass
                await flow.count(other)  # what is not counted is not archived
            run = archive.run(owner, 2**60, tmp_path, report=lambda *_: None)
            horizons.append((await asyncio.to_thread(asyncio.run, run))[-1].high - after)
        return await real(conn, owners, after, limit)

    last = end(world)
    eventually(lambda: world.app.state.broadcast._last >= last)  # so the next events to be read are those of the jobs
    with user.stream() as stream:
        monkeypatch.setattr(watermark, "read_published", read_published)
        jobs = user.jobs(app, 4 * PER_SEAL)
        eventually(lambda: len(stream.ids) >= len(jobs))
        assert [event["job_id"] for event in stream.events] == jobs
    assert horizons[0] > 0
