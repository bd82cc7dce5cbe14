"""Postgres has no room: refused calls say so, and so does readyz; leases wait, and with room again everything goes on."""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from fakes.disk import SmallDisk, small_disk
from storax_core.database.connections import is_disk_full
from waiting import eventually
from world import ANYBODY, User, World, in_database, problem

NAME = "storax_tiny"
TTL_SEC = 5


@pytest.fixture
def tiny(template: str, servers: object, redis_url: str) -> Iterator[tuple[World, SmallDisk]]:
    """A platform whose tables are on a disk of 64 MiB; the log of Postgres itself is elsewhere."""
    admin = servers.database_url  # type: ignore[attr-defined]
    folder = Path(tempfile.mkdtemp(prefix="storax-tiny-"))  # Postgres runs as a user who may pass through it
    folder.chmod(0o755)
    data = Path(_run(admin, "SHOW data_directory")[0][0])
    try:
        with small_disk(folder / "tables", mib=64, uid=data.stat().st_uid) as disk:
            _run(admin, f"CREATE TABLESPACE {NAME} LOCATION '{disk.path}'")
            _run(admin, f"CREATE DATABASE {NAME} TEMPLATE {template} TABLESPACE {NAME}")
            with World(in_database(admin, NAME), redis_url) as world:
                yield world, disk
                disk.empty()
            _run(admin, f"DROP DATABASE {NAME} WITH (FORCE)")
            _run(admin, f"DROP TABLESPACE {NAME}")
    finally:
        (folder / "tables").rmdir()
        folder.rmdir()


def _run(url: str, statement: str) -> list[asyncpg.Record]:
    import asyncio

    async def run() -> list[asyncpg.Record]:
        conn = await asyncpg.connect(url)
        try:
            return list(await conn.fetch(statement))
        finally:
            await conn.close()

    return asyncio.run(run())


def ready(world: World) -> tuple[int, str]:
    answer = ANYBODY.get(f"{world.url}/readyz")
    return answer.status_code, answer.json()["status"]


def create_until_refused(user: User, app: int) -> list[int]:
    """Create large jobs until one is refused, which must say why. Return those that were accepted."""
    created: list[int] = []
    for _ in range(500):
        row = {"app_id": app, "workdir": "w", "data": {"x": os.urandom(100_000).hex()}}
        answer = user.ask("POST", "/jobs/", row)
        if answer.status_code != 201:
            body = problem(answer, "unavailable")
            assert (answer.status_code, body["detail"]) == (503, "Postgres cannot write: its disk is full")
            assert int(answer.headers["retry-after"]) >= 1
            return created
        created.append(int(answer.json()["id"]))
    raise AssertionError("the disk never was full")


@pytest.mark.needs("root")
def test_while_postgres_is_full_readyz_says_so_and_afterwards_nothing_is_lost(
    tiny: tuple[World, SmallDisk], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, disk = tiny
    monkeypatch.setattr(world.settings, "metrics_token", "operators")
    user = world.user()
    site = user.site()
    app, session = user.app(site), user.session(site, ttl_sec=TTL_SEC)
    (job,) = user.jobs(app)
    (held,) = user.acquire(session)
    user.report(session, held, "RUNNING")
    assert ready(world) == (200, "ok")
    disk.fill()
    created = create_until_refused(user, app)
    end = time.monotonic() + TTL_SEC + 2
    while time.monotonic() < end:
        assert ready(world) == (503, "cannot write")
        time.sleep(0.2)
    assert "its disk is full" in ANYBODY.get(f"{world.url}/readyz").json()["detail"]
    metrics = ANYBODY.get(f"{world.url}/metrics", headers={"Authorization": "Bearer operators"}).text
    assert "storax_database_writable 0.0" in metrics
    assert ANYBODY.get(f"{world.url}/healthz").status_code == 200
    disk.empty()
    eventually(lambda: ready(world) == (200, "ok"))
    assert world.sweep() == 0, "no heartbeat could have been accepted"
    user.post(f"/sessions/{session}/heartbeat")
    assert user.report(session, held, "RUN_DONE")["accepted"] == [job]
    rows = user.post("/jobs/query", {"filter": {}, "fields": ["id"], "limit": 1000})["results"]
    assert {row["id"] for row in rows} == {job, *created}


def test_a_full_disk_is_known_by_its_code_and_a_quota_by_what_postgres_says_of_it() -> None:
    def error(code: str, text: str) -> asyncpg.PostgresError:
        return asyncpg.PostgresError.new({"C": code, "M": text})

    assert is_disk_full(error("53100", 'could not extend file "base/1/2": No space left on device'))
    assert is_disk_full(error("XX000", 'could not extend file "base/1/2": Disk quota exceeded'))
    assert not is_disk_full(error("XX000", "cache lookup failed"))
    assert not is_disk_full(error("53300", "too many connections"))
    assert not is_disk_full(OSError(28, "No space left on device"))
