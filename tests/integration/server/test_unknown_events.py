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
from waiting import eventually
from world import World, in_database

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
INSERT = """INSERT INTO event_log ("timestamp", entity, type, schema_version, owner_id, entity_id, version, actor, data)
  VALUES (now(), $1, $2, $3, $4, $5, $6, 'user:1', '{}')"""


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
    asyncio.run(execute(database, INSERT, entity, type_, version, 1, 1000000, 1))
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


def test_a_query_of_the_past_refuses_it(database: str, redis_url: str) -> None:
    with World(database, redis_url) as world:
        user = world.user()
        site = user.site("here")
        before = world.value("SELECT max(position) FROM event_log")
        world.sql(INSERT, "site", "site.updated", 2, user.id, site, 2)
        eventually(lambda: (world.value("SELECT max(position) FROM feed") or 0) > before)
        for query in ({"filter": {"id": site}}, {}):
            refusal = user.refused("POST", "/sites/query", {"as_of": before + 1, **query}, status=409, code="conflict")
            assert "type site.updated with schema version 2; this Storax knows versions up to 1" in refusal["detail"]
            assert refusal["hint"] == "Install the newer Storax that wrote the log."
        assert user.get(f"/sites/{site}", as_of=before)["name"] == "here"
