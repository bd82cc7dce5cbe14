"""Seals show every edit of the log by who may do anything in the database."""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from fakes.s3 import BUCKET, S3Server
from storax_core.admin import check_seals as checking
from storax_core.admin.seal_command import seal
from storax_core.admin.verify import verify
from storax_core.errors import Conflict, Invalid, Unavailable
from storax_core.log import seals
from storax_core.log.seal_store import open_store
from storax_core.log.sealing import Sealing
from storax_core.resources import EVENTS
from waiting import HANG_SEC
from world import User, World

EDITS = 1000
SEED = 20
PER_SEAL = 10
KEY = b"a key that only the workers have"
OTHERS = "tx, timestamp, owner_id, site_id, entity, entity_id, version, type, schema_version, actor, command_id, from_state, to_state, data"


@pytest.fixture
def user(world: World) -> User:
    """With jobs that ran, were cancelled and were deleted."""
    user = world.user()
    site = user.site()
    app, session = user.app(site), user.session(site)
    user.jobs(app, 8, tags={"k": "v"}, parameters={})
    leased = user.acquire(session, 4)
    user.finish(session, *leased)
    world.sql("SELECT nextval('event_log_position_seq') FROM generate_series(1, 5)")  # as aborted appends leave them
    gone, cancelled = user.jobs(app, 2)
    user.patch(f"/jobs/{cancelled}", {"state": "CANCELLED"})
    user.delete(f"/jobs/{gone}")
    return user


async def _sealed(conn: Any, path: Path, *, key: bytes = b"") -> None:
    """Seal the whole log in small ranges, and export the seals."""
    upto = await conn.fetchval("SELECT max(position) FROM event_log")
    while await seals.add(conn, upto, key=key, per=PER_SEAL):
        pass
    open_store(str(path)).add(await seals.after(conn, 0, 10_000))


@asynccontextmanager
async def superuser(world: World) -> AsyncIterator[Any]:
    """A connection that may do anything, in a transaction that ends without a trace."""
    conn = await asyncpg.connect(world.database_url, server_settings={"timezone": "Asia/Tokyo"})
    try:
        outer = conn.transaction()
        await outer.start()
        for table in ("event_log", "seal"):
            await conn.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        try:
            yield conn
        finally:
            await outer.rollback()
    finally:
        await conn.close()


# ---- edits: each takes a connection and a source of chance, and leaves the log other than it was -----------------


async def _any_event(conn: Any, chance: random.Random) -> Any:
    rows = await conn.fetch("SELECT * FROM event_log ORDER BY position")
    return chance.choice(rows)


def _set(column: str, value: str) -> Callable[[Any, random.Random], Any]:
    async def edit(conn: Any, chance: random.Random) -> None:
        event = await _any_event(conn, chance)
        await conn.execute(f"UPDATE event_log SET {column} = {value} WHERE position = $1", event["position"])

    return edit


async def _remove_event(conn: Any, chance: random.Random) -> None:
    event = await _any_event(conn, chance)
    await conn.execute("DELETE FROM event_log WHERE position = $1", event["position"])


async def _remove_history(conn: Any, event: Any) -> None:
    await conn.execute(
        "DELETE FROM event_log WHERE entity = $1 AND entity_id = $2", event["entity"], event["entity_id"]
    )


async def _remove_deleted_job(conn: Any, chance: random.Random) -> None:
    rows = await conn.fetch("SELECT entity, entity_id FROM event_log WHERE type = 'job.deleted'")
    await _remove_history(conn, chance.choice(rows))


async def _remove_living_job(conn: Any, chance: random.Random) -> None:
    job = chance.choice(await conn.fetch("SELECT id, site_id, owner_id, state FROM job_state"))
    await _remove_history(conn, {"entity": "job", "entity_id": job["id"]})
    await conn.execute("DELETE FROM job_state WHERE id = $1", job["id"])
    await conn.execute("DELETE FROM job WHERE id = $1", job["id"])
    await conn.execute("INSERT INTO job_tally VALUES ($1, $2, $3, -1)", job["owner_id"], job["site_id"], job["state"])


