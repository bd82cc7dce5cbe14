"""An event of any version ever written folds to the same row for ever: by its own defaults, and by upcasters."""

import asyncio
import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from storax_core.admin.rebuild import rebuild
from storax_core.admin.verify import verify
from storax_core.commands import users
from storax_core.database.connections import Database
from storax_core.errors import Conflict
from storax_core.log import append, schemas, sql
from storax_core.log.event_types import EVENT_TYPES
from storax_core.log.fold import MERGE, folded
from storax_core.log.unknown_events import refusals
from storax_core.resources import BY_ENTITY, SITES

# By event type and version: the data of one event, and the row that it folds to, without its nulls.
FROZEN_EVENTS: dict[str, dict[str, dict[str, Any]]] = {
    name: versions
    for path in sorted(Path(__file__).with_name("frozen_events").glob("*.json"))
    for name, versions in json.loads(path.read_text()).items()
}
CASES = [(name, version) for name, versions in FROZEN_EVENTS.items() for version in versions]
HELP = (
    "A frozen event folds to another row now. If an old event is read wrongly, write an upcaster (log/schemas.py). Only"
    " a column that is gone leaves the frozen rows, and only one that an upcaster fills joins them."
)


def test_every_version_of_every_event_type_has_a_frozen_event() -> None:
    wanted = {(name, version) for name, versions in schemas.FROZEN.items() for version in versions}
    assert wanted == set(CASES), "add the missing ones to tests/integration/server/frozen_events"


@pytest.fixture(scope="module")
def log(database_url: str) -> Iterator[Any]:
    """A connection that sees an empty log of its own in place of the database's."""
    with asyncio.Runner() as runner:
        conn = runner.run(asyncpg.connect(database_url, server_settings={"timezone": "UTC"}))
        runner.run(conn.execute(MERGE))
        runner.run(conn.execute("CREATE TEMP TABLE event_log (LIKE public.event_log INCLUDING DEFAULTS)"))
        yield runner, conn
        runner.run(conn.close())


def folded_row(log: Any, name: str, version: int, data: dict[str, Any]) -> dict[str, Any] | None:
    """What one event alone folds to, without its nulls; None where nothing is left."""
    runner, conn = log
    resource = BY_ENTITY[EVENT_TYPES[name].entity]

    async def run() -> Any:
        await conn.execute("TRUNCATE pg_temp.event_log")
        await conn.execute(
            'INSERT INTO event_log (position, "timestamp", owner_id, entity, entity_id, version, type, schema_version,'
            " actor, data) VALUES (1, now(), 1, $1, 5, 1, $2, $3, 'user:1', $4)",
            resource.entity,
            name,
            version,
            json.dumps(data),
        )
        return await conn.fetchval(f"SELECT to_jsonb(f) FROM ({folded(resource)}) f")

    problems = runner.run(run())
    row = json.loads(problems) if problems else None
    return row and {n: row[n] for n in resource.folded if row[n] is not None}


@pytest.mark.parametrize(("name", "version"), CASES)
def test_a_frozen_event_folds_to_its_row(log: Any, name: str, version: str) -> None:
    case = FROZEN_EVENTS[name][version]
    assert folded_row(log, name, int(version), case["data"]) == case["row"], HELP


@pytest.mark.parametrize(("name", "version"), [case for case in CASES if case[0].endswith(".created")])
def test_a_created_event_of_any_version_fills_the_columns_that_may_not_be_null(
    log: Any, name: str, version: str
) -> None:
    row = folded_row(log, name, int(version), FROZEN_EVENTS[name][version]["data"]) or {}
    specs = BY_ENTITY[EVENT_TYPES[name].entity].fields
    wanted = {n for n in EVENT_TYPES[name].fields if specs[n].required or specs[n].default is not None}
    assert wanted <= row.keys(), HELP


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_no_event_type_is_folded_in_a_version_that_is_not_known(log: Any, name: str) -> None:
    newest = EVENT_TYPES[name].schema_version
    refusal = f"{name} with schema version {newest + 1}; this Storax knows versions up to {newest}"
    with pytest.raises(Conflict, match=refusal), refusals():
        folded_row(log, name, newest + 1, {})


