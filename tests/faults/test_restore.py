"""A server that was restored from a backup: what was handed out since never comes again, and everybody is told."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import backups
from archiving import PER_SEAL, archived, sealed
from storax.errors import Restored, from_answer
from storax.local import Servers
from storax_core.admin.migrate import migrate_now
from storax_core.admin.seal_command import mark_restored, seal
from storax_core.admin.users import bootstrap
from storax_core.admin.verify import verify
from storax_core.log.sealing import Sealing
from storax_core.log.watermark import FENCE_KEYS
from waiting import eventually
from world import User, World, report


@pytest.fixture
def user(world: World) -> User:
    return world.user()


class Past:
    """The state of a server at one moment, to which it can be restored."""

    def __init__(self, world: World, path: Path) -> None:
        self.world, self.path = world, backups.dump(world.database_url, path)
        self.position: int = world.value("SELECT max(position) FROM event_log")

    def restore(self) -> None:
        """Restore it under the running server, and wait until its API and feeder are back."""
        backups.restore(self.world.database_url, self.path)
        eventually(lambda: self.world.users[0].ask("GET", "/sites/").status_code == 200)


def past(world: World, tmp_path: Path) -> Past:
    return Past(world, tmp_path / "storax.dump")


def ids(user: User) -> set[tuple[str, int]]:
    """All ids of the user's sites, Apps, sessions and jobs."""
    return {(e["entity"], e["entity_id"]) for e in user.events()}


def positions(user: User) -> set[int]:
    return {e["position"] for e in user.events()}


def live(user: User) -> int:
    """A site, an App, a session and a job more; returns the job."""
    site = user.site()
    user.session(site)
    return user.jobs(user.app(site))[0]


def test_ids_and_positions_never_come_twice(world: World, user: User, tmp_path: Path) -> None:
    """Not after a restore, nor after another restore of the same dump."""
    live(user)
    before = past(world, tmp_path)
    kept_ids, kept = ids(user), positions(user)
    lost_ids: set[tuple[str, int]] = set()
    lost: set[int] = set()
    for _ in range(3):
        live(user)
        new_ids, new = ids(user) - kept_ids, positions(user) - kept
        assert not new_ids & lost_ids
        assert not new & lost
        assert len(new_ids) >= 4
        lost_ids, lost = lost_ids | new_ids, lost | new
        before.restore()
        assert (ids(user), positions(user)) == (kept_ids, kept)


def test_two_restores_within_a_second_begin_different_epochs(world: World, user: User) -> None:
    """An epoch that is rolled back leaves the database as a second restore of the same backup would."""
    live(user)

    async def raised() -> int:
        async with world.db.worker() as conn:
            transaction = conn.transaction()
            await transaction.start()
            number: int = await conn.fetchval("SELECT storax_raise_epoch('a restore', 0)")
            await transaction.rollback()
        return number

    assert world.run(raised()) < world.run(raised())


def test_an_epoch_that_two_processes_raise_at_once_is_raised_by_both_in_turn(world: World, user: User) -> None:
    live(user)

    async def one() -> int:
        async with world.db.worker() as conn:
            number: int = await conn.fetchval("SELECT storax_raise_epoch('a restore', 0)")
            return number

    async def raised() -> list[int]:
        async with world.db.session() as conn, conn.transaction():
            await conn.execute("SELECT pg_advisory_xact_lock_shared($1, $2)", *FENCE_KEYS)
            both = [asyncio.create_task(one()) for _ in range(2)]
            while await conn.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'") < 2:
                await asyncio.sleep(0.01)
        return await asyncio.gather(*both)

    assert len(set(world.run(raised()))) == 2


def test_a_late_report_does_not_end_another_run(world: World, user: User, tmp_path: Path) -> None:
    site = user.site()
    (job,) = user.jobs(user.app(site))
    before = past(world, tmp_path)
    old = user.session(site)
    (late,) = user.acquire(old)
    user.report(old, late, "RUNNING")
    before.restore()
    new = user.session(site)
    (running,) = user.acquire(new)
    user.report(new, running, "RUNNING")
    answer = user.ask("POST", f"/sessions/{old}/report", {"reports": [report(late, "RUN_DONE", return_code=7)]})
    assert answer.status_code == 404
    assert user.report(new, late, "RUN_DONE", return_code=7)["refused"][0]["code"] == "stale_epoch"
    assert user.get(f"/jobs/{job}")["state"] == "RUNNING"
    user.report(new, running, "RUN_DONE", return_code=0)
    assert user.get(f"/jobs/{job}")["return_code"] == 0


