"""Archives of the log: what was moved to files reads as it read before, and nothing is dropped that was not proved."""

import asyncio
import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import archiving
from archiving import PER_SEAL, archived, differing, end, pages, sealed, story
from storax_core.admin import archive
from storax_core.admin.rebuild import rebuild
from storax_core.admin.verify import verify
from storax_core.commands.locks import USER_FACTS
from storax_core.errors import Conflict, Invalid
from storax_core.queries.archive import archived as archived_reads
from storax_core.resources import JOBS
from waiting import HANG_SEC, eventually
from world import User, World, as_login

KILLED_RUN = """
import asyncio, os, signal, sys
from pathlib import Path
from storax_core.admin import archive
from storax_core.log.archive import archive_files, archives, baseline

url, folder, step = sys.argv[1:]
archive.EVENTS_PER_ARCHIVE, archive.LIVING = 1, "SELECT 0"
places = {
    "events": (archive_files.Writer, "finish"), "baseline": (baseline, "root"), "row": (archives, "add"),
    "dropped": (archive, "_drop"), "committed": (archive, "_archive"),
}
owner, name = places[step]
real = getattr(owner, name)

def die(*args, **options):
    os.kill(os.getpid(), signal.SIGKILL)

async def die_behind(*args, **options):
    await real(*args, **options)
    die()

setattr(owner, name, die_behind if step in ("dropped", "committed") else die)
asyncio.run(archive.run(url, 2**60, Path(folder), report=lambda *_: None))
"""


@pytest.fixture
def user(world: World) -> User:
    return world.user()


small = archiving.small_ranges  # in each test here


def answers(user: User, known: dict[str, Any], moments: list[Any]) -> dict[str, Any]:
    """What a reader may ask about the past, and the answers."""
    replies: dict[str, Any] = {}
    for moment in moments:
        for path in ("jobs", "apps", "batch-jobs", "sessions"):
            replies[f"{path} at {moment}"] = user.post(f"/{path}/query", {"as_of": moment, "limit": 100, "count": True})
        replies[f"tagged at {moment}"] = user.post("/jobs/query", {"as_of": moment, "filter": {"tags": {"run": "a"}}})
        replies[f"states at {moment}"] = user.post("/jobs/counts", {"as_of": moment, "by": "state"})
        replies[f"events at {moment}"] = pages(user, as_of=moment)
        job = user.ask("GET", f"/jobs/{known['failed']}", params={"as_of": moment})
        replies[f"one job at {moment}"] = job.json().get("state", job.status_code)
    filters: list[dict[str, Any]] = [
        {}, {"job_id": known["jobs"]}, {"job_id": known["failed"]}, {"type": "job.created"}, {"entity": "job"},
        {"tags": {"run": "a"}}, {"tags": {"run": "b"}}, {"batch_job_id": known["batch"]}, {"to_state": "CANCELLED"},
        {"batch_job_id": known["batch"], "job_id": known["failed"]}, {"data": {"priority": 7}}, {"scheduler_id": "none"},
    ]  # fmt: skip
    for wanted in filters:
        replies[f"{wanted} backwards"] = pages(user, filter=wanted)
        replies[f"number of {wanted}"] = user.post("/events/query", {"filter": wanted, "limit": 3, "count": True})
    replies["neither"] = pages(user, exclude=[{"tags": {"run": "b"}}, {"type": "job.created"}])
    for ordering in (["position"], ["timestamp"], ["-timestamp", "position"]):
        replies[f"all by {ordering}"] = pages(user, ordering=ordering)
        replies[f"of jobs by {ordering}"] = pages(user, filter={"entity": "job"}, ordering=ordering)
    replies["types"] = user.post("/events/counts", {"by": "type"})
    replies["behind an offset"] = user.post("/events/query", {"offset": 9, "limit": 9})
    positions = [row["position"] for row in user.events()]
    replies["between"] = pages(user, filter={"position__gt": positions[3], "position__lte": positions[-4]})
    replies["some"] = [user.get(f"/events/{position}") for position in positions[::9]]
    replies["since a time"] = pages(user, filter={"timestamp_after": user.get(f"/events/{positions[9]}")["timestamp"]})
    return replies


