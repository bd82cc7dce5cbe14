"""The real servers and the real platform on this machine: they come up, survive kill -9, and leave nothing behind."""

import asyncio
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest
import redis

from needs import needs
from storax.local import LocalError, Servers, control
from storax.local.config import StackConfig
from storax.local.servers import binaries
from storax.local.servers.probes import http_get, valkey_answers
from storax.local.site_reports import agent_is_connected
from storax.local.stack_plan import connection_check
from waiting import HANG_SEC, eventually

PARTS = ("valkey", "postgres", "api", "feeder", "tasks", "agent")


def query(url: str, statement: str) -> Any:
    async def run() -> Any:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(run())


def none_while_away(call: Callable[[], Any]) -> Callable[[], Any]:
    """Wrap a call to a server: it returns None while the server is away."""

    def guarded() -> Any:
        try:
            return call()
        except (OSError, asyncpg.PostgresError, redis.RedisError):
            return None

    return guarded


def processes_of(data: Path) -> list[psutil.Process]:
    """Every process, of whatever kind, that has the data folder in its command or as its working folder."""
    processes = []
    for process in psutil.process_iter():
        try:
            texts = [*process.cmdline(), process.cwd()]
            if process.status() != psutil.STATUS_ZOMBIE and any(text.startswith(str(data)) for text in texts):
                processes.append(process)
        except psutil.Error:
            continue
    return processes


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with Servers(tmp_path_factory.mktemp("servers") / "data", fsync=False) as servers:
        yield servers


def restart_and_keep(servers: Servers, part: str) -> None:
    before = servers.pids[part]
    os.kill(before, signal.SIGKILL)
    eventually(lambda: servers.pids.get(part, before) != before)


