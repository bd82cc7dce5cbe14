"""A real engine process and a real platform for all tests of the engine; a project of its own for each."""

import asyncio
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import asyncpg
import pytest

import storax
from fakes.site import RunningSite
from storax import Client
from storax._engine import process, session
from storax._engine.folder import EngineFolder
from storax._runtime.processes import wait_gone
from storax_core.admin.verify import verify
from world import User, World, in_database

_serial = count(1)


@pytest.fixture(scope="session")
def platform(servers, template) -> Iterator[World]:
    """One platform for all; at the end its log must tell the truth."""
    name = f"storax_engine_{os.getpid()}"

    def execute(sql: str) -> None:
        async def run() -> None:
            conn = await asyncpg.connect(servers.database_url)
            await conn.execute(sql)
            await conn.close()

        asyncio.run(run())

    execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    url = in_database(servers.database_url, name)
    with World(url, servers.redis_url) as running:
        yield running
    report = asyncio.run(verify(url))
    assert report["differences"] == 0, report
    execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def user(platform: World) -> User:
    """Who owns the projects."""
    return platform.user()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, user: User) -> Iterator[RunningSite]:
    """A site of the user's, named ``test``, with its agent."""
    # It lives as long as the tests of a worker, so it asks seldom: what it is told of wakes it.
    calm = {"heartbeat_sec": 5.0, "cancel_poll_sec": 0.5, "batch_poll_sec": 5.0, "transfer_poll_sec": 5.0}
    running = RunningSite(tmp_path_factory.mktemp("site"), user.world.url, token=user.token, **calm)
    yield running.start()
    running.close()


@dataclass
class Home:
    """A STORAX_HOME with its engine."""

    path: Path
    user: User

    @property
    def folder(self) -> EngineFolder:
        return EngineFolder(self.path / "engine")

    @property
    def pid(self) -> int:
        running = self.folder.read()
        assert running, "no engine runs"
        return running.process.pid

    def kill(self) -> None:
        """kill -9, and wait until it is dead."""
        running = self.folder.read()
        assert running
        os.kill(running.process.pid, signal.SIGKILL)
        wait_gone([running.process], timeout=60)

    @property
    def environment(self) -> dict[str, str]:
        """For another Python."""
        named = {"STORAX_URL": self.user.world.url, "STORAX_TOKEN": self.user.token, "STORAX_HOME": str(self.path)}
        return {**os.environ, **named}


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory, user: User) -> Iterator[Home]:
    """Where the engine that most tests share lives."""
    home = Home(tmp_path_factory.mktemp("home"), user)
    yield home
    process.stop(home.folder)


def _entered(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setenv("STORAX_HOME", str(home.path))
    session.leave()
    with Client(home.user.world.url, home.user.token):
        yield home
    session.leave()


@pytest.fixture
def home(shared_home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """The shared engine's; it is not to be stopped or killed."""
    yield from _entered(shared_home, monkeypatch)


@pytest.fixture
def own_home(tmp_path: Path, user: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home of the test's own, whose engine may be killed."""
    home = Home(tmp_path / "home", user)
    yield from _entered(home, monkeypatch)
    process.stop(home.folder)


@pytest.fixture
def project(home: Home) -> Iterator[str]:
    """A new project, set."""
    name = f"project{next(_serial)}"
    storax.engine.set_project(name)
    yield name
    storax.engine.delete_project(name)
