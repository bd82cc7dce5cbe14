"""`rebuild` makes the tables what the log tells, whatever was bent, and holds nobody up while it folds."""

import asyncio
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner

from storax_core.admin import cli
from storax_core.admin.rebuild import rebuild
from storax_core.admin.users import set_password
from storax_core.admin.verify import verify
from storax_core.commands import users
from world import User, World

PASSWORD = "correct horse battery"
BENT = {
    "a field": "UPDATE job SET workdir = 'elsewhere' WHERE id = $1",
    "a state": "UPDATE job_state SET state = 'FAILED', priority = 99 WHERE id = $1",
    "a lost row": "WITH x AS (DELETE FROM job_state WHERE id = $1) DELETE FROM job WHERE id = $1",
    "half a row": "DELETE FROM job_state WHERE id = $1",
    "the other half": "DELETE FROM job WHERE id = $1",
    "edges": "DELETE FROM job_parent WHERE child_id = $1",
    "edges too many": "INSERT INTO job_parent SELECT id, $1, owner_id FROM job WHERE id <> $1 ON CONFLICT DO NOTHING",
    "the counts": "INSERT INTO job_tally SELECT owner_id, site_id, state, 7 FROM job_state WHERE id = $1",
    "an App": "UPDATE app SET name = 'Other' WHERE id = (SELECT app_id FROM job WHERE id = $1)",
    "a lost site": "DELETE FROM site WHERE name = 'alone' AND $1::bigint > 0",
    "its site": "UPDATE site SET name = 'other' WHERE id = (SELECT site_id FROM job_state WHERE id = $1)",
}


@pytest.fixture
def user(world: World) -> User:
    """With a job that has a parent and children."""
    return world.user()


def graph(user: User) -> int:
    user.site("alone")
    app = user.app()
    (parent,) = user.jobs(app)
    (middle,) = user.jobs(app, parent_ids=[parent])
    user.jobs(app, 2, parent_ids=[middle])
    return middle


def state_of(world: World) -> list[Any]:
    """The projections of jobs, edges and counts, as text."""
    tally = "SELECT owner_id, site_id, state, sum(n) AS n FROM job_tally GROUP BY 1, 2, 3 HAVING sum(n) <> 0"
    session = "SELECT to_jsonb(s) - 'expires_at' FROM session s"  # which a server that was silent meanwhile extends
    queries = ("SELECT * FROM job", "SELECT * FROM job_state", "SELECT * FROM job_parent", tally, "SELECT * FROM app", "SELECT * FROM site",
             "SELECT * FROM token", session, "SELECT * FROM user_account")  # fmt: skip
    return [sorted(str(tuple(r)) for r in world.sql(sql)) for sql in queries]


@pytest.mark.parametrize("what", BENT)
def test_what_was_bent_is_as_the_log_tells_again(world: World, user: User, what: str) -> None:
    job = graph(user)
    before = state_of(world)
    world.sql(BENT[what], job)
    assert state_of(world) != before
    asyncio.run(rebuild(world.database_url))
    assert state_of(world) == before
    assert asyncio.run(verify(world.database_url))["differences"] == 0


def test_what_was_cancelled_is_folded_as_cancelled_not_as_failed(world: World, user: User) -> None:
    job = graph(user)
    user.post("/jobs/cancel", {"filter": {"id": job}})
    before = state_of(world)
    world.sql("UPDATE job_state SET state = 'FAILED' WHERE state = 'CANCELLED'")
    assert asyncio.run(verify(world.database_url))["entities"]["job"]["differences"] == 3, (
        "the job and its two children"
    )
    asyncio.run(rebuild(world.database_url))
    assert state_of(world) == before
    assert asyncio.run(verify(world.database_url))["differences"] == 0


def test_rows_that_no_event_made_are_gone(world: World, user: User) -> None:
    graph(user)
    before = state_of(world)
    world.sql(
        'INSERT INTO site SELECT (s.x).* FROM (SELECT jsonb_populate_record(site, \'{"id": 999999, "name": "made-up"}\') AS x FROM site LIMIT 1) s'
    )
    world.sql(
        'INSERT INTO app SELECT (s.x).* FROM (SELECT jsonb_populate_record(app, \'{"id": 999999, "site_id": 999999}\') AS x FROM app LIMIT 1) s'
    )
    assert state_of(world) != before
    asyncio.run(rebuild(world.database_url))
    assert state_of(world) == before


def test_true_tables_are_left_alone(world: World, user: User) -> None:
    graph(user)
    tables = ("job", "job_state", "job_parent", "site", "app", "token")
    places = [world.sql(f"SELECT ctid::text, xmin::text FROM {t} ORDER BY 1") for t in tables]
    asyncio.run(rebuild(world.database_url))
    assert [world.sql(f"SELECT ctid::text, xmin::text FROM {t} ORDER BY 1") for t in tables] == places


def expired_token(world: World, user: User) -> int:
    async def make() -> int:
        async with world.db.worker() as conn, conn.transaction():
            return int((await users.issue_token(conn, users.user_context(user.id), "expired", -1))["id"])

    return world.run(make())