def test_a_lease_that_ends_after_the_restore_refuses_those_that_it_lost(
    world: World, user: User, tmp_path: Path
) -> None:
    """The epoch that a lost lease leaves behind is above all that the lost time handed out."""
    site = user.site()
    user.jobs(user.app(site))
    holder = user.session(site)
    assert user.acquire(holder)
    before = past(world, tmp_path)
    user.delete(f"/sessions/{holder}")  # a loss: epoch 2
    (late,) = user.acquire(user.session(site))  # epoch 3
    before.restore()
    user.delete(f"/sessions/{holder}")
    (again,) = user.acquire(user.session(site))
    assert again["lease_epoch"] > late["lease_epoch"]
    refused = user.report(user.session(site), late, "RUNNING", "RUN_DONE")["refused"]
    assert [row["code"] for row in refused] == ["stale_epoch"]


def test_a_report_of_a_lost_lease_finds_no_epoch_of_its_own(world: World, user: User, tmp_path: Path) -> None:
    """The restored log and the lost time each went on from epoch n: the one by a loss, the other by a loss and a lease."""
    site = user.site()
    user.jobs(user.app(site))
    holder = user.session(site)
    (held,) = user.acquire(holder)
    before = past(world, tmp_path)
    before.restore()
    user.delete(f"/sessions/{holder}")
    job = user.get(f"/jobs/{held['id']}")
    assert job["lease_epoch"] > held["lease_epoch"] + 1, "the lost time may have handed out the next one"
    late = {**held, "lease_epoch": held["lease_epoch"] + 1}
    assert user.report(user.session(site), late, "RUNNING")["refused"][0]["code"] == "stale_epoch"


def test_a_session_that_was_lost_is_told_so(world: World, user: User, tmp_path: Path) -> None:
    site = user.site()
    before = past(world, tmp_path)
    session = user.session(site)
    before.restore()
    for call in ("heartbeat", "acquire", "report"):
        answer = user.refused(
            "POST",
            f"/sessions/{session}/{call}",
            {"reports": []} if call == "report" else {},
            status=404,
            code="restored",
        )
        assert answer["restored_to"] == before.position
        assert answer["epoch"] > 0
        assert "was restored on" in answer["detail"]
    error = from_answer(404, answer)
    assert isinstance(error, Restored)
    assert error.restored_to == before.position


def test_a_run_that_the_backup_knows_goes_on_and_reports_again_what_was_lost(
    world: World, user: User, tmp_path: Path
) -> None:
    """Its session has expired by far when the backup is old; it is given the time to be heard."""
    site = user.site()
    (job,) = user.jobs(user.app(site))
    session = user.session(site, ttl_sec=20)
    (held,) = user.acquire(session)
    world.sql("UPDATE session SET expires_at = now() - interval '1 day' WHERE id = $1", session)
    before = past(world, tmp_path)
    first = user.post(f"/sessions/{session}/heartbeat")
    user.finish(session, held)
    before.restore()
    assert world.sweep() == 0
    beat = user.post(f"/sessions/{session}/heartbeat")
    assert beat["epoch"] > first["epoch"]
    assert beat["restored_to"] == before.position
    assert beat["lease_floor"] > held["lease_epoch"]
    user.finish(session, held)
    assert user.states(job) == ["JOB_FINISHED"]


def test_a_follower_ahead_of_the_log_is_told_to_start_over_and_misses_nothing(
    world: World, user: User, tmp_path: Path
) -> None:
    user.site()
    before = past(world, tmp_path)
    user.site()
    with user.stream(after=0) as follower:
        eventually(lambda: follower.ids and follower.ids[-1] == max(positions(user)))
        lost = follower.ids[-1]
        before.restore()
        user.site()
        assert follower.ended.wait(60), "the open stream went on as if nothing had happened"
    assert [i for i in follower.ids if i > before.position] == [i for i in follower.ids if before.position < i <= lost]
    answer = user.refused("GET", "/events/stream", status=410, code="lost_position", params={"after": lost})
    assert answer["restored_to"] == before.position
    with user.stream(after=answer["restored_to"]) as again:
        user.site()
        expected = sorted(i for i in positions(user) if i > before.position)
        eventually(lambda: again.ids[-1:] == expected[-1:])
        assert again.ids == expected


def test_a_place_ahead_of_the_log_is_refused(user: User) -> None:
    answer = user.refused("GET", "/events/stream", status=410, code="lost_position", params={"after": 2**60})
    assert "is ahead of the log" in answer["detail"]


def test_a_repeated_call_has_one_effect_in_the_restored_log(world: World, user: User, tmp_path: Path) -> None:
    """A key that the backup has answers as before; the effect of one that it has not is lost, and comes once more."""
    kept_key, lost_key = user.key(), user.key()
    kept = user.post("/sites/", {"name": "kept"}, **kept_key)
    before = past(world, tmp_path)
    lost = user.post("/sites/", {"name": "lost"}, **lost_key)
    before.restore()
    assert user.post("/sites/", {"name": "kept"}, **kept_key) == kept
    anew = user.post("/sites/", {"name": "lost"}, **lost_key)
    assert anew["id"] != lost["id"]
    assert user.post("/sites/", {"name": "lost"}, **lost_key) == anew
    assert sorted(s["name"] for s in user.get("/sites/")["results"]) == ["kept", "lost"]