async def _insert(conn: Any, position: int, like: Any) -> None:
    columns = OTHERS.replace("entity_id", "entity_id + 900000")
    await conn.execute(
        f"INSERT INTO event_log (position, {OTHERS}) OVERRIDING SYSTEM VALUE"
        f" SELECT $1::bigint, {columns} FROM event_log WHERE position = $2",
        position,
        like["position"],
    )


async def _insert_event(conn: Any, chance: random.Random) -> None:
    """At a position that was left free."""
    free = await conn.fetch(
        "SELECT g FROM generate_series(-3, (SELECT max(high) FROM seal)) g WHERE g NOT IN (SELECT position FROM event_log)"
    )
    await _insert(conn, chance.choice(free)[0], await _any_event(conn, chance))


async def _swap_events(conn: Any, chance: random.Random) -> None:
    rows = await conn.fetch("SELECT position FROM event_log ORDER BY position")
    one, two = (row[0] for row in chance.sample(rows, 2))
    await conn.execute(
        "CREATE TEMP TABLE pair ON COMMIT DROP AS SELECT * FROM event_log WHERE position IN ($1, $2)".replace(
            "$1", str(one)
        ).replace("$2", str(two))
    )
    await conn.execute("DELETE FROM event_log WHERE position IN ($1, $2)", one, two)
    await conn.execute(
        f"INSERT INTO event_log (position, {OTHERS}) OVERRIDING SYSTEM VALUE"
        f" SELECT $1::bigint + $2::bigint - position, {OTHERS} FROM pair",
        one,
        two,
    )


async def _cut_tail(conn: Any, chance: random.Random) -> None:
    event = await _any_event(conn, chance)
    await conn.execute("DELETE FROM event_log WHERE position >= $1", event["position"])
    await conn.execute("DELETE FROM seal WHERE high >= $1", event["position"])


async def _remove_seals(conn: Any, chance: random.Random) -> None:
    number = chance.randint(1, await conn.fetchval("SELECT max(number) FROM seal"))
    await conn.execute(f"DELETE FROM seal WHERE number {chance.choice(('=', '>=', '<='))} $1", number)


async def _forge_and_seal_again(conn: Any, chance: random.Random) -> None:
    """The whole chain is made anew over a forged event: only its copy outside tells."""
    await _set("actor", "'user:1'")(conn, chance)
    await conn.execute(
        "UPDATE event_log SET actor = 'user:31337' WHERE position = (SELECT max(position) FROM event_log)"
    )
    await conn.execute("DELETE FROM seal")
    upto = await conn.fetchval("SELECT max(position) FROM event_log")
    while await seals.add(conn, upto, per=PER_SEAL):
        pass


async def _move_bound(conn: Any, chance: random.Random) -> None:
    number = chance.randint(1, await conn.fetchval("SELECT max(number) FROM seal"))
    await conn.execute("UPDATE seal SET high = high + 1 WHERE number = $1", number)


async def _call_archived(conn: Any, chance: random.Random) -> None:
    """A range is removed, and a forged seal says that it was archived."""
    rows = await conn.fetch("SELECT low, high FROM seal")
    row = chance.choice(rows)
    await conn.execute("DELETE FROM event_log WHERE position > $1 AND position <= $2", row["low"], row["high"])
    await conn.execute(
        "UPDATE seal SET kind = 'archive', root = '', events = 0 WHERE low = $1 AND high = $2", row["low"], row["high"]
    )


