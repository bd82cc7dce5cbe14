"""Who may do what in the database: the one table of privileges, from which they are granted.

``storax admin migrate`` grants what is missing and revokes what is too much, on the tables, sequences and functions
that this file names. A test compares all of them with what Postgres says.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from storax_core.database.connections import APP_ROLE as APP
from storax_core.database.connections import RELAY_ROLE as RELAY
from storax_core.database.connections import UPKEEP_ROLE as UPKEEP
from storax_core.database.connections import WORKER_ROLE as WORKER

# Owns the functions that read past the row-level security of ``storax_app``, and compare the owner themselves.
SEARCH = "storax_search"
BACKUP = "storax_backup"
READ, APPEND, KEEP, ALL = "SELECT", "SELECT INSERT", "SELECT INSERT UPDATE", "SELECT INSERT UPDATE DELETE"
EVERY_ROW = {APP: ALL, WORKER: ALL}

TABLES: Mapping[str, Mapping[str, str]] = {
    "alembic_version": {APP: READ, WORKER: READ, UPKEEP: READ},
    "app": EVERY_ROW | {UPKEEP: READ},
    "app_flow": {WORKER: ALL, RELAY: ALL, UPKEEP: ALL},
    "archive": {APP: READ, WORKER: READ, UPKEEP: READ},
    "batch_job": EVERY_ROW | {SEARCH: READ, RELAY: READ, UPKEEP: "SELECT UPDATE"},
    "cluster_epoch": {APP: READ, WORKER: READ, UPKEEP: READ},
    "command": {APP: APPEND, WORKER: "SELECT INSERT DELETE", UPKEEP: "SELECT DELETE"},
    "data_frame": EVERY_ROW,
    "event_baseline": {APP: READ, WORKER: READ, UPKEEP: READ},
    "event_log": {APP: APPEND, WORKER: APPEND, SEARCH: READ, RELAY: READ, UPKEEP: APPEND},
    "feed": {APP: READ, WORKER: KEEP, RELAY: KEEP, UPKEEP: READ},
    "heartbeat": {WORKER: KEEP, RELAY: KEEP, UPKEEP: KEEP},
    "job": EVERY_ROW | {SEARCH: READ, UPKEEP: "SELECT UPDATE"},
    "job_app": {WORKER: READ, RELAY: READ},
    "job_flow": {APP: READ, WORKER: ALL, RELAY: ALL},
    "job_parent": {APP: "SELECT INSERT DELETE", WORKER: "SELECT INSERT DELETE", UPKEEP: "SELECT DELETE"},
    "job_state": EVERY_ROW | {RELAY: READ, UPKEEP: "SELECT UPDATE"},
    "job_tally": {APP: APPEND, WORKER: "SELECT INSERT DELETE", RELAY: "SELECT INSERT DELETE", UPKEEP: APPEND},
    "login_failure": {WORKER: ALL, UPKEEP: "SELECT DELETE"},
    "pipeline": EVERY_ROW,
    "project": EVERY_ROW,
    "saved_view": EVERY_ROW,
    "server_key": {WORKER: APPEND, UPKEEP: READ},
    "server_uptime": {WORKER: KEEP, UPKEEP: READ},
    "seal": {WORKER: APPEND, UPKEEP: APPEND},
    "session": EVERY_ROW | {RELAY: READ, UPKEEP: "SELECT UPDATE DELETE"},
    "site": EVERY_ROW | {UPKEEP: READ},
    "token": EVERY_ROW,
    "transfer_item": EVERY_ROW | {UPKEEP: "SELECT UPDATE"},
    "user_account": EVERY_ROW,
    "webhook": EVERY_ROW | {UPKEEP: "SELECT UPDATE"},
}
# To draw a number is USAGE, to read the last one SELECT. Nobody may set one (UPDATE).
SEQUENCES: Mapping[str, Mapping[str, str]] = {
    f"{name}_seq": {APP: "USAGE SELECT", WORKER: "USAGE SELECT"}
    | ({RELAY: READ, UPKEEP: "USAGE SELECT"} if name == "event_log_position" else {})
    for name in (
        "app_id", "batch_job_id", "data_frame_id", "event_log_position", "job_id", "pipeline_id", "project_id",
        "saved_view_id", "session_id", "site_id", "token_id", "transfer_item_id", "user_account_id",
        "webhook_id",
    )
}  # fmt: skip
FUNCTIONS: Mapping[str, Mapping[str, str]] = {
    "archive_is_append_only()": {},
    "batch_jobs_called(text[])": {APP: "EXECUTE", WORKER: "EXECUTE", UPKEEP: "EXECUTE"},
    "event_log_is_append_only()": {},
    "event_log_keeps_what_is_not_archived()": {},
    "failure_line(bigint)": {APP: "EXECUTE", WORKER: "EXECUTE"},
    "failure_signature(text)": {APP: "EXECUTE", WORKER: "EXECUTE"},
    "jsonb_merge(jsonb)": {APP: "EXECUTE", WORKER: "EXECUTE", UPKEEP: "EXECUTE"},
    "jobs_ever_tagged(jsonb)": {APP: "EXECUTE", WORKER: "EXECUTE", UPKEEP: "EXECUTE"},
    "jobs_taken_by(bigint[])": {APP: "EXECUTE", WORKER: "EXECUTE", UPKEEP: "EXECUTE"},
    "jobs_with_tags(jsonb)": {APP: "EXECUTE", WORKER: "EXECUTE", UPKEEP: "EXECUTE"},
    "refuse_event(text,integer,integer)": {APP: "EXECUTE", WORKER: "EXECUTE", UPKEEP: "EXECUTE"},
    "seal_is_append_only()": {},
    "storax_analyze()": {WORKER: "EXECUTE", RELAY: "EXECUTE"},
    "storax_check_epoch()": {APP: "EXECUTE", WORKER: "EXECUTE", RELAY: "EXECUTE", UPKEEP: "EXECUTE"},
    "storax_database_identity()": {},
    "storax_raise_epoch(text,bigint)": {WORKER: "EXECUTE"},
}
# Those that read past row-level security, and so belong to SEARCH. All others belong to the owner of the tables.
SEARCHING = frozenset(
    {"batch_jobs_called(text[])", "jobs_ever_tagged(jsonb)", "jobs_taken_by(bigint[])", "jobs_with_tags(jsonb)"}
)
ROLES = (APP, WORKER, RELAY, UPKEEP, SEARCH, BACKUP)
_NAMES = "'{" + ",".join(ROLES) + "}'::text[]"
PRESENT = f"SELECT rolname FROM pg_roles WHERE rolname = ANY({_NAMES})"  # noqa: S608
ACTUAL = f"""SELECT r.rolname, kind, object, p FROM pg_roles r, LATERAL (
  SELECT 'TABLE' AS kind, c.relname::text AS object, p FROM pg_class c,
    unnest('{{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}}'::text[]) p
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
    AND has_table_privilege(r.oid, c.oid, p)
  UNION ALL SELECT 'SEQUENCE', c.relname::text, p FROM pg_class c, unnest('{{USAGE,SELECT,UPDATE}}'::text[]) p
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'S' AND has_sequence_privilege(r.oid, c.oid, p)
  UNION ALL SELECT 'FUNCTION', f.oid::regprocedure::text, 'EXECUTE' FROM pg_proc f
  WHERE f.pronamespace = 'public'::regnamespace AND has_function_privilege(r.oid, f.oid, 'EXECUTE')
    AND NOT (f.proowner = r.oid)) x
