"""A data folder of the last release, in which one superuser did everything, is taken over at the next start."""

import asyncio
import json
import stat
from pathlib import Path

import asyncpg
import pytest
import redis

from storax.local import LocalStack, Servers
from storax.local.servers.probes import http_get
from storax_core.admin.migrate import migrate
from storax_core.admin.users import bootstrap
from waiting import eventually


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    async def run() -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(url)
        try:
            return [tuple(row) for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    return asyncio.run(run())


def logins(url: str) -> set[object]:
    """Who is logged in to Postgres; the tasks come and go with each task."""
    sessions = "SELECT DISTINCT usename::text FROM pg_stat_activity WHERE application_name LIKE 'storax\\_%'"
    return {name for (name,) in rows(url, sessions)} - {"storax_tasks"}


def make_folder_of_last_release(data: Path) -> str:
    """Fill a folder as the last release did, and return the local user's token."""
    with Servers(data, fsync=False) as servers:
        asyncio.run(migrate(servers.database_url))
        token = str(asyncio.run(bootstrap(servers.database_url, "local", None, 1))["token"])
        asyncio.run(migrate(servers.database_url, "0013", down=True))
    state = json.loads((data / "stack.json").read_text())
    state["secrets"] = {name: state["secrets"][name] for name in ("postgres", "valkey")} | {"token": token}
    (data / "stack.json").write_text(json.dumps(state))
    return token


def check_logins(stack: LocalStack) -> None:
    """Check that the stack serves, that each part logs in as itself, and that none of them owns a table."""
    assert http_get(f"{stack.url}/api/v1/auth/me", token=stack.token)[1]["username"] == "local"
    assert http_get(f"{stack.url}/readyz")[1]["excess"] == ""
    administrator, parts = stack.administrator_url, {"storax_api", "storax_feeder", "storax_tasks"}
    owners = rows(administrator, "SELECT DISTINCT tableowner::text FROM pg_tables WHERE schemaname = 'public'")
    assert owners == [("storax_owner",)]
    eventually(lambda: logins(administrator) == {"storax_api", "storax_feeder"})
    with redis.Redis.from_url(stack.redis_url) as server:  # as the user "default"
        eventually(lambda: {client["user"] for client in server.client_list()} == {"default", *parts})


@pytest.mark.slow("a stack is started three times")
def test_a_data_folder_of_the_last_release_is_taken_over_at_the_next_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    token = make_folder_of_last_release(data)
    for _ in range(2):  # the second start finds everything prepared
        with LocalStack(data, site=False, fsync=False) as stack:
            assert stack.token == token
            check_logins(stack)
    assert stat.S_IMODE((data / "stack.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((data / "valkey" / "valkey.conf").stat().st_mode) == 0o600
    secrets = json.loads((data / "stack.json").read_text())["secrets"]
    assert {"storax_owner", "storax_api", "storax_feeder", "storax_tasks", "storax_backup"} < secrets.keys()
    assert len(set(secrets.values())) == len(secrets)
    logs = "".join(log.read_text(errors="replace") for log in (data / "log").iterdir())
    assert not [name for name, secret in secrets.items() if secret in logs]
