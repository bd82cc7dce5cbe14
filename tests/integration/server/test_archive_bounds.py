"""What archives may cost and lose: searches of large files, what a query stages, modes of files, the counts behind."""

import asyncio
import os
import stat
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import archiving
from archiving import PER_SEAL, archived, end, sealed, story
from storax_core import limits
from storax_core.admin import archive
from storax_core.database import half_open
from storax_core.database.connections import Connection, Database
from storax_core.log import flow
from storax_core.log.archive import archive_files, archives
from storax_core.queries import server
from storax_core.queries.archive import archived as archived_reads
from storax_core.resources import JOBS
from world import User, World, as_login

THREAD_SEC = 2.5
GROUP = 8


@pytest.fixture
def user(world: World) -> User:
    return world.user()


small = archiving.small_ranges  # in each test here


async def stage(conn: Connection, user: User, position: int, moment: datetime) -> int:
    """Stage all jobs at a position; return how many rows that were."""
    await archived_reads.stage_past(conn, JOBS, user.id, position, [])
    return int(await conn.fetchval("SELECT count(*) FROM staged_event"))


async def find(conn: Connection, user: User, position: int, moment: datetime) -> int:
    """Find the position of an instant."""
    return await archived_reads.position_at(conn, user.id, moment)


SLOW: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "hashed": (archives, "_checked", stage), "searched": (archive_files, "rows", find),
}  # fmt: skip