def test_hints_of_the_lost_time_lead_to_no_job(world: World, user: User, tmp_path: Path) -> None:
    site = user.site()
    before = past(world, tmp_path)
    user.jobs(user.app(site), 3)
    eventually(lambda: world.redis.zcard(f"ready:{site}") == 3)
    before.restore()
    (job,) = user.jobs(user.app(site))
    assert [j["id"] for j in user.acquire(user.session(site), 5, wait=5)] == [job]


# ---- exported seals ----------------------------------------------------------------------------------------------------


def checked(world: World, path: Path) -> dict[str, Any]:
    report_: dict[str, Any] = world.run(verify(world.database_url, Sealing(str(path)), only_seals=True))["seals"]
    return report_


@pytest.mark.slow("two restores of a dump")
def test_what_a_restore_lost_of_the_sealed_log_is_confirmed_by_an_operator(
    world: World, user: User, tmp_path: Path
) -> None:
    path = tmp_path / "seals.ndjson"
    url = world.database_url
    world.run(seal(url, str(path), ""))
    before = past(world, tmp_path)
    user.site()
    world.run(seal(url, str(path), ""))
    before.restore()
    user.site()
    world.run(seal(url, str(path), ""))
    unconfirmed = checked(world, path)
    assert unconfirmed["violations"] == 1
    assert "after a restore, confirm it with `storax admin mark-restored`" in unconfirmed["problems"][0]
    # A restore of now does not explain a loss behind what it kept: only one that kept no more than the backup does.
    before.restore()
    epoch = world.run(mark_restored(url, "the disk failed", str(path), ""))
    assert epoch.reason == "the disk failed"
    user.site()
    world.run(seal(url, str(path), ""))
    confirmed = checked(world, path)
    assert (confirmed["violations"], confirmed["lost"]) == (0, 2)


@pytest.mark.slow("a restore of a dump")
def test_an_archive_that_a_restore_lost_is_confirmed_by_an_operator_and_its_events_are_in_the_log(
    world: World, user: User, tmp_path: Path
) -> None:
    path, url = tmp_path / "seals.ndjson", world.database_url
    user.jobs(user.app(), 3 * PER_SEAL)
    sealed(world)
    world.run(seal(url, str(path), ""))
    positions = [row["position"] for row in user.events()]
    before = past(world, tmp_path)
    assert archived(world, tmp_path / "archives")
    world.run(seal(url, str(path), ""))
    assert checked(world, path)["violations"] == 0
    before.restore()
    unconfirmed = checked(world, path)
    assert unconfirmed["violations"] > 0, unconfirmed
    world.run(mark_restored(url, "the disk failed", str(path), ""))
    confirmed = checked(world, path)
    assert (confirmed["violations"], confirmed["archived"], confirmed["lost"] > 0) == (0, 0, True)
    assert set(positions) <= {row["position"] for row in user.events()}
    assert archived(world, tmp_path / "archives")  # again
    world.run(seal(url, str(path), ""))
    assert checked(world, path)["violations"] == 0


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Servers, Path]]:
    """Servers of its own, whose files are copied while they are stopped."""
    folder = tmp_path_factory.mktemp("copied")
    servers = Servers(folder / "data", fsync=False)
    yield servers, folder
    servers.stop()


@pytest.mark.slow("Postgres starts four times")
def test_a_copy_of_the_files_that_is_behind_its_seals_raises_the_epoch(
    copied: tuple[Servers, Path], tmp_path: Path
) -> None:
    servers, folder = copied
    path = str(tmp_path / "seals.ndjson")

    def round_(name: str) -> tuple[int, int]:
        servers.start()
        try:
            migrate_now(servers.database_url)
            asyncio.run(bootstrap(servers.database_url, name, None, 1))
            return asyncio.run(seal(servers.database_url, path, ""))
        finally:
            servers.stop()

    round_("one")
    shutil.copytree(folder / "data" / "pg", folder / "copy")
    round_("two")
    shutil.rmtree(folder / "data" / "pg")
    (folder / "copy").rename(folder / "data" / "pg")
    servers.start()
    asyncio.run(seal(servers.database_url, path, ""))
    report_ = asyncio.run(verify(servers.database_url, Sealing(path)))
    servers.stop()
    assert "is not in the database" in report_["seals"]["problems"][0]
    servers.start()
    token = asyncio.run(bootstrap(servers.database_url, "three", None, 1))
    servers.stop()
    assert token["user_id"] > 10**9