def test_a_lost_token_comes_back_without_its_secret_and_is_named_until_it_is_revoked(world: World, user: User) -> None:
    lost = user.post("/tokens/", {"name": "laptop"})
    old = expired_token(world, user)
    before = world.sql("SELECT name, user_id, parent_id, version FROM token WHERE id = $1", lost["id"])
    world.sql("DELETE FROM token WHERE id = ANY($1::bigint[])", [lost["id"], old])
    sentence = f"token {lost['id']} ('laptop') of {user.name} has lost its hash, and nobody can use it:"
    checked = asyncio.run(verify(world.database_url))
    assert [one for one in checked["lost"] if one.startswith(sentence)]
    rebuilt = asyncio.run(rebuild(world.database_url))
    (named,) = [one for one in rebuilt.lost if f"of {user.name}" in one]
    assert named.startswith(sentence)
    assert f"`storax token revoke {lost['id']}`" in named
    assert world.sql("SELECT name, user_id, parent_id, version FROM token WHERE id = $1", lost["id"]) == before
    holder = User(world, user.name, user.id, lost["token"])
    world.users.append(holder)
    holder.refused("GET", "/auth/me", status=401, code="unauthorized")
    again = asyncio.run(verify(world.database_url))
    assert again["entities"]["token"]["differences"] == 0
    assert again["checks"]["every token has its hash"] == 1
    assert named in again["lost"]
    assert user.get(f"/tokens/{lost['id']}")["name"] == "laptop"
    user.delete(f"/tokens/{lost['id']}")
    assert asyncio.run(verify(world.database_url))["checks"]["every token has its hash"] == 0


def test_a_lost_user_comes_back_without_a_password_and_is_named_until_it_is_set(world: World) -> None:
    user = world.user(password=PASSWORD)
    login = {"username": user.name, "password": PASSWORD}
    assert user.post("/auth/login", login)["token"]
    world.sql("DELETE FROM user_account WHERE id = $1", user.id)
    sentence = f"the password of {user.name}, if there was one, is lost: set it with `storax admin set-password"
    printed = CliRunner().invoke(cli.app, ["rebuild", "--yes", "--database-url", world.database_url])
    assert printed.exit_code == 0
    assert f"Not restored: {sentence}" in printed.output
    assert user.get("/auth/me")["username"] == user.name, "its tokens stay"
    checked = asyncio.run(verify(world.database_url))
    assert [one for one in checked["lost"] if one.startswith(sentence)]
    assert checked["checks"]["every password has its hash"] == 1
    asyncio.run(set_password(world.database_url, user.name, PASSWORD))
    assert user.post("/auth/login", login)["token"]
    assert asyncio.run(verify(world.database_url))["checks"]["every password has its hash"] == 0


def test_a_lost_session_comes_back_with_an_end(world: World, user: User) -> None:
    site = user.site()
    (job,) = user.jobs(user.app(site))
    session = user.session(site)
    user.acquire(session)
    world.sql("DELETE FROM session WHERE id = $1", session)
    asyncio.run(rebuild(world.database_url))
    lives = "SELECT expires_at > now() FROM session WHERE id = $1"
    assert world.value(lives, session) is True, "without an end it would hold its jobs for ever"
    world.sql("UPDATE session SET expires_at = NULL WHERE id = $1", session)
    assert asyncio.run(verify(world.database_url))["checks"]["every session can expire"] == 1
    asyncio.run(rebuild(world.database_url))
    assert world.value(lives, session) is True
    assert world.value("SELECT session_id FROM job_state WHERE id = $1", job) == session


@pytest.fixture
def held_up(database_url: str) -> Iterator[asyncpg.Connection]:
    """The fold cannot end before this connection's transaction does: it has the last table that is compared."""
    with asyncio.Runner() as runner:
        conn = runner.run(asyncpg.connect(database_url))
        yield runner, conn
        runner.run(conn.close())


def test_writers_go_on_while_the_log_is_folded_and_nothing_of_theirs_is_lost(
    world: World, user: User, held_up: Any
) -> None:
    job = graph(user)
    world.sql("UPDATE job SET workdir = 'elsewhere' WHERE id = $1", job)
    runner, blocker = held_up

    async def meanwhile() -> None:
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE job_tally IN ACCESS EXCLUSIVE MODE")
            folding = asyncio.create_task(rebuild(world.database_url))
            waits = "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE NOT granted AND relname = 'job_tally'"
            while not await blocker.fetchval(waits):
                await asyncio.sleep(0.01)
                assert not folding.done()
            # Sites have no tally, so this write waits for nothing but a fence that were held.
            await asyncio.wait_for(asyncio.to_thread(user.site, "made-meanwhile"), 60)
            await asyncio.to_thread(user.patch, f"/sites/{site}", {"path": "/changed"})
        await folding

    site = user.site("there-before")
    runner.run(meanwhile())
    assert {s["name"]: s["path"] for s in user.get("/sites/")["results"]}["there-before"] == "/changed"
    assert "made-meanwhile" in {s["name"] for s in user.get("/sites/")["results"]}
    assert asyncio.run(verify(world.database_url))["differences"] == 0