@pytest.mark.slow("asks for all that can be asked about the past, three times")
def test_every_read_is_as_it_was(world: World, user: User, tmp_path: Path) -> None:
    first = end(world)
    known = story(user)
    middle = end(world)
    user.patch(f"/jobs/{known['jobs'][4]}", {"priority": 9})
    user.jobs(known["app"], 2 * PER_SEAL)  # a whole seal of them, wherever the one before ends
    last = end(world)
    positions = [row["position"] for row in user.events()]
    times = [user.get(f"/events/{position}")["timestamp"] for position in (positions[4], positions[-2])]
    moments = [first, positions[9], middle, last, *times]
    before = answers(user, known, moments)
    done = archived(world, tmp_path, before=middle)
    assert len(done) > 2
    assert done[-1].high < middle
    assert differing(before, answers(user, known, moments)) == {}
    done = archived(world, tmp_path)
    assert world.value("SELECT min(position) FROM event_log") > done[-1].high
    assert differing(before, answers(user, known, moments)) == {}
    report = asyncio.run(verify(world.database_url))
    assert report["differences"] == 0, report
    with user.stream(after=0) as stream:
        eventually(lambda: stream.ids[-1:] == positions[-1:])
        assert stream.ids == positions


def test_tables_are_those_of_the_log_after_events_were_dropped(world: World, user: User, tmp_path: Path) -> None:
    known = story(user)
    archived(world, tmp_path)
    user.patch(f"/jobs/{known['jobs'][3]}", {"priority": 3})
    assert user.patch(f"/jobs/{known['child']}", {"workdir": "w/new"})["workdir"] == "w/new"
    world.sql("UPDATE job SET workdir = 'elsewhere' WHERE id = $1", known["child"])
    world.sql(
        "INSERT INTO job_parent SELECT $1, parent_ids[0]::bigint, owner_id FROM job WHERE id = $1", known["child"]
    )
    asyncio.run(rebuild(world.database_url))
    assert user.get(f"/jobs/{known['child']}")["workdir"] == "w/new"
    edges = world.value("SELECT count(*) FROM job_parent WHERE child_id = $1", known["child"])
    assert edges == 0  # of a parent that had finished before it was deleted, as an archived event says
    report = asyncio.run(verify(world.database_url))
    assert report["differences"] == 0, report


def test_a_job_is_retried_from_the_state_in_which_it_failed_before_the_horizon(
    world: World, user: User, tmp_path: Path
) -> None:
    app = user.app()
    (parent,) = user.jobs(app, 1)
    (child,) = user.jobs(app, 1, parent_ids=[parent])
    user.patch(f"/jobs/{parent}", {"state": "CANCELLED"})
    assert user.states(child) == ["CANCELLED"]
    user.jobs(app, 2 * PER_SEAL)  # the newest events stay
    facts = f"SELECT {USER_FACTS} FROM job_state WHERE id = $1"
    before = dict(world.sql(facts, parent)[0])
    archived(world, tmp_path)
    assert world.value("SELECT count(*) FROM event_log WHERE entity = 'job' AND entity_id = $1", parent) == 0
    assert {**world.sql(facts, parent)[0], "now": before["now"]} == before
    assert before["failed_from"] == "PREPROCESSED"
    user.post("/jobs/retry", {"filter": {"id": [parent]}})
    assert user.states(parent, child) == ["RESTART_READY", "AWAITING_PARENTS"]  # as the event of its end says why


