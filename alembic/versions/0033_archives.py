"""Archives: ranges of the log that were moved to files, and the state of every resource at their end.

An event may be deleted once its range is archived; no other way. The line of a job's failure outlives its events.

Revision: 0033
Revises: 0032
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

APP, WORKER = "storax_app", "storax_worker"
ERRORS = "e.to_state IN ('RUN_ERROR', 'RUN_TIMEOUT', 'FAILED')"
SAID = """coalesce(nullif(e.data ->> 'traceback_tail', ''), nullif(e.data ->> 'stderr_tail', ''),
    e.data ->> 'message', '')"""
# Of all events: before archives, and with the line that the baseline has of those that were archived.
LINE_OF_LOG = f"""CREATE OR REPLACE FUNCTION failure_line(job bigint) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE COST 1000 SET search_path = public AS $$
SELECT coalesce((SELECT nullif(failure_signature({SAID}), '')
  FROM event_log e WHERE e.entity = 'job' AND e.entity_id = job AND {ERRORS}
  ORDER BY coalesce(e.data ->> 'traceback_tail', e.data ->> 'stderr_tail', '') = '', e.version DESC
  LIMIT 1), '(no message)') $$"""
LINE_OF_ALL = f"""CREATE OR REPLACE FUNCTION failure_line(job bigint) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE COST 1000 SET search_path = public AS $$
SELECT coalesce((SELECT nullif(coalesce(line, failure_signature(said)), '') FROM (
  SELECT NULL AS line, {SAID} AS said, e.version,
    coalesce(e.data ->> 'traceback_tail', e.data ->> 'stderr_tail', '') <> '' AS of_output
  FROM event_log e WHERE e.entity = 'job' AND e.entity_id = job AND {ERRORS}
  UNION ALL SELECT b.failure ->> 'line', NULL, 0, (b.failure ->> 'of_output')::boolean
  FROM event_baseline b WHERE b.entity = 'job' AND b.entity_id = job AND b.failure IS NOT NULL
  ORDER BY of_output DESC, version DESC LIMIT 1) x), '(no message)') $$"""
OWNER = "(SELECT nullif(current_setting('storax.owner', true), '')::bigint)"


def upgrade() -> None:
    _archive()
    _baseline()
    op.execute("""CREATE FUNCTION event_log_keeps_what_is_not_archived() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM gone)
    AND NOT coalesce((SELECT max(position) FROM gone) <= (SELECT max(high) FROM archive), false)
  THEN RAISE EXCEPTION 'the event log is append-only: % of events that are not archived refused', TG_OP
    USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NULL;
END $$""")
    op.execute("REVOKE ALL ON FUNCTION event_log_keeps_what_is_not_archived() FROM PUBLIC")
    op.execute("DROP TRIGGER append_only ON event_log")
    op.execute("""CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON event_log
FOR EACH STATEMENT EXECUTE FUNCTION event_log_is_append_only()""")
    op.execute("""CREATE TRIGGER archived_alone AFTER DELETE ON event_log REFERENCING OLD TABLE AS gone
FOR EACH STATEMENT EXECUTE FUNCTION event_log_keeps_what_is_not_archived()""")
    for trigger in ("append_only", "archived_alone"):
        op.execute(f"ALTER TABLE event_log ENABLE ALWAYS TRIGGER {trigger}")
    op.execute(LINE_OF_ALL.replace(":", r"\:"))


def _archive() -> None:
    op.create_table(
        "archive",
        sa.Column("high", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("low", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("events_file", sa.Text(), nullable=False),
        sa.Column("events_digest", sa.Text(), nullable=False),
        sa.Column("events_bytes", sa.BigInteger(), nullable=False),
        sa.Column("baseline_file", sa.Text(), nullable=False),
        sa.Column("baseline_digest", sa.Text(), nullable=False),
        sa.Column("baseline_bytes", sa.BigInteger(), nullable=False),
        sa.Column("baseline_rows", sa.BigInteger(), nullable=False),
        sa.Column("baseline_root", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("high"),
    )
    op.execute(f"GRANT SELECT ON archive TO {APP}, {WORKER}")
    op.execute("""CREATE FUNCTION archive_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'archives are append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$""")
    op.execute("REVOKE ALL ON FUNCTION archive_is_append_only() FROM PUBLIC")
    op.execute("""CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON archive
FOR EACH STATEMENT EXECUTE FUNCTION archive_is_append_only()""")
    op.execute("ALTER TABLE archive ENABLE ALWAYS TRIGGER append_only")


def _baseline() -> None:
    op.create_table(
        "event_baseline",
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("timestamp", sa.DateTime(timezone=True), nullable=False),
        sa.Column("creation_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("schema_version", sa.SmallInteger(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("to_state", sa.Text(), nullable=True),
        sa.Column("transition", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("failure", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("entity", "entity_id"),
    )
    op.create_index("baseline_owner", "event_baseline", ["owner_id", "entity"])
    op.execute(f"GRANT SELECT ON event_baseline TO {APP}, {WORKER}")
    op.execute("ALTER TABLE event_baseline ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    wall = f"owner_id IS NOT DISTINCT FROM {OWNER}"
    op.execute(f"CREATE POLICY own ON event_baseline FOR SELECT TO {APP} USING ({wall})")
    op.execute(f"CREATE POLICY everyone ON event_baseline FOR SELECT TO {WORKER} USING (true)")
    op.execute("CREATE POLICY keeper ON event_baseline TO CURRENT_USER USING (true) WITH CHECK (true)")


def downgrade() -> None:
    """Refused while there are archives: their events are in files alone."""
    op.execute("""DO $$ BEGIN IF EXISTS (SELECT FROM archive) THEN
RAISE EXCEPTION 'events were archived: an earlier release cannot read them'; END IF; END $$""")
    op.execute("DROP TRIGGER archived_alone ON event_log")
    op.execute("DROP FUNCTION event_log_keeps_what_is_not_archived()")
    op.execute("DROP TRIGGER append_only ON event_log")
    op.execute("""CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event_log
FOR EACH STATEMENT EXECUTE FUNCTION event_log_is_append_only()""")
    op.execute("ALTER TABLE event_log ENABLE ALWAYS TRIGGER append_only")
    op.execute(LINE_OF_LOG.replace(":", r"\:"))
    op.drop_table("event_baseline")
    op.drop_table("archive")
    op.execute("DROP FUNCTION archive_is_append_only()")