@pytest.mark.slow("a thread takes longer than a backend may be idle")
@pytest.mark.parametrize("what", SLOW)
def test_a_file_that_is_searched_for_long_ends_no_connection(
    world: World, user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    story(user)
    last = archived(world, tmp_path)[-1]
    event = next(row for row in user.events() if row["position"] <= last.high)
    owner, name, read = SLOW[what]
    real = getattr(owner, name)

    def slow(*args: Any) -> Any:
        time.sleep(THREAD_SEC)
        return real(*args)

    def slow_rows(*args: Any) -> Any:
        yield from slow(*args)

    for module, limit, seconds in (
        (half_open, "SILENT_SEC", 2.0),
        (half_open, "LOOK_SEC", 0.2),
        (archived_reads, "ALIVE_SEC", 0.2),
    ):
        monkeypatch.setattr(module, limit, seconds)
    monkeypatch.setattr(owner, name, slow_rows if name == "rows" else slow)

    async def run() -> int:
        db = await Database.connect(world.database_url, size=2)
        try:
            async with db.owner(user.id) as conn, archived_reads.snapshot(conn):
                count: int = await read(conn, user, last.high, datetime.fromisoformat(event["timestamp"]))
                return count
        finally:
            await db.close()

    assert asyncio.run(run()) > 0


def test_the_position_of_an_instant_is_read_of_one_column(
    world: World, user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story(user)
    last = archived(world, tmp_path)[-1]
    event = next(row for row in user.events() if row["position"] < last.high)
    real, read = archive_files.rows, list[Any]()

    def seen(*args: Any) -> Any:
        for batch in real(*args):
            read.extend(batch)
            yield batch

    monkeypatch.setattr(archive_files, "rows", seen)
    page = user.post("/events/query", {"as_of": event["timestamp"], "limit": 1})
    assert page["results"][0]["position"] >= event["position"]
    assert [row for row in read if set(row) == {"position"}]


def test_a_query_that_stages_too_much_is_refused_with_a_way_out(
    world: World, user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = story(user)
    whole = [row["position"] for row in user.events()]
    done = archived(world, tmp_path)
    monkeypatch.setattr(limits, "ARCHIVED_ROWS", PER_SEAL)
    for ask in ({"ordering": ["timestamp"]}, {"count": True, "limit": 0}, {"ordering": ["position"], "limit": 1000}):
        refusal = user.refused("POST", "/events/query", ask, status=413, code="too_large")
        assert f"more than {PER_SEAL} rows of archives" in refusal["detail"]
        assert "by time or position" in refusal["hint"]
    user.refused("POST", "/jobs/query", {"as_of": done[-1].high - 1}, status=413, code="too_large")
    narrow = {"position__gt": whole[0] - 1, "position__lte": whole[3]}
    rows = user.post("/events/query", {"filter": narrow, "ordering": ["timestamp"]})["results"]
    assert sorted(row["position"] for row in rows) == whole[:4]
    assert user.post("/jobs/query", {"as_of": done[-1].high - 1, "filter": {"id": known["jobs"][4]}})["results"]


def test_nothing_is_archived_before_jobs_by_time_count_it(world: World, user: User, tmp_path: Path) -> None:
    story(user)
    sealed(world)
    last = end(world)
    middle = user.events()[10]["position"]
    owner = as_login(world.database_url, "storax_owner")
    world.stop_feeder()
    try:
        world.sql("UPDATE feed SET position = $2 WHERE name = $1", flow.NAME, middle)
        assert asyncio.run(archive.plan(owner, 2**60)).ranges[-1].high <= middle
        world.sql("DELETE FROM feed WHERE name = $1", flow.NAME)
        assert asyncio.run(archive.plan(owner, 2**60)).ranges[-1].high > middle
    finally:
        world.sql("INSERT INTO feed VALUES ($1, $2, gen_random_uuid(), now())", flow.NAME, last)
        world.start_feeder()


def test_files_are_for_the_group_and_folders_are_on_the_disk(
    world: World, user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story(user)
    synced, real = list[Path](), archive_files.sync
    monkeypatch.setattr(archive_files, "sync", lambda path: (synced.append(path), real(path)))
    folder = tmp_path / "of" / "archives"
    before = os.umask(0)
    try:
        (one, *_) = archived(world, folder)
    finally:
        os.umask(before)
    assert synced[:2] == [tmp_path, tmp_path / "of"]
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (folder, folder.parent)}
    assert set(modes.values()) == {0o750}
    assert stat.S_IMODE((folder / one.events_file).stat().st_mode) == 0o640
    assert stat.S_IMODE((folder / one.baseline_file).stat().st_mode) == 0o640


def test_hidden_files_of_others_stay_in_the_folder(world: World, user: User, tmp_path: Path) -> None:
    story(user)
    (tmp_path / ".thesis.part").write_text("mine")
    (tmp_path / ".events-1-2.part").write_bytes(b"PAR1")
    assert archived(world, tmp_path)
    assert [path.name for path in tmp_path.glob(".*")] == [".thesis.part"]


def test_a_path_that_is_no_folder_is_refused(world: World, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(archive.Unavailable, match="cannot be used"):
        archived(world, tmp_path / "file")


def test_the_growth_of_the_log_begins_behind_the_archives(world: World, user: User, tmp_path: Path) -> None:
    story(user)
    horizon = archived(world, tmp_path)[-1].high

    async def storage() -> dict[str, Any]:
        async with world.db.worker() as conn:
            return await server.storage(conn)

    report = world.run(storage())
    assert sum(day["events"] for day in report["log_days"]) == report["last_position"] - horizon


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The events that were read of files of archives, as far as they reached a query."""
    real, positions = archive_files.rows, list[int]()

    def seen(path: Path, *args: Any) -> Any:
        for batch in real(path, *args):
            positions.extend(row["position"] for row in batch if "position" in row)
            yield batch

    monkeypatch.setattr(archive_files, "rows", seen)
    return positions


@pytest.fixture
def one_archive(world: World, user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The positions of a user's events in one file of many groups."""
    monkeypatch.setattr(archive, "EVENTS_PER_ARCHIVE", 10**6)
    monkeypatch.setattr(archive_files, "ROWS_OF_GROUP", GROUP)
    user.jobs(user.app(user.site()), 150)
    last = archived(world, tmp_path)[-1]
    return [row["position"] for row in user.events() if row["position"] <= last.high]


@pytest.mark.parametrize("ordering", ["position", "-position"])
def test_a_page_reads_the_groups_that_hold_its_events_and_not_the_archive(
    user: User, one_archive: list[int], read: list[int], ordering: str
) -> None:
    wanted = {"position__lte": one_archive[-1]}
    ask: dict[str, Any] = {"ordering": [ordering], "limit": 10, "filter": wanted, "fields": ["position"]}
    seen: list[int] = []
    while True:
        read.clear()
        page = user.post("/events/query", ask)
        seen += [row["position"] for row in page["results"]]
        assert len(read) <= 10 + 1 + 2 * GROUP
        if page["next"] is None:
            break
        ask["cursor"] = page["next"]
    assert seen == (one_archive if ordering == "position" else one_archive[::-1])


class Counted:
    """A group of a file that notes when its rows are decoded."""

    def __init__(self, group: Any, decoded: list[int]) -> None:
        self._group, self._decoded, self.count_rows = group, decoded, group.count_rows

    def to_batches(self, *args: Any, **kw: Any) -> Any:
        self._decoded.append(self._group.row_groups[0].id)
        return self._group.to_batches(*args, **kw)


def test_a_group_whose_bounds_do_not_say_that_it_has_no_event_of_a_query_is_decoded_only_if_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_files, "ROWS_OF_GROUP", GROUP)
    known: dict[str, Any] = dict.fromkeys(archive_files.EVENTS.names) | {"data": "{}"}
    writer = archive_files.Writer(tmp_path, "events", archive_files.EVENTS)
    writer.add({**known, "position": n, "entity_id": 5 if n == 30 else n % 2 * 9} for n in range(64))
    path = tmp_path / writer.finish().name
    decoded, real = list[int](), archive_files._fragments
    monkeypatch.setattr(archive_files, "_fragments", lambda *of: (Counted(group, decoded) for group in real(*of)))
    rows = [row["position"] for batch in archive_files.rows(path, [("entity_id", "in", [5])]) for row in batch]
    assert (rows, decoded) == ([30], [30 // GROUP])
    monkeypatch.setattr(archive_files, "_fragments", real)
    assert archive_files.groups(path, [("position", "<=", 20)]) == [(0, 7), (8, 15), (16, 23)]