EDIT: dict[str, Callable[[Any, random.Random], Any]] = {
    "actor": _set("actor", "actor || '0'"),
    "command": _set("command_id", "gen_random_uuid()"),
    "no command": _set("command_id", "CASE WHEN command_id IS NULL THEN gen_random_uuid() END"),
    "time": _set("timestamp", "timestamp + interval '1 microsecond'"),
    "endless time": _set("timestamp", "'infinity'"),
    "owner": _set("owner_id", "owner_id + 1"),
    "site": _set("site_id", "coalesce(site_id, 0) + 1"),
    "entity": _set("entity", "entity || '_'"),
    "entity id": _set("entity_id", "entity_id + 900000"),
    "version": _set("version", "version + 1000"),
    "type": _set("type", "type || 's'"),
    "schema version": _set("schema_version", "schema_version + 1"),
    "from state": _set("from_state", "coalesce(from_state, '') || 'X'"),
    "to state": _set("to_state", "CASE WHEN to_state IS NULL THEN '' END"),
    "data": _set("data", """data || '{"message": "all was well"}'"""),
    "transaction": _set("tx", "(tx::text::bigint + 1)::text::xid8"),
    "an event removed": _remove_event,
    "a deleted job removed": _remove_deleted_job,
    "a living job removed": _remove_living_job,
    "an event inserted": _insert_event,
    "two swapped": _swap_events,
    "the tail cut": _cut_tail,
    "seals removed": _remove_seals,
    "a bound moved": _move_bound,
    "sealed again": _forge_and_seal_again,
    "called archived": _call_archived,
}  # fmt: skip