WHERE r.rolname = ANY({_NAMES})"""  # noqa: S608


class Right(NamedTuple):
    """One privilege of one role on one object; ``kind`` is TABLE, SEQUENCE or FUNCTION."""

    role: str
    kind: str
    object: str
    privilege: str


def declared() -> frozenset[Right]:
    """Return every privilege of this file. A backup reads all tables and sequences."""
    return frozenset(
        Right(role, kind, name, privilege)
        for kind, objects in (("TABLE", TABLES), ("SEQUENCE", SEQUENCES), ("FUNCTION", FUNCTIONS))
        for name, roles in objects.items()
        for role, privileges in (roles if kind == "FUNCTION" else {**roles, BACKUP: READ}).items()
        for privilege in privileges.split()
    )


def corrections(present: frozenset[str], actual: frozenset[Right]) -> Iterator[str]:
    """Yield the statements that make ``actual``, the privileges of the roles that are present, those of this file.

    Objects that this file does not name keep the privileges that their migration granted.
    """
    wanted = frozenset(right for right in declared() if right.role in present)
    named = {*TABLES, *SEQUENCES, *FUNCTIONS}
    for right in sorted(wanted - actual):
        yield f"GRANT {right.privilege} ON {right.kind} {right.object} TO {right.role}"
    for right in sorted(actual - wanted):
        if right.object in named:
            yield f"REVOKE {right.privilege} ON {right.kind} {right.object} FROM {right.role}"
