"""guards: roles, row-level security, an append-only log

Revision: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APP, WORKER = "storax_app", "storax_worker"
OWNED = ("site", "app", "job", "job_state", "batch_job", "transfer_item", "session", "token")
OWNED_BESIDE = ("job_parent", "job_tally", "command")
# The users' own table and the log carry owner_id as well; the log has policies of its own below.
OWNED_TOO = ("user_account",)
OWNER = "(SELECT nullif(current_setting('storax.owner', true), '')::bigint)"
# Not "=": as an index condition the wall would tempt the planner to walk all rows of an owner to join a handful by id.
WALL = f"owner_id IS NOT DISTINCT FROM {OWNER}"


def _role(name: str) -> str:
    return f"""DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN CREATE ROLE {name} NOLOGIN; END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"""


def _join(role: str) -> str:
    """Make the migrating role a member, unless an administrator has."""
    return f"""DO $$ BEGIN IF NOT pg_has_role('{role}',
  CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END)
THEN GRANT {role} TO CURRENT_USER; END IF; END $$"""


def upgrade() -> None:
    """Create the two working roles and hold them to their rows and rights."""
    for role in (APP, WORKER):
        op.execute(_role(role))
        op.execute(_join(role))
        op.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
        op.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}")
        op.execute(f"GRANT SELECT ON alembic_version TO {role}")
    for table in (*OWNED, *OWNED_BESIDE, *OWNED_TOO):
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP}, {WORKER}")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own ON {table} TO {APP} USING ({WALL}) WITH CHECK ({WALL})")
        op.execute(f"CREATE POLICY everyone ON {table} TO {WORKER} USING (true) WITH CHECK (true)")
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON feed TO {WORKER}")
    op.execute(f"GRANT SELECT ON feed TO {APP}")
    _append_only()
    _tag_search()
    _upkeep()


def _upkeep() -> None:
    """Statistics and visibility soon after large loads; answers are kept as they are, uncompressed."""
    for table in ("job", "job_state", "event_log"):
        op.execute(
            f"ALTER TABLE {table} SET (autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_scale_factor = 0.05,"
            " autovacuum_vacuum_insert_scale_factor = 0.05)"
        )
    op.execute("ALTER TABLE command ALTER COLUMN answer SET STORAGE EXTERNAL")
    # ANALYZE is the owner's right; the feeder may ask for it right after a large load.
    op.execute("""CREATE FUNCTION storax_analyze() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public
AS $$ ANALYZE job, job_state, event_log $$""")
    op.execute("REVOKE ALL ON FUNCTION storax_analyze() FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION storax_analyze() TO {WORKER}")


def _append_only() -> None:
    op.execute(f"GRANT SELECT, INSERT ON event_log TO {APP}, {WORKER}")
    op.execute("ALTER TABLE event_log ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_read ON event_log FOR SELECT TO {APP} USING ({WALL})")
    op.execute(f"CREATE POLICY own_write ON event_log FOR INSERT TO {APP} WITH CHECK ({WALL})")
    op.execute(f"CREATE POLICY everyone ON event_log TO {WORKER} USING (true) WITH CHECK (true)")
    op.execute("CREATE POLICY keeper ON event_log TO CURRENT_USER USING (true) WITH CHECK (true)")
    op.execute("""CREATE FUNCTION event_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the event log is append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$""")
    op.execute("""CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event_log
FOR EACH STATEMENT EXECUTE FUNCTION event_log_is_append_only()""")
    op.execute("ALTER TABLE event_log ENABLE ALWAYS TRIGGER append_only")


def _tag_search() -> None:
    """Row-level security keeps the tag index from being used (jsonb's @> is not leak-proof).

    This function looks in the index with the rights of the worker role and applies the owner's wall itself.
    """
    op.execute(f"""CREATE FUNCTION jobs_with_tags(wanted jsonb) RETURNS SETOF bigint LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = public ROWS 200 AS $$
SELECT id FROM job WHERE tags @> wanted AND owner_id = {OWNER} $$""")
    op.execute(f"GRANT CREATE ON SCHEMA public TO {WORKER}")
    op.execute(f"ALTER FUNCTION jobs_with_tags(jsonb) OWNER TO {WORKER}")
    op.execute(f"REVOKE CREATE ON SCHEMA public FROM {WORKER}")
    op.execute("REVOKE ALL ON FUNCTION jobs_with_tags(jsonb) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION jobs_with_tags(jsonb) TO {APP}, {WORKER}")


def downgrade() -> None:
    """Take the guards off; the roles stay, as other databases of the cluster may use them."""
    op.execute("DROP FUNCTION jobs_with_tags(jsonb)")
    op.execute("DROP FUNCTION storax_analyze()")
    op.execute("DROP TRIGGER append_only ON event_log")
    op.execute("DROP FUNCTION event_log_is_append_only()")
    for policy in ("own_read", "own_write", "everyone", "keeper"):
        op.execute(f"DROP POLICY {policy} ON event_log")
    op.execute("ALTER TABLE event_log NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY")
    for table in (*OWNED, *OWNED_BESIDE, *OWNED_TOO):
        op.execute(f"DROP POLICY own ON {table}")
        op.execute(f"DROP POLICY everyone ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY")
    op.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {APP}, {WORKER}")
    op.execute(f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {APP}, {WORKER}")
    op.execute(f"REVOKE ALL ON SCHEMA public FROM {APP}, {WORKER}")
