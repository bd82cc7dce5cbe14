"""The roles that log in, one for each process, and the SQL by which an administrator of Postgres creates them.

A process that serves requests logs in as a role that owns nothing and may only take on ``storax_app`` or
``storax_worker``; the feeder only ``storax_relay`` and the periodic tasks only ``storax_upkeep``, which see the rows of
all owners in the tables that they need. So whatever runs on their connections, also after ``SET ROLE NONE``, cannot
change an event, a table or a role. Only migrations log in as the owner.
"""

import base64
import hashlib
import hmac
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from storax_core.database.connections import APP_ROLE, RELAY_ROLE, UPKEEP_ROLE, WORKER_ROLE, Database
from storax_core.database.privileges import BACKUP, FUNCTIONS, SEARCH, SEARCHING, TABLES

log = logging.getLogger("storax.database")
OWNER = "storax_owner"
GROUPS = (APP_ROLE, WORKER_ROLE, RELAY_ROLE, UPKEEP_ROLE, SEARCH)
_ITERATIONS = 4096  # as Postgres itself


@dataclass(frozen=True)
class Login:
    """A role that logs in: what it may take on, and whether row-level security hides rows from it."""

    name: str
    purpose: str
    member_of: tuple[str, ...] = ()
    inherits: bool = False
    sees_all_rows: bool = False


LOGINS = (
    Login(OWNER, "migrations and storax admin: owns the tables", GROUPS, inherits=True, sees_all_rows=True),
    Login("storax_api", "the API", (APP_ROLE, WORKER_ROLE)),
    Login("storax_feeder", "the feeder", (RELAY_ROLE,)),
    Login("storax_tasks", "the periodic tasks", (UPKEEP_ROLE,)),
    Login(BACKUP, "pg_dump: reads everything, changes nothing", sees_all_rows=True),
)
NAMES = tuple(login.name for login in LOGINS)
# What the login of a process that serves requests must not be. The names of the columns are the sentence's words.
EXCESS = """SELECT session_user AS name, rolsuper AS "a superuser", rolcreaterole AS "able to change roles",
rolbypassrls AS "not held by row-level security", EXISTS (SELECT FROM pg_class
WHERE oid = to_regclass('event_log') AND pg_has_role(session_user, relowner, 'MEMBER')) AS "the owner of the tables"
FROM pg_roles WHERE rolname = session_user"""


async def excess(db: Database) -> str:
    """Return in which way this process' login may more than it needs, and warn of it; empty if it does not."""
    async with db.worker() as conn:
        row = await conn.fetchrow(EXCESS)
    ways = [way for way, has in row.items() if has is True]
    if not ways:
        return ""
    log.warning("the login %s is %s; run `storax admin roles` for roles of less", row["name"], " and ".join(ways))
    return f"{row['name']} is {' and '.join(ways)}"


def script(passwords: Mapping[str, str] | None = None) -> str:
    """Return the SQL that creates or repairs all roles, and hands the database over to its owner.

    An administrator runs it in Storax's database. It can be repeated, also on a database of an earlier release.

    Args:
        passwords: By role; None, the default, leaves passwords as they are. The SQL holds only what Postgres stores.
    """
    return ";\n".join(_statements(passwords or {})) + ";\n"


def _statements(passwords: Mapping[str, str]) -> Iterator[str]:
    for group in GROUPS:
        yield _create(group, "NOLOGIN")
    # Not by policies, which would hide rows without a word from a role that was created after them.
    yield f"ALTER ROLE {RELAY_ROLE} BYPASSRLS"
    yield f"ALTER ROLE {UPKEEP_ROLE} BYPASSRLS"
    for login in LOGINS:
        yield _create(login.name, "LOGIN")
        yield f"ALTER ROLE {login.name} {_attributes(login)}{_password(passwords.get(login.name))}"
        for group in login.member_of:
            yield f"GRANT {group} TO {login.name}"
    yield "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
    yield f"GRANT USAGE, CREATE ON SCHEMA public TO {OWNER}"
    yield f"GRANT USAGE ON SCHEMA public TO {', '.join((*GROUPS, BACKUP))}"
    yield _in_this_database(f"ALTER DATABASE %I OWNER TO {OWNER}")
    yield _in_this_database(f"GRANT CONNECT ON DATABASE %I TO {', '.join(NAMES)}")
    yield _hand_over()


def _create(role: str, how: str) -> str:
    return f"""DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE {role} {how}; END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"""


def _attributes(login: Login) -> str:
    rows = "BYPASSRLS" if login.sees_all_rows else "NOBYPASSRLS"
    inherit = "INHERIT" if login.inherits else "NOINHERIT"
    return f"LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION {rows} {inherit}"


def _password(text: str | None) -> str:
    return "" if text is None else f" PASSWORD '{verifier(text, os.urandom(16))}'"


def verifier(password: str, salt: bytes) -> str:
    """Return what Postgres stores of a password, so that no statement, and no log of statements, holds the password."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    client, server = (hmac.digest(salted, key, "sha256") for key in (b"Client Key", b"Server Key"))
    coded = [base64.b64encode(part).decode() for part in (salt, hashlib.sha256(client).digest(), server)]
    return f"SCRAM-SHA-256${_ITERATIONS}:{coded[0]}${coded[1]}:{coded[2]}"


def _in_this_database(statement: str) -> str:
    return f"DO $$ BEGIN EXECUTE format('{statement}', current_database()); END $$"


def _hand_over() -> str:
    """Tables, views and functions that another role made, in a database of an earlier release."""
    tables = ", ".join(f"'{name}'" for name in TABLES)
    functions = ", ".join(f"'{name}'" for name in FUNCTIONS if name not in SEARCHING)
    return f"""DO $$ DECLARE item text; BEGIN
  FOR item IN SELECT c.oid::regclass::text FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') AND c.relname IN ({tables})
    AND c.relowner <> '{OWNER}'::regrole
  LOOP EXECUTE format('ALTER TABLE %s OWNER TO {OWNER}', item); END LOOP;
  FOR item IN SELECT f.oid::regprocedure::text FROM pg_proc f WHERE f.pronamespace = 'public'::regnamespace
    AND f.oid::regprocedure::text IN ({functions}) AND f.proowner <> '{OWNER}'::regrole
  LOOP EXECUTE format('ALTER ROUTINE %s OWNER TO {OWNER}', item); END LOOP;
  IF EXISTS (SELECT FROM pg_policies WHERE tablename = 'event_log' AND policyname = 'keeper')
  THEN ALTER POLICY keeper ON event_log TO {OWNER}; END IF;
END $$"""  # noqa: S608  (names of ours)
