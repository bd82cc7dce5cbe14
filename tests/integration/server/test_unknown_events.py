"""Events that a newer release wrote are refused by name, and nothing is changed on their account."""

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from storax_core.admin.rebuild import rebuild
from storax_core.admin.users import bootstrap
from storax_core.admin.verify import verify
from storax_core.errors import Conflict
from storax_core.log.event_types import EVENT_TYPES
from world import in_database

JOB = EVENT_TYPES["job.created"].schema_version
NEWER = {
    "a newer version of a change": (
        "site",
        "site.updated",
        2,
        "type site.updated with schema version 2; this Storax knows versions up to 1",
    ),
    "a newer version of a creation": (
        "job",
        "job.created",
        JOB + 1,
        f"type job.created with schema version {JOB + 1}; this Storax knows versions up to {JOB}",
    ),
    "a type of a known resource": ("site", "site.renamed", 1, "type site.renamed, which this Storax does not know"),
    "a type of an unknown resource": ("campaign", "campaign.created", 1, "type campaign.created, which this Storax"),
}
INSERT = """INSERT INTO event_log (position, "timestamp", owner_id, entity, entity_id, version, type, schema_version,
  actor, data) OVERRIDING SYSTEM VALUE VALUES (1000000, now(), 1, $1, 1000000, 1, $2, $3, 'user:1', '{}')"""


@pytest.fixture
def database(servers: Any, template: str) -> Iterator[str]:
    """A database of this test's own, for nobody takes an event out of a log again. It has a user called ann."""
    name = f"storax_unknown_{os.getpid()}"
    asyncio.run(execute(servers.database_url, f"CREATE DATABASE {name} TEMPLATE {template}"))
    url = in_database(servers.database_url, name)
    asyncio.run(bootstrap(url, "ann", None, 1))
    yield url
    asyncio.run(execute(servers.database_url, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(params=NEWER)
def refusal(request: pytest.FixtureRequest, database: str) -> str:
    """What the refusal of the event says that the log has."""
    entity, type_, version, reason = NEWER[request.param]
    asyncio.run(execute(database, INSERT, entity, type_, version))
    return reason


async def execute(url: str, statement: str, *values: Any) -> Any:
    conn = await asyncpg.connect(url)
    try:
        return await conn.fetch(statement, *values)
    finally:
        await conn.close()


def refused(work: Any) -> Conflict:
    with pytest.raises(Conflict) as caught:
        asyncio.run(work)
    return caught.value


def test_verify_says_which_type_and_version_and_the_way_out(database: str, refusal: str) -> None:
    error = refused(verify(database))
    assert refusal in error.detail
    assert error.hint == "Install the newer Storax that wrote the log."


def test_rebuild_refuses_it_before_it_changes_a_row(database: str, refusal: str) -> None:
    asyncio.run(execute(database, "UPDATE user_account SET username = 'bent'"))
    assert refusal in refused(rebuild(database)).detail
    assert asyncio.run(execute(database, "SELECT username FROM user_account")) == [("bent",)]
