"""Real servers for every test: one Postgres and one Valkey for the whole run, a fresh database for each module."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
import redis

import fast
import needs
from fakes.mariadb import RealMariaDB
from fakes.slurm import RealSlurm
from storax.local.servers.valkey_access import RULES, rule
from storax_core.admin import roles
from storax_core.admin.migrate import migrate
from storax_core.admin.verify import verify
from storax_core.database.roles import NAMES, OWNER
from storax_core.log.event_types import EVENT_TYPES
from storax_core.resources import BY_ENTITY
from world import LOGIN_PASSWORD, World, as_login, execute, in_database

_serial = count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--with NEED``, by which make targets choose the tests of an optional server, and ``--fast``."""
    parser.addoption(
        "--with", action="append", default=[], dest="needs", choices=sorted(needs.TARGETS),
        help="run the tests that need this, and only these; see tests/needs.py",
    )  # fmt: skip
    parser.addoption("--fast", action="store_true", help="run the quick tests that start no server; see tests/fast.py")
    parser.addoption("--documents", default="", help="the folder of the reference documents that tests run")


def pytest_configure(config: pytest.Config) -> None:
    """Hold the fast part to starting no server, and give libraries that look at standard input one that is empty."""
    if sys.__stdin__ is None:  # the suite was started with descriptor 0 closed; IPython asks for its encoding
        sys.__stdin__ = Path(os.devnull).open()  # type: ignore[misc]  # noqa: SIM115 - open as long as the process
    if config.option.fast:
        fast.refuse_servers()


@pytest.hookimpl(trylast=True)  # after the plugin that shuffles
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave optional servers to their targets, and start files with slow tests first, so that none ends alone."""
    kept, dropped = needs.choose(items, set(config.option.needs), root=os.geteuid() == 0)
    if config.option.fast:
        kept, slow_or_server = fast.choose(kept)
        dropped += slow_or_server
    if dropped:
        config.hook.pytest_deselected(items=dropped)
    slow = {item.path for item in kept if item.get_closest_marker("slow")}
    items[:] = sorted(kept, key=lambda item: item.path not in slow)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """List the skipped tests by reason, and the seed of the order."""
    reasons = (report.longrepr[2].removeprefix("Skipped: ") for report in terminalreporter.stats.get("skipped", ()))
    for line in needs.summary(reasons):
        terminalreporter.write_line(line)
    for line in needs.unexplained(terminalreporter.stats.get("passed", ())):
        terminalreporter.write_line(line)
    seed = config.getoption("randomly_seed", None)
    terminalreporter.write_line(f"order: --randomly-seed={seed}")


@dataclass(frozen=True)
class Addresses:
    """Where the servers of this run answer."""

    database_url: str
    redis_url: str


@pytest.fixture(scope="session")
def servers() -> Iterator[Addresses]:
    """Postgres and Valkey from wheels, or those that STORAX_TEST_DATABASE_URL and STORAX_TEST_REDIS_URL name."""
    database_url, redis_url = os.environ.get("STORAX_TEST_DATABASE_URL"), os.environ.get("STORAX_TEST_REDIS_URL")
    if database_url and redis_url:
        yield _with_logins(Addresses(database_url, redis_url))
        return
    from storax.local import Servers

    with Servers(fsync=False) as own:
        yield _with_logins(Addresses(own.database_url, own.redis_url))


def _with_logins(servers: Addresses) -> Addresses:
    """Create the logins of each process, by which tests run the API and the workers."""
    asyncio.run(roles.create(servers.database_url, dict.fromkeys(NAMES, LOGIN_PASSWORD)))
    with redis.Redis.from_url(servers.redis_url) as client:
        for part in RULES:
            client.execute_command("ACL", "SETUSER", f"storax_{part}", *rule(part, LOGIN_PASSWORD).split())
    return servers


@pytest.fixture(scope="session")
def template(servers: Addresses) -> Iterator[str]:
    """The name of a migrated, empty database; cloning it takes a tenth of a second."""
    name = f"storax_template_{os.getpid()}"
    _administer(servers, f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
    url = in_database(servers.database_url, name)
    asyncio.run(roles.create(url, {}))
    asyncio.run(migrate(as_login(url, OWNER)))
    yield name
    _administer(servers, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def database_url(servers: Addresses, template: str) -> Iterator[str]:
    """A migrated database of this module's own."""
    name = f"storax_test_{os.getpid()}_{next(_serial)}"
    _administer(servers, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield in_database(servers.database_url, name)
    _administer(servers, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def empty_database_url(servers: Addresses) -> Iterator[str]:
    """A database without any table."""
    name = f"storax_empty_{os.getpid()}"
    _administer(servers, f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
    yield in_database(servers.database_url, name)
    _administer(servers, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def redis_url(servers: Addresses) -> str:
    """A Redis database, emptied for this module."""
    url = urlunsplit(urlsplit(servers.redis_url)._replace(path="/1"))
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


def undeclared_fields(world: World) -> set[tuple[str, str]]:
    """Type and field of events in the log that set a field which their type does not declare."""
    written = {(r[0], r[1]) for r in world.sql("SELECT DISTINCT type, jsonb_object_keys(data) FROM event_log")}
    columns = {name: BY_ENTITY[kind.entity].folded for name, kind in EVENT_TYPES.items()}
    return {(name, key) for name, key in written if key in columns[name] and key not in EVENT_TYPES[name].fields}


@pytest.fixture(scope="module")
def world(database_url: str, redis_url: str) -> Iterator[World]:
    """The platform's server side, running. After the module's last test its log must tell the truth."""
    with World(database_url, redis_url) as running:
        yield running
        assert undeclared_fields(running) == set()
    report = asyncio.run(verify(database_url))
    assert report["differences"] == 0, report


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C is heard, here and by processes started in the test: a shell's background jobs are started deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def real_slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealSlurm]:
    """Two nodes of a real Slurm."""
    slurm = RealSlurm(tmp_path_factory.mktemp("slurm"))
    try:
        yield slurm.start()
    finally:
        slurm.stop()


@pytest.fixture(scope="session")
def documents(request: pytest.FixtureRequest) -> Path:
    """The folder of the reference documents whose Python blocks run as they stand."""
    if not request.config.option.documents:
        pytest.fail("name the folder: make test-documents DOCUMENTS=folder")
    return Path(request.config.option.documents).resolve()


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealMariaDB]:
    """A real MariaDB."""
    server = RealMariaDB(tmp_path_factory.mktemp("m"))
    try:
        yield server.start()
    finally:
        server.stop()


def _administer(servers: Addresses, *statements: str) -> None:
    asyncio.run(execute(servers.database_url, *statements))