def test_failures_are_grouped_by_lines_of_archived_events(world: World, user: User, tmp_path: Path) -> None:
    site = user.site()
    app, session, filler = user.app(site), user.session(site), user.app()
    user.jobs(app, 6, max_attempts=2, tags={"run": "f"})
    job, later, silent, plain, newer, empty = user.acquire(session, 6)
    user.report(session, job, "RUNNING", "RUN_ERROR", data={"stderr_tail": "one\ndisk 7 is full"}, return_code=1)
    user.report(session, later, "RUNNING", "RUN_ERROR", data={"traceback_tail": "KeyError: 'a'"}, return_code=1)
    user.report(session, silent, "RUNNING", "RUN_ERROR", data={"message": "first"}, return_code=1)
    user.report(session, plain, "RUNNING", "RUN_ERROR", data={"stderr_tail": "disk 8 is full"}, return_code=1)
    user.report(session, newer, "RUNNING", "RUN_ERROR", data={"stderr_tail": "disk 9 is full"}, return_code=1)
    user.report(session, empty, "RUNNING", "RUN_ERROR", return_code=1)
    user.jobs(filler, 2 * PER_SEAL)
    assert archived(world, tmp_path)
    again = {row["id"]: row for row in user.acquire(session, 6)}
    errors = (
        {"message": "second"},
        {"message": "second"},
        {"message": "second"},
        {"stderr_tail": ""},
        {"stderr_tail": "other"},
        {},
    )
    for row, data in zip((job, later, silent, plain, newer, empty), errors, strict=True):
        user.report(session, again[row["id"]], "RUNNING", "RUN_ERROR", data=data, return_code=1)
    wanted = {"disk # is full": 2, "KeyError: 'a'": 1, "second": 1, "other": 1, "(no message)": 1}
    assert failure_lines(user) == wanted
    ids = {line: failed_with(user, line) for line in wanted}
    for round_ in (1, 2):
        user.jobs(filler, 2 * PER_SEAL)
        assert archived(world, tmp_path)
        assert world.value("SELECT count(*) FROM event_log WHERE entity_id = $1 AND entity = 'job'", empty["id"]) == 0
        assert failure_lines(user) == wanted
        assert {line: failed_with(user, line) for line in wanted} == ids
        if round_ == 1:  # the second archive folds these jobs once more
            user.patch("/jobs/", {"filter": {"tags": {"run": "f"}}, "patch": {"priority": 1}})
    assert failure_lines(world.user()) == {}


def failure_lines(user: User) -> dict[str, int]:
    """How many jobs failed with each line."""
    return {group["failure_line"]: group["jobs"] for group in user.post("/jobs/failures", {})["groups"]}


def failed_with(user: User, line: str) -> list[int]:
    rows = user.post("/jobs/query", {"filter": {"failure_line": line}, "ordering": ["id"], "fields": ["id"]})
    return [row["id"] for row in rows["results"]]


def test_nobody_reads_what_was_archived_of_another(world: World, user: User, tmp_path: Path) -> None:
    known, position = story(user), end(world)
    archived(world, tmp_path)
    other = world.user()
    position -= 1
    assert other.post("/jobs/query", {"as_of": position})["results"] == []
    assert other.post("/jobs/counts", {"as_of": position, "by": "state"})["counts"] == {}
    assert other.events(job_id=known["jobs"]) == []
    assert other.events(tags={"run": "a"}) == []
    assert other.post("/events/query", {"limit": 0, "count": True})["count"] == len(other.events())
    first = user.events()[0]["position"]
    other.refused("GET", f"/events/{first}", status=404, code="not_found")
    other.refused("GET", f"/jobs/{known['failed']}?as_of={position}", status=404, code="not_found")
    assert user.get(f"/events/{first}")["position"] == first


def test_a_search_of_files_has_time_although_its_transaction_is_idle(world: World, user: User, tmp_path: Path) -> None:
    story(user)
    last = archived(world, tmp_path)[-1]
    limit = "SELECT setting::int FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout'"

    async def limits() -> tuple[int, int, int]:
        async with world.db.owner(user.id) as conn:
            outside = await conn.fetchval(limit)
            async with archived_reads.snapshot(conn):
                await archived_reads.stage_past(conn, JOBS, user.id, last.high - 1, [])
                inside = await conn.fetchval(limit)
            return outside, inside, await conn.fetchval(limit)

    outside, inside, behind = world.run(limits())
    assert (outside, inside, behind) == (10_000, 600_000, 10_000)


# ---- files --------------------------------------------------------------------------------------------------------


