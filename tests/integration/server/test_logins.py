"""Each process logs in as a role of its own, which may do what it needs and cannot become more."""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from conftest import Addresses
from storax.local.servers import binaries
from storax_core.admin import roles as admin_roles
from storax_core.admin.migrate import migrate
from storax_core.admin.verify import verify
from storax_core.database import privileges, roles
from storax_core.database.connections import APP_ROLE, RELAY_ROLE, UPKEEP_ROLE, WORKER_ROLE, Database
from storax_core.errors import Invalid, Unavailable
from storax_workers import tasks
from storax_workers.task_record import TASKS
from waiting import eventually
from world import LOGIN_PASSWORD, User, World, as_login, execute, in_database

ROOT = Path(__file__).resolve().parents[3]
SERVING = ("storax_api", "storax_feeder", "storax_tasks")
MAY_TAKE_ON = {"storax_api": {APP_ROLE, WORKER_ROLE}, "storax_feeder": {RELAY_ROLE}, "storax_tasks": {UPKEEP_ROLE}}
DENIED = asyncpg.InsufficientPrivilegeError
BECOMING_MORE = [
    "SET ROLE storax_owner", "SET ROLE storax_backup", "SET ROLE storax_search", "SET SESSION AUTHORIZATION storax_owner",
    "SET SESSION AUTHORIZATION DEFAULT; SET SESSION AUTHORIZATION storax", "ALTER ROLE storax_api SUPERUSER",
    "ALTER ROLE storax_api BYPASSRLS", "ALTER ROLE storax_owner PASSWORD 'x'", "CREATE ROLE mine SUPERUSER LOGIN",
    "GRANT storax_owner TO storax_api", "GRANT pg_execute_server_program TO storax_api",
    "COPY (SELECT 1) TO PROGRAM 'true'", "CREATE TEMP TABLE t (a text); COPY t FROM PROGRAM 'echo 1'",
    "CREATE TEMP TABLE t (a text); COPY t FROM '/etc/hostname'", "SELECT pg_read_file('/etc/hostname')",
    "SELECT lo_import('/etc/hostname')", "ALTER SYSTEM SET log_statement = 'all'",
    "SET session_replication_role = replica", "CREATE TABLE public.mine (a int)", "CREATE SCHEMA mine",
]  # fmt: skip
TAMPERING = [
    "UPDATE event_log SET actor = 'forged'", "UPDATE event_log SET actor = 'forged' WHERE false", "DELETE FROM event_log",
    "TRUNCATE event_log", "TRUNCATE event_log CASCADE", "ALTER TABLE event_log DISABLE TRIGGER ALL",
    "ALTER TABLE event_log DISABLE TRIGGER append_only", "DROP TRIGGER append_only ON event_log", "DROP TABLE event_log",
    "ALTER TABLE event_log DISABLE ROW LEVEL SECURITY", "ALTER TABLE job NO FORCE ROW LEVEL SECURITY",
    "DROP POLICY own ON job", "CREATE POLICY all_of_them ON job USING (true)", "TRUNCATE job",
    "CREATE RULE away AS ON INSERT TO event_log DO INSTEAD NOTHING",
    "CREATE OR REPLACE FUNCTION event_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "DROP FUNCTION jobs_with_tags(jsonb)", "ALTER FUNCTION jobs_with_tags(jsonb) SECURITY INVOKER",
    "ALTER FUNCTION jobs_ever_tagged(jsonb) OWNER TO storax_worker", "SELECT setval('event_log_position_seq', 1)",
    "SELECT setval('job_id_seq', 1)", "ALTER SEQUENCE event_log_position_seq RESTART", "UPDATE alembic_version SET version_num = '0'",
    "BEGIN; LOCK TABLE event_log IN ACCESS EXCLUSIVE MODE", "DELETE FROM feed",
]  # fmt: skip
FEEDER_READS = {
    "app_flow", "batch_job", "event_log", "feed", "heartbeat", "job_app", "job_flow", "job_state", "job_tally", "session",
}  # fmt: skip
FEEDER_MAY_NOT = [
    "INSERT INTO event_log (actor) VALUES ('forged')", "UPDATE job_state SET state = 'READY'", "DELETE FROM session",
    "DELETE FROM job_state", "UPDATE batch_job SET state = 'finished'", "UPDATE session SET expires_at = now()",
    "DELETE FROM heartbeat", "UPDATE job_tally SET n = 0", "UPDATE job_app SET app_id = 1", "SELECT nextval('event_log_position_seq')",
]  # fmt: skip