# ---- a next version, made up: a site's path has another default, and its name is written in lower case ------------------

OLD = EVENT_TYPES["site.created"].schema_version
NEW = OLD + 1


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """From now on ``site.created`` is one version further; the one before had another default and wrote names otherwise."""
    versions = deepcopy(schemas.FROZEN["site.created"])
    versions[f"{NEW}"] = deepcopy(versions[f"{OLD}"])
    versions[f"{OLD}"]["defaults"]["path"] = "/old"
    monkeypatch.setitem(schemas.FROZEN, "site.created", versions)
    monkeypatch.setitem(EVENT_TYPES, "site.created", replace(EVENT_TYPES["site.created"], schema_version=NEW))
    lower = (
        "data || jsonb_build_object('name', lower(data->>'name'), 'allowed_projects', jsonb_build_array(data->>'path'))"
    )
    monkeypatch.setitem(schemas.UPCASTERS, ("site.created", OLD), lower)
    sql.create.cache_clear()
    yield
    sql.create.cache_clear()


@pytest.mark.usefixtures("next_version")
def test_an_old_event_has_the_defaults_of_its_version_and_goes_through_the_upcaster(log: Any) -> None:
    old = folded_row(log, "site.created", OLD, {"name": "Old"}) or {}
    new = folded_row(log, "site.created", NEW, {"name": "New"}) or {}
    assert (old["name"], old["path"], old["allowed_projects"]) == ("old", "/old", ["/old"])
    assert (new["name"], new["path"], new["allowed_projects"]) == ("New", "", [])


@pytest.mark.usefixtures("next_version")
def test_two_upcasters_follow_one_another(log: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    schemas.FROZEN["site.created"][f"{NEW + 1}"] = schemas.FROZEN["site.created"][f"{NEW}"]
    monkeypatch.setitem(schemas.UPCASTERS, ("site.created", NEW), "data || jsonb_build_object('path', data->>'name')")
    assert (folded_row(log, "site.created", OLD, {"name": "Old"}) or {})["path"] == "old"
    assert (folded_row(log, "site.created", NEW, {"name": "Mid"}) or {})["path"] == "Mid"
    assert (folded_row(log, "site.created", NEW + 1, {"name": "New"}) or {})["path"] == ""


def test_rebuild_reads_old_events_as_their_version_wrote_them(
    database_url: str, request: pytest.FixtureRequest
) -> None:
    async def create(name: str) -> None:
        db = await Database.connect(database_url, size=2)
        async with db.worker() as conn, conn.transaction():
            user = await users.create_user(conn, f"user of {name}", None)
            (site,) = await append.draw_ids(conn, SITES, 1)
            await append.append_created(conn, users.user_context(user), SITES, [{"id": site, "name": name}])
        await db.close()

    async def sites() -> list[tuple[str, str]]:
        conn = await asyncpg.connect(database_url)
        rows = await conn.fetch("SELECT name, path, schema_version FROM site JOIN event_log e ON e.entity = 'site'"
                                " AND e.entity_id = site.id ORDER BY site.id")  # fmt: skip
        await conn.close()
        return [tuple(r) for r in rows]

    asyncio.run(create("Old"))
    request.getfixturevalue("next_version")
    asyncio.run(create("New"))
    assert asyncio.run(sites()) == [("Old", "", OLD), ("New", "", NEW)]
    assert asyncio.run(verify(database_url))["entities"]["site"]["differences"] == 1
    asyncio.run(rebuild(database_url))
    assert asyncio.run(sites()) == [("old", "/old", OLD), ("New", "", NEW)]
    assert asyncio.run(verify(database_url))["differences"] == 0
