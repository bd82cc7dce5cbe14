"""Code and schema are compatible one step apart: the previous release goes on working while the database is migrated."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from chaos.kit.database import read
from chaos.previous_release import Load, Release, unpack
from house.repository import ROOT
from needs import needs
from ports import free_port
from storax_core.admin import roles
from storax_core.admin.migrate import head, migrate
from storax_core.admin.verify import verify
from storax_core.database.roles import OWNER
from storax_core.errors import Unavailable
from waiting import eventually
from world import as_login, execute

LOAD_SEC = 8.0  # before and after each step
TRIES = 30


@pytest.fixture
def database(empty_database_url: str) -> Iterator[str]:
    yield empty_database_url
    asyncio.run(execute(empty_database_url, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public"))


def _version(url: str) -> str:
    return str(read(url, "SELECT version_num FROM alembic_version")[0][0])


def _serve(stack: ExitStack, release: Release, log: Path) -> str:
    """Start API, feeder and tasks of a release, and return the address of the API."""
    port = str(free_port())
    for part in ("feeder", "tasks"):
        stack.enter_context(release.serving(log, "storax_workers", part))
    stack.enter_context(release.serving(log, "storax_api", STORAX_PORT=port))
    url = f"http://127.0.0.1:{port}"
    eventually(lambda: _is_healthy(url), seconds=120)
    return url


def _is_healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=5).is_success
    except httpx.TransportError:
        return False


def _upgrade(database: str) -> list[float]:
    """Take the steps of the manual: the roles, as administrator, then the schema, as its owner; return their seconds."""
    return [_repeated(lambda: roles.create(database, {})), _repeated(lambda: migrate(as_login(database, OWNER)))]


def _repeated(step: Callable[[], Coroutine[Any, Any, None]]) -> float:
    """Repeat a step as its error advises, and return the seconds that the last try took."""
    for _ in range(TRIES):
        began = time.monotonic()
        try:
            asyncio.run(step())
        except Unavailable:  # nothing was changed
            time.sleep(0.2)
        else:
            return time.monotonic() - began
    raise AssertionError(f"{TRIES} tries under load failed")


@needs("upgrade")
@pytest.mark.slow("two releases serve a load, before, during and after a migration")
def test_the_previous_release_works_while_its_database_is_migrated_and_this_release_joins_it(
    database: str, redis_url: str, tmp_path: Path
) -> None:
    urls = {"STORAX_DATABASE_URL": database, "STORAX_REDIS_URL": redis_url}
    old, new = Release(unpack(tmp_path), urls), Release(ROOT, urls)
    old.run("storax_core.admin", "migrate")
    token = json.loads(old.run("storax_core.admin", "bootstrap", "--user", "alice"))["token"]
    before = _version(database)
    with ExitStack() as stack:
        loads = [stack.enter_context(Load(_serve(stack, old, tmp_path / "old.log"), token, "old"))]
        time.sleep(LOAD_SEC)
        sys.stdout.write(f"roles and schema: {_upgrade(database)} s\n")
        assert before != _version(database) == head()
        time.sleep(LOAD_SEC)
        loads.append(stack.enter_context(Load(_serve(stack, new, tmp_path / "new.log"), token, "new")))
        time.sleep(LOAD_SEC)
        for load in loads:
            load.stop()
        for load in loads:
            assert load.errors == []
            states = load.finish(3)
            assert states == {"JOB_FINISHED": len(load.created)}
            sys.stdout.write(f"{len(load.created)} jobs, {load.calls.total()} calls, {load.repeats} repeated\n")
    report = asyncio.run(verify(database))
    assert report["differences"] == 0, report