@pytest.mark.slow("a thousand edits, each with a check of the whole log")
def test_a_thousand_random_edits_by_a_superuser_are_found(world: World, user: User, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    path = tmp_path / "seals.ndjson"

    async def run() -> list[str]:
        missed = []
        async with superuser(world) as conn:
            await _sealed(conn, path)
            assert (await _check(conn, path)).violations == 0
            for number in range(EDITS):
                name = [*EDIT][number % len(EDIT)]
                change = conn.transaction()
                await change.start()
                await EDIT[name](conn, chance)
                if not (await _check(conn, path)).violations:
                    missed.append(f"{number}: {name}")
                await change.rollback()
            assert (await _check(conn, path)).violations == 0
        return missed

    assert world.run(run(), seconds=HANG_SEC) == []


async def _check(conn: Any, path: Path | None, *, key: bytes = b"", **options: Any) -> checking.SealReport:
    exported = checking.read_export(open_store(str(path)) if path else None, key)
    return await checking.check(conn, exported=exported, key=key, **options)


def problems_after(world: World, path: Path, edit: Callable[[Any, random.Random], Any], **options: Any) -> list[str]:
    """The sentences of a check after one edit of a sealed log."""

    async def run() -> list[str]:
        async with superuser(world) as conn:
            await _sealed(conn, path, key=options.get("key", b""))
            await edit(conn, random.Random(SEED))
            return (await _check(conn, options.pop("seen", path), **options)).problems

    return world.run(run())


def test_the_range_is_named_and_what_is_wrong_with_it(world: World, user: User, tmp_path: Path) -> None:
    changed = problems_after(world, tmp_path / "a", _set("actor", "'user:31337'"))
    removed = problems_after(world, tmp_path / "b", _remove_event)
    cut = problems_after(world, tmp_path / "c", _cut_tail)
    assert len(changed) == 1
    assert changed[0].startswith("seal ")
    assert re.search(r"an event was changed, replaced or moved: the \d+ there were not sealed so", changed[0])
    counts = re.search(r"events were removed: (\d+) were sealed, (\d+) are there", removed[0])
    assert counts, removed
    assert int(counts[2]) == int(counts[1]) - 1  # the last range is shorter, and chance may choose it
    assert all("was exported and is not in the database" in sentence for sentence in cut)


def test_a_chain_that_was_made_anew_is_found_by_its_copy_or_by_its_key(
    world: World, user: User, tmp_path: Path
) -> None:
    assert problems_after(world, tmp_path / "a", _forge_and_seal_again, seen=None) == []
    assert problems_after(world, tmp_path / "b", _forge_and_seal_again)
    signed = problems_after(world, tmp_path / "c", _forge_and_seal_again, seen=None, key=KEY)
    assert "is not signed with this key" in signed[0]


def test_events_before_the_named_seal_are_not_read(world: World, user: User, tmp_path: Path) -> None:
    async def forge_first(conn: Any, _: random.Random) -> None:
        await conn.execute("UPDATE event_log SET actor = 'x' WHERE position = (SELECT min(position) FROM event_log)")

    assert problems_after(world, tmp_path / "a", forge_first, first=2) == []
    assert problems_after(world, tmp_path / "b", forge_first, first=1)


def test_an_archived_range_is_not_looked_for(world: World, user: User, tmp_path: Path) -> None:
    async def archive(conn: Any, _: random.Random) -> None:
        low, high = await conn.fetchrow("SELECT low, high FROM seal WHERE number = 1")
        await conn.execute("DELETE FROM event_log WHERE position <= $1", high)
        archived = await seals.add_archive(conn, low, high, "/archive", events=10, root="f" * 64)
        open_store(str(tmp_path / "a")).add([archived])

    assert problems_after(world, tmp_path / "a", archive) == []


def test_every_column_of_an_event_is_hashed() -> None:
    hashed = set(re.findall(r"[a-z_]+", seals.TEXT_OF_EVENT)) - {"jsonb_build_array", "text", "timezone"}
    assert hashed == set(EVENTS.model.model_fields)


@pytest.mark.parametrize("statement", ["UPDATE seal SET root = ''", "DELETE FROM seal", "TRUNCATE seal"])
def test_not_even_the_owner_changes_a_seal(world: World, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        world.sql(statement)


# ---- the round of sealing -------------------------------------------------------------------------------------------


@pytest.fixture
def export(tmp_path: Path, world: World) -> Iterator[Path]:
    """A file of seals; the database's own are removed afterwards."""
    yield tmp_path / "seals" / "seals.ndjson"
    _forget_seals(world)


def _forget_seals(world: World) -> None:
    async def run() -> None:
        async with superuser_for_good(world) as conn:
            await conn.execute("DELETE FROM seal")

    world.run(run())


@asynccontextmanager
async def superuser_for_good(world: World) -> AsyncIterator[Any]:
    conn = await asyncpg.connect(world.database_url)
    try:
        async with conn.transaction():
            await conn.execute("ALTER TABLE seal DISABLE TRIGGER append_only")
            yield conn
            await conn.execute("ALTER TABLE seal ENABLE ALWAYS TRIGGER append_only")
    finally:
        await conn.close()


def seal_now(world: World, path: Path, key_file: str = "") -> tuple[int, int]:
    return world.run(seal(world.database_url, str(path), key_file))


def verified(world: World, path: Path | str, key: bytes = b"") -> dict[str, Any]:
    return world.run(verify(world.database_url, Sealing(str(path), key), only_seals=True))


def test_a_round_seals_all_that_is_final_and_copies_it_once(world: World, user: User, export: Path) -> None:
    new, exported = seal_now(world, export)
    assert new == exported >= 1
    assert seal_now(world, export) == (0, 0)
    user.site()
    assert seal_now(world, export) == (1, 1)
    report = verified(world, export)
    assert report["differences"] == 0
    assert report["seals"]["seals"] == report["seals"]["exported"] == new + 1
    assert report["seals"]["unsealed"] == 0


def test_an_append_under_way_is_not_sealed_past(world: World, user: User, export: Path) -> None:
    """Its position is drawn, its event comes later: the range ends before it."""

    async def run() -> None:
        conn = await asyncpg.connect(world.database_url)
        try:
            late = conn.transaction()
            await late.start()
            await conn.execute("SELECT pg_advisory_xact_lock_shared(8360, 1)")
            position = await conn.fetchval("SELECT nextval('event_log_position_seq')")
            await asyncio.to_thread(user.site)
            sealing = asyncio.create_task(seal(world.database_url, str(export), ""))
            await asyncio.sleep(0.3)
            await _insert(conn, position, {"position": await conn.fetchval("SELECT min(position) FROM event_log")})
            await late.commit()
            await sealing
            async with conn.transaction():
                report = await _check(conn, export)
            assert report.problems == []
            await conn.execute("ALTER TABLE event_log DISABLE TRIGGER USER")
            await conn.execute("DELETE FROM event_log WHERE position = $1", position)
            for trigger in ("append_only", "archived_alone"):
                await conn.execute(f"ALTER TABLE event_log ENABLE ALWAYS TRIGGER {trigger}")
        finally:
            await conn.close()

    world.run(run())


def test_seals_that_are_exported_during_a_check_are_not_taken_for_removed_ones(
    world: World, user: User, export: Path
) -> None:
    seal_now(world, export)

    async def run() -> Any:
        exported = checking.read_export(open_store(str(export)), b"")
        conn = await asyncpg.connect(world.database_url)
        try:
            async with conn.transaction(isolation="repeatable_read"):
                known = await conn.fetchval("SELECT count(*) FROM seal")
                await asyncio.to_thread(user.site)
                assert await seal(world.database_url, str(export), "") == (1, 1)
                report = await checking.check(conn, exported=exported)
        finally:
            await conn.close()
        return known, report

    known, report = world.run(run())
    assert report.problems == []
    assert report.seals == report.exported == known


def test_a_copy_that_was_cut_off_is_completed(world: World, user: User, export: Path) -> None:
    seal_now(world, export)
    user.site()
    seal_now(world, export)
    whole = export.read_bytes()
    export.write_bytes(whole[:-20])
    assert seal_now(world, export) == (0, 1)
    assert export.read_bytes() == whole


def test_removed_seals_are_not_made_again_in_silence(world: World, user: User, export: Path) -> None:
    seal_now(world, export)
    user.site()
    seal_now(world, export)
    _forget_seals(world)
    with pytest.raises(Conflict, match="is not in the database"):
        seal_now(world, export)
    assert verified(world, export)["differences"] > 0


def test_a_line_that_is_no_seal_is_named(world: World, user: User, export: Path) -> None:
    seal_now(world, export)
    export.write_bytes(b'{"number": 1}\n')
    with pytest.raises(Invalid, match=f"line 1 of {export} is no seal"):
        verified(world, export)


def test_a_missing_key_is_named(world: World, export: Path) -> None:
    with pytest.raises(Invalid, match="the sealing key /none cannot be read"):
        seal_now(world, export, "/none")


def test_seals_are_signed_with_the_key_of_a_file(world: World, user: User, export: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(KEY + b"\n")
    seal_now(world, export, str(tmp_path / "key"))
    assert verified(world, export, KEY)["differences"] == 0
    assert verified(world, export, b"another")["differences"] > 0


def test_seals_are_kept_in_a_bucket(
    world: World, user: User, export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with S3Server(tmp_path) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        place = f"s3://{BUCKET}/audit"
        for number in range(1, 4):
            user.site()
            assert world.run(seal(world.database_url, place, ""))[1] >= 1
            assert len(list(open_store(place).read())) >= number
        report = verified(world, place)
        assert (report["differences"], report["seals"]["exported"]) == (0, report["seals"]["seals"])
        with pytest.raises(Unavailable, match="s3://no-such/audit cannot be used"):
            world.run(seal(world.database_url, "s3://no-such/audit", ""))
        _forget_seals(world)
        assert verified(world, place)["differences"] == report["seals"]["seals"]


def test_a_place_of_another_kind_is_refused() -> None:
    with pytest.raises(Invalid, match="cannot be exported to 'ftp://host/seals'"):
        open_store("ftp://host/seals")