def test_a_file_that_is_gone_is_named_and_the_rest_is_read(world: World, user: User, tmp_path: Path) -> None:
    story(user)
    whole = [row["position"] for row in user.events()]
    first, *_, last = archived(world, tmp_path)
    path = Path(last.folder) / last.events_file
    path.rename(tmp_path / "elsewhere")
    refusals = [
        user.refused("GET", f"/jobs/1?as_of={last.high - 1}", status=409, code="conflict"),
        user.refused("POST", "/events/query", {"ordering": ["position"], "limit": 10_000}, status=409, code="conflict"),
        user.refused("GET", "/events/stream?after=0", status=409, code="conflict"),
    ]
    assert all(last.events_file in one["detail"] for one in refusals), refusals
    assert all("storax admin archives --check" in one["hint"] for one in refusals)
    assert user.post("/events/query", {"filter": {"position__gt": last.high}})["results"]
    assert user.post("/jobs/query", {"as_of": first.high - 1})["next"] is None  # of an archive whose files are there
    report = asyncio.run(verify(world.database_url))
    assert report["differences"] == 1
    assert last.events_file in report["archives"]["problems"][0]
    (tmp_path / "elsewhere").rename(path)
    assert [row["position"] for row in user.events()] == whole


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _forge(path: Path) -> None:
    """Replace an event of a file by another, and the file's digest in the database with it."""
    from storax_core.log.archive import archive_files

    rows = [row for batch in archive_files.rows(path) for row in batch]
    rows[0]["actor"] = "user:31337"
    writer = archive_files.Writer(path.parent, "forged", archive_files.EVENTS)
    writer.add(rows)
    (path.parent / writer.finish().name).replace(path)


