"""What the database itself holds to: an append-only log, roles, migrations that go both ways."""

import asyncio
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

import storax_core.database.tables  # noqa: F401  (declares its tables)
from storax_core.admin import migrate
from storax_core.errors import Conflict, Unavailable
from storax_core.log.event_types import EVENT_TYPES
from waiting import LIMIT
from world import User, World

REFUSED = asyncpg.InsufficientPrivilegeError


@pytest.fixture(scope="module")
def filled(world: World) -> User:
    user = world.user()
    user.jobs(user.app(), 3)
    return user


TAMPERING = [
    "UPDATE event_log SET data = '{}'", "UPDATE event_log SET data = '{}' WHERE false", "DELETE FROM event_log",
    "DELETE FROM event_log WHERE position = 1", "TRUNCATE event_log", "TRUNCATE event_log CASCADE",
    "INSERT INTO event_log (position, timestamp, owner_id, entity, entity_id, version, type, schema_version, actor, data)"
    " SELECT position, timestamp, owner_id, entity, entity_id, version, type, schema_version, 'forged', data FROM event_log LIMIT 1"
    " ON CONFLICT (position) DO UPDATE SET actor = 'forged'",
]  # fmt: skip
UNDERMINING = [
    "ALTER TABLE event_log DISABLE TRIGGER ALL", "ALTER TABLE event_log DISABLE TRIGGER append_only", "DROP TRIGGER append_only ON event_log",
    "DROP TABLE event_log", "ALTER TABLE event_log DISABLE ROW LEVEL SECURITY", "SET session_replication_role = replica",
    "CREATE OR REPLACE FUNCTION event_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "ALTER ROLE storax_app SUPERUSER", "ALTER ROLE storax_app BYPASSRLS", "CREATE TABLE mine (a int)",
]  # fmt: skip


@pytest.mark.parametrize("role", ["storax_app", "storax_worker"])
@pytest.mark.parametrize("statement", TAMPERING + UNDERMINING)
def test_no_working_role_can_change_an_event_or_undermine_the_log(
    world: World, filled: User, role: str, statement: str
) -> None:
    before = world.value("SELECT md5(string_agg(e::text, '' ORDER BY position)) FROM event_log e")
    with pytest.raises((REFUSED, asyncpg.GeneratedAlwaysError)):
        world.sql(statement, role=role)
    assert world.value("SELECT md5(string_agg(e::text, '' ORDER BY position)) FROM event_log e") == before


@pytest.mark.parametrize("statement", TAMPERING[:6])
def test_not_even_the_owner_changes_an_event(world: World, filled: User, statement: str) -> None:
    with pytest.raises(REFUSED, match="append-only"):
        world.sql(statement)


def test_the_guard_holds_where_ordinary_triggers_sleep(world: World, filled: User) -> None:
    async def replica() -> None:
        conn = await asyncpg.connect(world.database_url)
        try:
            await conn.execute("SET session_replication_role = replica")
            with pytest.raises(REFUSED, match="append-only"):
                await conn.execute("DELETE FROM event_log")
        finally:
            await conn.close()

    world.run(replica())


@pytest.mark.parametrize("role", ["storax_app", "storax_worker"])
def test_working_roles_own_nothing_and_cannot_log_in(world: World, role: str) -> None:
    flags = world.sql(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin FROM pg_roles WHERE rolname = $1", role
    )[0]
    assert not any(flags)
    assert world.sql("SELECT tablename FROM pg_tables WHERE tableowner = $1", role) == []
    assert world.sql(f"SELECT proname FROM pg_proc WHERE proowner = '{role}'::regrole") == []


def test_every_table_with_an_owner_is_behind_the_wall(world: World) -> None:
    open_ = world.sql(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'owner_id'"
        " WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
    )
    assert open_ == []


def test_the_checkpoint_and_the_log_use_only_the_closed_list(world: World, filled: User) -> None:
    written = {r[0] for r in world.sql("SELECT DISTINCT type FROM event_log")}
    assert written <= set(EVENT_TYPES)


# ---- migrations -----------------------------------------------------------------------------------------------------


def compare(url: str) -> list[Any]:
    async def run() -> list[Any]:
        engine = create_async_engine(migrate.sqlalchemy_url(url))
        try:
            async with engine.connect() as connection:
                return await connection.run_sync(
                    lambda c: compare_metadata(
                        MigrationContext.configure(c, opts={"compare_type": True}), SQLModel.metadata
                    )
                )
        finally:
            await engine.dispose()

    return asyncio.run(run())