TASKS_READ = {
    "alembic_version", "app", "app_flow", "archive", "batch_job", "cluster_epoch", "command", "event_baseline", "event_log",
    "feed", "heartbeat", "job", "job_parent", "job_state", "job_tally", "login_failure", "seal", "server_key",
    "server_uptime", "session", "site", "transfer_item", "webhook",
}  # fmt: skip
TASKS_MAY_NOT = [
    "INSERT INTO token (owner_id) VALUES (1)", "UPDATE user_account SET password_hash = 'x'", "DELETE FROM user_account",
    "INSERT INTO job (id) VALUES (1)", "DELETE FROM job", "DELETE FROM job_state", "INSERT INTO session (site_id) VALUES (1)",
    "UPDATE app SET source_code = 'x'", "UPDATE site SET name = 'x'", "INSERT INTO webhook (name) VALUES ('x')",
    "DELETE FROM webhook", "UPDATE feed SET position = 0", "INSERT INTO server_key (name) VALUES ('x')",
    "INSERT INTO command (owner_id) VALUES (1)", "SELECT nextval('job_id_seq')", "SELECT storax_raise_epoch('x', 1)",
]  # fmt: skip


@pytest.fixture(scope="module")
def filled(world: World) -> User:
    user = world.user()
    user.jobs(user.app(), 3)
    return user


def hash_of_log(world: World) -> str:
    return str(world.value("SELECT md5(string_agg(e::text, '' ORDER BY position)) FROM event_log e"))


def test_the_api_is_served_by_its_own_login(world: World, filled: User) -> None:
    async def names() -> tuple[str, str]:
        service = world.app.state.service
        query = "SELECT session_user || ' as ' || current_user"
        async with service.db.owner(filled.id) as app, service.db.worker() as worker:
            return await app.fetchval(query), await worker.fetchval(query)

    assert world.run(names()) == ("storax_api as storax_app", "storax_api as storax_worker")
    logins = {r[0] for r in world.sql("SELECT usename FROM pg_stat_activity WHERE application_name LIKE 'storax\\_%'"
                                      " AND datname = current_database() AND pid <> pg_backend_pid()")}  # fmt: skip
    assert logins >= {"storax_api", "storax_feeder"}


def test_the_feeder_reads_what_it_relays_and_writes_only_what_it_keeps_itself(world: World, filled: User) -> None:
    """It runs as that role, and sees the rows of every owner without a policy of row-level security."""
    other = world.user()
    jobs = other.jobs(other.app(), 2)
    eventually(
        lambda: world.value("SELECT position FROM feed WHERE name = 'published'") >= other.events()[-1]["position"]
    )

    async def run() -> tuple[str, set[int]]:
        db = await Database.connect(as_login(world.database_url, "storax_feeder"), size=2, role=RELAY_ROLE)
        try:
            async with db.worker() as conn:
                for table in sorted(privileges.TABLES.keys() - FEEDER_READS):
                    with pytest.raises(DENIED):
                        await conn.fetch(f"SELECT FROM {table}")
                for statement in FEEDER_MAY_NOT:
                    with pytest.raises(DENIED):
                        await conn.execute(statement)
                seen = {row[0] for row in await conn.fetch("SELECT id FROM job_state")}
                return await conn.fetchval("SELECT session_user || ' as ' || current_user"), seen
        finally:
            await db.close()

    name, seen = world.run(run())
    assert name == "storax_feeder as storax_relay"
    assert seen >= {*jobs, *(job["id"] for job in filled.get("/jobs/")["results"])}


def test_the_tasks_read_no_token_and_no_password_and_create_nothing_but_events_and_seals(
    world: World, filled: User
) -> None:
    """They run as that role, and see the rows of every owner."""

    async def run() -> tuple[str, set[int]]:
        async with world.tasks_db.worker() as conn:
            for table in sorted(privileges.TABLES.keys() - TASKS_READ):
                with pytest.raises(DENIED):
                    await conn.fetch(f"SELECT FROM {table}")
            for statement in TASKS_MAY_NOT:
                with pytest.raises(DENIED):
                    await conn.execute(statement)
            seen = {row[0] for row in await conn.fetch("SELECT id FROM job_state")}
            return await conn.fetchval("SELECT session_user || ' as ' || current_user"), seen

    other = world.user()
    jobs = other.jobs(other.app(), 2)
    name, seen = world.run(run())
    assert name == "storax_tasks as storax_upkeep"
    assert seen >= {*jobs, *(job["id"] for job in filled.get("/jobs/")["results"])}