TAMPERING: dict[str, Callable[[Path], None]] = {
    "a bit flipped": _flip,
    "an event forged": _forge,
    "cut": lambda p: os.truncate(p, 100),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_a_file_that_was_changed_is_found_and_not_read(world: World, user: User, tmp_path: Path, what: str) -> None:
    story(user)
    last = archived(world, tmp_path)[-1]
    path = Path(last.folder) / last.events_file
    kept = path.read_bytes()
    TAMPERING[what](path)
    refusal = user.refused("GET", f"/jobs/1?as_of={last.high - 1}", status=409, code="conflict")
    assert "is not the one that was archived" in refusal["detail"]
    problems = asyncio.run(verify(world.database_url))["archives"]["problems"]
    assert [last.events_file in sentence for sentence in problems] == [True]
    path.write_bytes(kept)
    assert asyncio.run(archive.listed(world.database_url, check=True))[1] == []


FORGED = {
    "the digest of a file": "UPDATE archive SET events_digest = $1 WHERE high = $2",
    "the number of events": "UPDATE archive SET events = length($1) WHERE high = $2",
    "an archive removed": "DELETE FROM archive WHERE high >= $2 AND $1::text <> ''",
    "the baseline": "UPDATE event_baseline SET owner_id = owner_id + 1 WHERE $1::text <> '' AND $2::bigint > 0",
    "an event put back": "INSERT INTO event_log (position, timestamp, owner_id, entity, entity_id, version, type, schema_version, actor, data)"
    " OVERRIDING SYSTEM VALUE SELECT $2::bigint, timestamp, owner_id, entity, entity_id, version + 1000, type, schema_version, $1, data FROM event_log LIMIT 1",
}  # fmt: skip


@pytest.mark.parametrize("what", FORGED)
def test_an_edit_of_what_stands_for_archives_is_found(world: World, user: User, tmp_path: Path, what: str) -> None:
    story(user)
    last = archived(world, tmp_path)[-1]

    async def run() -> list[str]:
        conn = await asyncpg.connect(world.database_url)
        change = conn.transaction()
        await change.start()
        try:
            await conn.execute("ALTER TABLE archive DISABLE TRIGGER USER")
            await conn.execute(FORGED[what], "f" * 64, last.high)
            return [*(await archive.archive_check.check(conn))[1], *(await archive_seals(conn))]
        finally:
            await change.rollback()
            await conn.close()

    assert world.run(run())
    assert asyncio.run(verify(world.database_url))["differences"] == 0


async def archive_seals(conn: Any) -> list[str]:
    from storax_core.admin.check_seals import check

    return (await check(conn)).problems


# ---- the run --------------------------------------------------------------------------------------------------------


@pytest.mark.slow("a process that is killed, and three checks of the whole log")
@pytest.mark.parametrize("step", ["events", "baseline", "row", "dropped", "committed"])
def test_a_run_that_is_killed_loses_nothing_and_can_be_repeated(
    world: World, user: User, tmp_path: Path, step: str
) -> None:
    story(user)
    sealed(world)
    whole = [row["position"] for row in user.events()]
    before = world.value("SELECT count(*) FROM event_log")
    argv = [sys.executable, "-c", KILLED_RUN, as_login(world.database_url, "storax_owner"), str(tmp_path), step]
    assert subprocess.run(argv, check=False, timeout=HANG_SEC).returncode == -signal.SIGKILL
    eventually(lambda: not world.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 8365"))
    left = world.value("SELECT count(*) FROM event_log")
    assert (left < before) == (step == "committed")
    assert [row["position"] for row in user.events()] == whole
    assert asyncio.run(verify(world.database_url))["differences"] == 0
    done = archived(world, tmp_path)
    assert done
    assert [row["position"] for row in user.events()] == whole
    assert asyncio.run(verify(world.database_url))["differences"] == 0
    assert not list(tmp_path.glob(".*.part"))


def test_what_killed_runs_left_is_removed_and_what_another_run_writes_stays(
    world: World, user: User, tmp_path: Path
) -> None:
    story(user)
    (tmp_path / ".events-1-2.part").write_bytes(b"PAR1")
    with (tmp_path / ".baseline-3.part").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert archived(world, tmp_path)
    assert [path.name for path in tmp_path.glob(".*.part")] == [".baseline-3.part"]


def test_a_reader_beside_the_run_gets_every_event_once(world: World, user: User, tmp_path: Path) -> None:
    known = story(user)
    whole = [row["position"] for row in user.events()]
    then = {"as_of": whole[-2], "filter": {"id": known["jobs"]}}
    rows = user.post("/jobs/query", then)["results"]
    sealed(world)
    ended, wrong, rounds = threading.Event(), list[Any](), list[int]()

    def read() -> None:
        while not ended.is_set():
            for ordering in (["position"], ["-position"]):
                got = sorted(p for page in pages(user, ordering=ordering, limit=9) for p in page)
                wrong.extend([got] if got != whole else [])
            now = user.post("/jobs/query", then)["results"]
            wrong.extend([now] if now != rows else [])
            rounds.append(len(wrong))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        eventually(lambda: rounds)
        done = archived(world, tmp_path)
        rounds.clear()
        eventually(lambda: rounds or not reader.is_alive())
    finally:
        ended.set()
        reader.join(HANG_SEC)
    assert len(done) > 2
    assert wrong == []


def test_only_what_is_sealed_published_and_old_enough_is_archived(world: World, user: User, tmp_path: Path) -> None:
    known = story(user)
    sealed(world)
    owner = as_login(world.database_url, "storax_owner")
    horizon = world.value("SELECT coalesce(max(high), 0) FROM archive")
    middle = user.events()[20]
    todo = asyncio.run(archive.plan(owner, middle["position"]))
    assert todo.ranges[-1].high < middle["position"]
    assert todo.events == world.value(
        "SELECT count(*) FROM event_log WHERE position > $1 AND position <= $2", horizon, todo.ranges[-1].high
    )
    assert todo.size > 100 * todo.events
    by_time = asyncio.run(archive.plan(owner, datetime.fromisoformat(middle["timestamp"])))
    assert by_time.ranges[-1].high < middle["position"]
    assert world.value("SELECT coalesce(max(high), 0) FROM archive") == horizon
    user.patch(f"/jobs/{known['child']}", {"priority": 1})
    last = world.value("SELECT max(high) FROM seal WHERE kind = 'events'")
    end(world)
    assert asyncio.run(archive.run(owner, 2**60, tmp_path, report=lambda *_: None))[-1].high <= last
    assert asyncio.run(archive.run(owner, 2**60, tmp_path, report=lambda *_: None)) == []
    archived(world, tmp_path)
    assert world.value("SELECT count(*) FROM event_log") > 0  # the newest stays: new positions go on from it


def test_a_range_that_is_not_what_was_sealed_is_not_dropped(world: World, user: User, tmp_path: Path) -> None:
    story(user)
    sealed(world)
    position = world.value("SELECT min(position) FROM event_log")
    forge = "UPDATE event_log SET actor = $1 WHERE position = $2"
    actor = world.value("SELECT actor FROM event_log WHERE position = $1", position)
    before = world.value("SELECT count(*) FROM event_log")
    world.sql("ALTER TABLE event_log DISABLE TRIGGER append_only")
    world.sql(forge, "user:31337", position)
    with pytest.raises(Conflict, match=r"are not archived: its events up to position .* are not those of seal"):
        archived(world, tmp_path)
    assert world.value("SELECT count(*) FROM event_log") == before
    world.sql(forge, actor, position)
    world.sql("ALTER TABLE event_log ENABLE ALWAYS TRIGGER append_only")
    assert archived(world, tmp_path)


@pytest.mark.parametrize("role", ["storax_app", "storax_worker", "storax_owner"])
def test_events_are_deleted_by_the_owner_alone_and_only_once_archived(
    world: World, user: User, tmp_path: Path, role: str
) -> None:
    story(user)
    last = archived(world, tmp_path)[-1]
    for statement in (
        "DELETE FROM event_log",
        "UPDATE archive SET high = high + 100",
        "DELETE FROM archive",
        "TRUNCATE archive",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            world.sql(statement, role=role)
    if role != "storax_owner":
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            world.sql(f"DELETE FROM event_log WHERE position <= {last.high}", role=role)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            world.sql("INSERT INTO archive SELECT high + 1000, high FROM archive", role=role)
        with pytest.raises(Invalid, match="may not archive"):
            asyncio.run(
                archive.run(as_login(world.database_url, "storax_api"), 2**60, tmp_path, report=lambda *_: None)
            )


def command(world: World, *argv: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "STORAX_DATABASE_URL": as_login(world.database_url, "storax_owner")}
    argv = (sys.executable, "-m", "storax_core.admin", *argv)
    return subprocess.run(argv, check=False, capture_output=True, text=True, env=env)


@pytest.mark.slow("five starts of the command")
def test_the_commands_say_what_they_will_do_did_and_found(world: World, user: User, tmp_path: Path) -> None:
    story(user)
    sealed(world)
    before = world.value("SELECT count(*) FROM event_log")
    dry = command(world, "archive", "--before", "2999-01-01T00:00:00Z", "--dry-run")
    assert re.fullmatch(r"\d+ events at positions \d+ to \d+, [\d.]+ MiB in the log, in 1 archives\n", dry.stdout), dry
    assert world.value("SELECT count(*) FROM event_log") == before
    done = command(world, "archive", "--before", "2999-01-01T00:00:00Z", "--folder", str(tmp_path))
    assert done.stdout.startswith(dry.stdout), done
    assert "\n1/1: archived positions " in done.stdout
    again = command(world, "archive", "--before", "2999-01-01T00:00:00Z", "--folder", str(tmp_path))
    assert again.stdout == "Nothing to archive: no sealed event is that old and not archived yet.\n"
    listed = command(world, "archives", "--check")
    assert (listed.returncode, listed.stdout.count(str(tmp_path))) == (0, 2), listed
    (kept,) = tmp_path.glob("events-*")
    kept.rename(tmp_path / "elsewhere")
    lost = command(world, "archives", "--check")
    assert (lost.returncode, f"{kept.name}, a file of archived events, cannot be read" in lost.stdout) == (6, True), (
        lost
    )
    (tmp_path / "elsewhere").rename(kept)


@pytest.mark.parametrize("before", ["soon", "2026-01-01", "2026-01-01T00:00:00", "1.5", ""])
def test_a_time_without_an_offset_is_refused(world: World, tmp_path: Path, before: str) -> None:
    refused = command(world, "archive", f"--before={before}", "--folder", str(tmp_path))
    assert refused.returncode == 2, refused
    assert refused.stderr.startswith(f"storax: --before {before} "), refused.stderr