def shape(world_sql: Any) -> list[tuple[Any, ...]]:
    columns = world_sql(
        "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns"
        " WHERE table_schema = 'public' ORDER BY 1, 2"
    )
    indexes = world_sql("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1")
    policies = world_sql(
        "SELECT tablename, policyname, roles::text, cmd, qual, with_check FROM pg_policies ORDER BY 1, 2"
    )
    functions = world_sql(
        "SELECT proname, prosrc, proacl::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1"
    )
    return [tuple(r) for r in (*columns, *indexes, *policies, *functions)]


def plain(url: str) -> Any:
    def run(statement: str) -> list[Any]:
        async def work() -> list[Any]:
            conn = await asyncpg.connect(url)
            try:
                rows: list[Any] = await conn.fetch(statement)
                return rows
            finally:
                await conn.close()

        return asyncio.run(work())

    return run


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[str]:
    yield empty_database_url
    plain(empty_database_url)("DROP SCHEMA public CASCADE")
    plain(empty_database_url)("CREATE SCHEMA public")


def test_the_declarations_are_the_migrated_schema(database_url: str) -> None:
    assert compare(database_url) == []


def test_migrations_go_up_down_and_up_to_the_same_schema(empty: str) -> None:
    migrate.migrate_now(empty)
    first = shape(plain(empty))
    assert compare(empty) == []
    migrate.migrate_now(empty, "base", down=True)
    assert {r[0] for r in shape(plain(empty))} <= {"alembic_version", "alembic_version_pkc"}
    migrate.migrate_now(empty)
    assert shape(plain(empty)) == first


def test_migrating_is_safe_to_repeat_and_to_do_twice_at_once(empty: str) -> None:
    async def both() -> None:
        await asyncio.gather(*(migrate.migrate(empty) for _ in range(3)))

    asyncio.run(both())
    migrate.migrate_now(empty)
    assert plain(empty)("SELECT version_num FROM alembic_version")[0][0] == migrate.head()


def test_a_database_of_a_newer_program_is_left_alone(empty: str) -> None:
    migrate.migrate_now(empty)
    before = shape(plain(empty))
    plain(empty)("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Conflict, match="newer"):
        migrate.migrate_now(empty)
    assert shape(plain(empty)) == before


def test_a_migration_that_meets_a_long_transaction_gives_up_and_changes_nothing(empty: str) -> None:
    """A migration that waited would make every later call wait behind it."""
    migrate.migrate_now(empty)
    before = shape(plain(empty))

    async def run() -> None:
        reader = await asyncpg.connect(empty)
        try:
            await reader.execute("BEGIN; SELECT count(*) FROM job, event_log, job_state, command")
            with pytest.raises(Unavailable, match="another transaction"):
                await asyncio.wait_for(migrate.migrate(empty, "base", down=True), LIMIT)
        finally:
            await reader.close()

    asyncio.run(run())
    assert shape(plain(empty)) == before


def test_a_look_up_that_passes_the_wall_names_the_owner_itself(world: World) -> None:
    """Functions with the rights of the worker see every owner's rows, so each has to leave out those of others."""
    first, second = world.user(), world.user()
    job = first.job(first.app(), tags={"campaign": "secret"})["id"]
    first.delete(f"/jobs/{job}")
    ask = """WITH owner AS MATERIALIZED (SELECT set_config('storax.owner', $1, false))
SELECT ARRAY(SELECT jobs_ever_tagged('{"campaign": "secret"}')) FROM owner"""
    assert [world.sql(ask, str(user.id), role="storax_app")[0][0] for user in (first, second)] == [[job], []]


def test_no_database_is_said_in_one_sentence() -> None:
    with pytest.raises(Unavailable) as refusal:
        migrate.migrate_now("postgresql://nobody@127.0.0.1:9/none")
    assert "STORAX_DATABASE_URL" in refusal.value.hint


def test_calls_go_on_while_the_schema_changes_under_them(world: World, filled: User) -> None:
    """Prepared statements of open connections outlive a migration that adds a column."""
    app = filled.app()
    for round_ in range(3):
        filled.job(app)
        filled.get("/jobs/", tags="a:b")
        world.sql(f"ALTER TABLE job_state ADD COLUMN extra{round_} int")
        try:
            for _ in range(14):
                filled.job(app)
                filled.get("/jobs/", ordering="-last_update")
        finally:
            world.sql(f"ALTER TABLE job_state DROP COLUMN extra{round_}")
    filled.patch("/jobs/", {"filter": {"app_id": app}, "patch": {"priority": 1}})