@pytest.mark.parametrize("role", [UPKEEP_ROLE, WORKER_ROLE])
def test_each_task_does_its_work_with_the_login_of_the_tasks(
    world: World, filled: User, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    """Also with that of an earlier release, which takes on the role of what serves all users."""
    login = "storax_tasks" if role == UPKEEP_ROLE else "storax_api"
    monkeypatch.setenv("STORAX_DATABASE_URL", as_login(world.database_url, login))
    session = filled.post("/sessions/", {"site_id": filled.site()})["id"]
    world.sql("UPDATE session SET expires_at = to_timestamp(0) WHERE id = $1", session)
    world.sql("UPDATE command SET created_at = to_timestamp(0)")
    world.sql("INSERT INTO login_failure VALUES ('old', 1, to_timestamp(0))")
    world.sql("INSERT INTO app_flow VALUES (1000000, 'FAILED', 1)")
    before = world.value("SELECT count(*) FROM seal")
    for task in TASKS.values():
        task()
    tasks.check_login()
    assert world.sql("SELECT FROM session WHERE id = $1", session) == []
    assert world.value("SELECT count(*) FROM command") == 0
    assert world.sql("SELECT FROM login_failure") == []
    assert world.sql("SELECT FROM app_flow WHERE app_id = 1000000") == []
    assert world.value("SELECT count(*) FROM seal") > before


@pytest.mark.parametrize("login", ["storax_feeder", "storax_api"], ids=["own role", "role of an earlier release"])
def test_the_health_check_of_the_image_sees_the_feeder_lead(world: World, filled: User, login: str) -> None:
    environment = {**os.environ, "STORAX_DATABASE_URL": as_login(world.database_url, login)}
    check = [sys.executable, str(ROOT / "docker" / "health.py"), "feeder"]
    eventually(lambda: subprocess.run(check, env=environment, capture_output=True, check=False).returncode == 0)


@pytest.mark.parametrize("role", [RELAY_ROLE, UPKEEP_ROLE])
def test_a_process_whose_login_an_earlier_release_created_works_as_that_release_did(world: World, role: str) -> None:
    """That release's logins of the feeder and of the tasks could take on what that of the API still can."""

    async def run() -> str:
        db = await Database.connect(as_login(world.database_url, "storax_api"), size=2, role=role)
        try:
            async with db.worker() as pooled, db.session() as conn:
                roles_of = [await one.fetchval("SELECT current_user") for one in (pooled, conn)]
                return " ".join(roles_of)
        finally:
            await db.close()

    assert world.run(run()) == f"{WORKER_ROLE} {WORKER_ROLE}"


@pytest.mark.parametrize("statement", BECOMING_MORE + TAMPERING)
def test_nothing_that_serves_requests_can_become_more_or_change_the_log(
    world: World, filled: User, statement: str
) -> None:
    """On a connection of each process' own address, whatever role it takes on before, also ``SET ROLE NONE``."""
    before = hash_of_log(world)
    for login in SERVING:
        for role in ("NONE", *MAY_TAKE_ON[login]):
            with pytest.raises(DENIED):
                world.run(execute(as_login(world.database_url, login), f"SET ROLE {role}", statement))
    assert hash_of_log(world) == before


def test_after_set_role_none_a_connection_of_the_running_api_may_do_nothing(world: World, filled: User) -> None:
    async def attempt(statement: str) -> None:
        async with world.app.state.service.db.worker() as conn:
            transaction = conn.transaction()
            await transaction.start()
            try:
                await conn.execute("SET LOCAL ROLE NONE")
                await conn.execute(statement)
            finally:
                await transaction.rollback()

    for statement in (
        "DELETE FROM event_log",
        "SELECT * FROM event_log",
        "SELECT * FROM job",
        "COPY job TO PROGRAM 'cat'",
    ):
        with pytest.raises(DENIED):
            world.run(attempt(statement))


@pytest.mark.parametrize("login", SERVING)
def test_a_login_owns_nothing_and_has_no_privilege_of_its_own(world: World, login: str) -> None:
    flags = "rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolinherit"
    assert not any(world.sql(f"SELECT {flags} FROM pg_roles WHERE rolname = $1", login)[0])
    groups = "SELECT g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = $1::regrole"
    assert {r[0] for r in world.sql(groups.replace("$1", f"'{login}'"))} == MAY_TAKE_ON[login]
    owned = "SELECT relname FROM pg_class WHERE relowner = $1::regrole UNION ALL SELECT proname FROM pg_proc WHERE proowner = $1::regrole"
    assert world.sql(owned.replace("$1", f"'{login}'")) == []
    tables = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND has_any_column_privilege($1, oid, 'SELECT, INSERT, UPDATE')"
    assert world.sql(tables, login) == []


def test_the_privileges_of_every_role_are_those_of_the_table(world: World) -> None:
    """As Postgres itself says (``has_table_privilege`` and its like), for all that is in the schema."""
    actual = {privileges.Right(*row) for row in world.sql(privileges.ACTUAL)}
    assert sorted(actual - privileges.declared()) == []
    assert sorted(privileges.declared() - actual) == []
    in_schema = {
        r[0]
        for r in world.sql(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')"
        )
    }
    assert in_schema == set(privileges.TABLES), "each table has its row in core/storax_core/database/privileges.py"


def test_the_tables_belong_to_the_owner_and_the_searching_functions_to_who_only_reads(world: World) -> None:
    owners = dict(world.sql("SELECT tablename, tableowner FROM pg_tables WHERE schemaname = 'public'"))
    assert set(owners.values()) == {"storax_owner"}
    functions = "SELECT oid::regprocedure::text, proowner::regrole::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    for name, owner in world.sql(functions):
        assert owner == ("storax_search" if name in privileges.SEARCHING else "storax_owner"), name


def test_a_right_too_many_and_one_too_few_are_corrected_by_the_next_migration(world: World) -> None:
    world.sql("GRANT TRUNCATE, UPDATE ON event_log TO storax_worker")
    world.sql("GRANT UPDATE ON SEQUENCE event_log_position_seq TO storax_app")
    world.sql("REVOKE SELECT ON feed FROM storax_app")
    asyncio.run(migrate(as_login(world.database_url, roles.OWNER)))
    test_the_privileges_of_every_role_are_those_of_the_table(world)


def test_a_backup_reads_every_row_and_changes_none(world: World, filled: User) -> None:
    async def run() -> list[int]:
        conn = await asyncpg.connect(as_login(world.database_url, "storax_backup"))
        try:
            counts = [await conn.fetchval(f"SELECT count(*) FROM {table}") for table in sorted(privileges.TABLES)]
            for table in privileges.TABLES:
                with pytest.raises(DENIED):
                    await conn.execute(f"DELETE FROM {table}")
            for statement in (s for s in BECOMING_MORE if s != "SET ROLE storax_backup"):
                with pytest.raises(DENIED):
                    await conn.execute(statement)
            return counts
        finally:
            await conn.close()

    world.stop_feeder()
    expected = [world.value(f"SELECT count(*) FROM {table}") for table in sorted(privileges.TABLES)]
    assert world.run(run()) == expected
    world.start_feeder()


def test_pg_dump_as_the_backup_role_writes_every_event(world: World, filled: User) -> None:
    """Row-level security hides rows from all other roles, and pg_dump then refuses."""
    argv = [str(binaries.postgres_folder() / "pg_dump"), "--data-only", "--table=event_log", "--inserts"]
    dumped = subprocess.run([*argv, as_login(world.database_url, "storax_backup")], capture_output=True, text=True)
    assert dumped.stdout.count("INSERT INTO public.event_log") == world.value("SELECT count(*) FROM event_log"), dumped
    refused = subprocess.run([*argv, as_login(world.database_url, "storax_api")], capture_output=True, text=True)
    assert refused.returncode != 0


# ---- one login, or one of less ---------------------------------------------------------------------------------------


def excess(url: str) -> str:
    async def run() -> str:
        db = await Database.connect(url, size=2)
        try:
            return await roles.excess(db)
        finally:
            await db.close()

    return asyncio.run(run())


def test_a_process_with_the_owners_login_works_and_says_that_it_may_too_much(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "storax.database"):
        assert excess(as_login(world.database_url, "storax_api")) == ""
        assert not [record for record in caplog.records if record.name == "storax.database"]
        assert "a superuser" in excess(world.database_url)
        owner = excess(as_login(world.database_url, "storax_owner"))
        assert owner == "storax_owner is not held by row-level security and the owner of the tables"
    assert "storax admin roles" in caplog.text
    assert LOGIN_PASSWORD not in caplog.text
    assert world.user().http.get(f"{world.url}/readyz").json()["excess"] == ""


def test_a_wrong_password_is_one_clear_error(world: World) -> None:
    url = as_login(world.database_url, "storax_api").replace("storax_api:", "storax_api:x")
    with pytest.raises(Unavailable, match="refuses the login"):
        excess(url)


# ---- how the roles come about ----------------------------------------------------------------------------------------


@pytest.fixture
def database(servers: Addresses) -> Iterator[str]:
    """An empty database of the superuser's, as those of the last release."""
    url = in_database(servers.database_url, "storax_of_last_release")
    asyncio.run(execute(servers.database_url, "DROP DATABASE IF EXISTS storax_of_last_release WITH (FORCE)"))
    asyncio.run(execute(servers.database_url, "CREATE DATABASE storax_of_last_release"))
    yield url
    asyncio.run(execute(servers.database_url, "DROP DATABASE storax_of_last_release WITH (FORCE)"))


def test_a_database_of_the_last_release_is_handed_over_to_its_owner(database: str, redis_url: str) -> None:
    asyncio.run(migrate(database, "0013"))
    asyncio.run(admin_roles.create(database, {}))
    asyncio.run(admin_roles.create(database, {}))  # can be repeated
    asyncio.run(migrate(as_login(database, roles.OWNER)))
    with World(database, redis_url, feeder=False) as taken_over:
        test_the_tables_belong_to_the_owner_and_the_searching_functions_to_who_only_reads(taken_over)
        test_the_privileges_of_every_role_are_those_of_the_table(taken_over)
        user = taken_over.user()
        job = user.job(user.app(), tags={"a": "b"})
        assert [j["id"] for j in user.get("/jobs/", tags="a:b")["results"]] == [job["id"]]
    assert asyncio.run(verify(as_login(database, roles.OWNER)))["differences"] == 0


def test_a_feeder_works_as_an_earlier_release_did_until_a_migration_grants_its_role_what_it_needs(
    database: str,
) -> None:
    """Roles are those of the whole server: those for another database may come after the migration of this one."""
    asyncio.run(migrate(database))
    names = ", ".join(privileges.TABLES)
    asyncio.run(execute(database, f"REVOKE ALL ON {names} FROM {RELAY_ROLE}"))

    async def role() -> str:
        db = await Database.connect(database, size=2, role=RELAY_ROLE)
        try:
            async with db.worker() as conn:
                return str(await conn.fetchval("SELECT current_user"))
        finally:
            await db.close()

    def health() -> str:
        environment = {**os.environ, "STORAX_DATABASE_URL": database}
        check = [sys.executable, str(ROOT / "docker" / "health.py"), "feeder"]
        ran = subprocess.run(check, env=environment, capture_output=True, text=True, check=False)
        return ran.stdout + ran.stderr

    assert asyncio.run(role()) == WORKER_ROLE
    assert "no feeder leads" in health()
    asyncio.run(migrate(database))
    assert asyncio.run(role()) == RELAY_ROLE
    assert "no feeder leads" in health()


def test_the_owner_migrates_up_and_down_without_being_a_superuser(database: str) -> None:
    asyncio.run(admin_roles.create(database, {}))
    url = as_login(database, roles.OWNER)
    asyncio.run(migrate(url))
    asyncio.run(migrate(url, "base", down=True))
    asyncio.run(migrate(url))


def test_a_login_that_may_not_migrate_is_told_the_way_out(database: str) -> None:
    with pytest.raises(Invalid) as refusal:
        asyncio.run(migrate(as_login(database, "storax_backup")))
    assert "permission denied" in refusal.value.detail
    assert "storax admin roles" in refusal.value.hint


def test_the_printed_sql_creates_the_roles_and_holds_no_secret(database: str) -> None:
    argv = [sys.executable, "-m", "storax_core.admin", "roles"]
    printed = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert "PASSWORD" not in printed
    for login in roles.LOGINS:
        assert f"-- {login.name}: {login.purpose}" in printed
    asyncio.run(execute(database, printed))
    asyncio.run(migrate(as_login(database, roles.OWNER)))


def test_what_is_sent_to_postgres_holds_no_password() -> None:
    script = roles.script({"storax_api": "very secret"})
    assert "very secret" not in script
    assert "PASSWORD 'SCRAM-SHA-256$4096:" in script


def test_a_password_for_a_role_that_is_none_of_ours_is_refused(database: str) -> None:
    with pytest.raises(Invalid, match="no login role 'postgres'"):
        asyncio.run(admin_roles.create(database, {"postgres": "x"}))
    with pytest.raises(Invalid, match="may not create roles"):
        asyncio.run(admin_roles.create(as_login(database, "storax_owner"), {}))