def test_both_servers_want_their_password_and_listen_on_loopback_only(pair: Servers) -> None:
    assert query(pair.database_url, "select current_user") == "storax"
    settings = query(
        pair.database_url,
        "select string_agg(setting, ' ' order by name) from pg_settings where name in "
        "('listen_addresses', 'max_connections', 'jit', 'password_encryption')",
    )
    assert settings == "off 127.0.0.1 200 scram-sha-256"
    with pytest.raises(asyncpg.InvalidPasswordError):
        query(pair.database_url.replace("storax:", "storax:x"), "select 1")
    with redis.Redis.from_url(pair.redis_url) as client:
        assert client.config_get("bind") == {"bind": "127.0.0.1"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    port = urlsplit(pair.redis_url).port or 0
    assert not valkey_answers(port, password="wrong")


def test_no_password_can_be_read_in_the_process_list(pair: Servers) -> None:
    secrets = json.loads((pair.data / "stack.json").read_text())["secrets"].values()
    commands = " ".join(argument for process in processes_of(pair.data) for argument in process.cmdline())
    assert "postgres" in commands
    assert not any(secret in commands for secret in secrets)


def test_committed_rows_survive_kill_9_of_the_servers_and_of_the_supervisor(pair: Servers) -> None:
    query(pair.database_url, "create table kept as select 7 as n")
    restart_and_keep(pair, "postgres")
    restart_and_keep(pair, "valkey")
    eventually(none_while_away(lambda: query(pair.database_url, "select n from kept") == 7))
    with redis.Redis.from_url(pair.redis_url) as client:
        eventually(none_while_away(client.ping))
    eventually(lambda: control.is_up(pair._stack()))
    before = pair.pids
    os.kill(before["supervisor"], signal.SIGKILL)
    eventually(lambda: "supervisor" not in pair.pids)
    pair.start()
    assert pair.pids["supervisor"] != before["supervisor"]
    assert {name: pair.pids[name] for name in ("postgres", "valkey")} == {
        name: before[name] for name in ("postgres", "valkey")
    }
    assert query(pair.database_url, "select n from kept") == 7


def test_two_starts_at_once_end_in_one_stack(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from storax.local import control, config; "
    code += (
        "control.up(config.StackConfig(data=Path(sys.argv[1]), servers_only=True, fsync=False), owner=int(sys.argv[2]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "data"), str(os.getpid())]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    servers = Servers(tmp_path / "data", fsync=False)
    try:
        assert [process.communicate(timeout=HANG_SEC)[1] for process in both] == ["", ""]
        assert len([p for p in processes_of(servers.data) if "storax.local" in p.cmdline()]) == 1
        with servers:  # it runs already, so the end of this block leaves it running
            assert query(servers.database_url, "select 1") == 1
        assert control.is_up(control.status(servers.data)[0])
    finally:
        control.down(servers.data)
    assert processes_of(servers.data) == []


def test_lost_passwords_are_replaced_and_the_data_kept(tmp_path: Path) -> None:
    data = tmp_path / ("deep" * 20) / "data"  # a long path: its sockets lie elsewhere
    with Servers(data, fsync=False) as servers:
        query(servers.database_url, "create table kept as select 7 as n")
        sockets = Path(json.loads((data / "stack.json").read_text())["run_dir"])
        assert sockets.parent == Path("/tmp")
    assert not sockets.exists()
    (data / "stack.json").unlink()
    with Servers(data, fsync=False) as servers:
        assert query(servers.database_url, "select n from kept") == 7


def test_data_of_another_postgres_are_refused_before_anything_starts(tmp_path: Path) -> None:
    servers = Servers(tmp_path / "data")
    (tmp_path / "data" / "pg").mkdir(parents=True)
    (tmp_path / "data" / "FORMAT").write_text("1\n")
    (tmp_path / "data" / "pg" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(LocalError, match=r"Postgres 9\.6, and the installed embedded Postgres is 18"):
        servers.start()
    assert processes_of(servers.data) == []


def test_a_busy_port_is_refused_by_name(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(LocalError, match=rf"Port {port} is in use"):
            control.up(StackConfig(data=tmp_path / "data", port=port))


@needs("root")
class TestAsNobody:
    """Where user namespaces are forbidden, root serves the data as an ordinary user."""

    @pytest.fixture
    def folder(self) -> Iterator[Path]:
        place = Path(tempfile.mkdtemp(prefix="storax-test-"))
        place.chmod(0o755)
        yield place
        shutil.rmtree(place)

    def make_data(self, place: Path) -> Path:
        nobody = pwd.getpwnam("nobody")
        data = place / "data"
        (data / "pg").mkdir(parents=True, mode=0o700)
        (data / "FORMAT").write_text("1\n")
        os.chown(data / "pg", nobody.pw_uid, nobody.pw_gid)
        data.chmod(0o700)
        return data

    def test_postgres_runs_as_the_owner_of_its_data(self, folder: Path) -> None:
        programs = binaries.postgres_folder()
        closed = [str(parent) for parent in programs.parents if not parent.stat().st_mode & 0o001]
        assert closed == [], "this test needs a checkout whose folders other users may enter"
        with Servers(self.make_data(folder), fsync=False) as servers:
            assert psutil.Process(servers.pids["postgres"]).username() == "nobody"
            assert query(servers.database_url, "select 1") == 1

    def test_a_closed_folder_on_the_way_is_named(self, folder: Path) -> None:
        data = self.make_data(folder)
        folder.chmod(0o700)
        with pytest.raises(LocalError, match=f"user nobody cannot enter {folder}"):
            Servers(data).start()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("home")
    yield home
    control.down(home / "local")


def storax(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STORAX_")}
    return subprocess.run(
        [Path(sys.executable).parent / "storax", *arguments],
        env={**environment, "STORAX_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=HANG_SEC,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def state_of(home: Path) -> dict[str, Any]:
    return dict(json.loads(storax(home, "status", "-o", "json").stdout))


@pytest.mark.slow("the stack is started five times")
def test_the_whole_platform_lives_through_everything(home: Path) -> None:
    assert storax(home, "status").returncode == 1
    first = storax(home, "up", "--detach")
    assert first.returncode == 0, first.stderr
    facts = state_of(home)
    assert facts["healthy"], facts
    assert facts["url"] in first.stdout
    assert [part["part"] for part in facts["parts"]][1:] == list(PARTS)

    profile = home / "profiles" / "local.toml"
    assert profile.stat().st_mode & 0o777 == 0o600
    token = profile.read_text().partition('token = "')[2].partition('"')[0]
    assert http_get(f"{facts['url']}/api/v1/auth/me", token=token)[1]["username"] == "local"
    (agent,) = [part["pid"] for part in facts["parts"] if part["part"] == "agent"]
    assert token.encode() not in Path(f"/proc/{agent}/environ").read_bytes(), "any job can read it there"
    of_site = (home / "local/site/token").read_text().strip()
    assert http_get(f"{facts['url']}/api/v1/auth/me", token=of_site)[1]["site_id"] == 1
    assert not (home / "local/site-init-token").exists()

    stack = control.status(home / "local")[0]
    assert agent_is_connected(stack, "local"), "the first call of a script would warn that it is absent"
    assert not agent_is_connected(stack, "another")
    assert connection_check(stack)()

    again = storax(home, "up", "--detach")
    assert "was running already" in again.stdout
    other = storax(home, "up", "--detach", "--port", "1025")
    assert other.returncode == 1
    assert "already runs at" in other.stderr

    # The operator's commands find it by themselves; the variables of this test's own process are not there.
    result = storax(home, "admin", "verify")
    assert (result.returncode, result.stdout.splitlines()[-1][-14:]) == (0, " 0 differences"), result.stderr
    assert storax(home, "admin", "rebuild", "--yes", "--data", str(home / "local")).returncode == 0

    pids = {part["part"]: part["pid"] for part in facts["parts"]}
    for part in PARTS:
        os.kill(pids[part], signal.SIGKILL)
    eventually(lambda: control.is_up(control.status(home / "local")[0]))

    supervisor = control.status(home / "local")[0].supervisor
    supervisor.send(signal.SIGKILL)
    eventually(lambda: not supervisor.alive())
    partly = storax(home, "status")
    assert partly.returncode == 1
    assert "Some parts do not run" in partly.stdout
    before = control.status(home / "local")[0].alive()
    assert storax(home, "up", "--detach").returncode == 0
    assert control.status(home / "local")[0].alive() == before
    assert state_of(home)["healthy"]
    assert token in profile.read_text()

    assert storax(home, "doctor").returncode == 0
    down = storax(home, "down")
    assert down.stdout == "Stopped.\n"
    assert "Site local is stopped with no running job." in down.stderr
    assert processes_of(home) == []
    assert "Nothing was running" in storax(home, "down").stdout
    refused = storax(home, "admin", "rebuild", "--yes")
    assert refused.returncode == 8
    assert "no stack runs in" in refused.stderr
