"""Functions that read past row-level security belong to a role that can only read.

They belonged to ``storax_worker``, which processes take on: it could have dropped or altered them.

Revision: 0017
Revises: 0016
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

WORKER, SEARCH = "storax_worker", "storax_search"
FUNCTIONS = ("jobs_with_tags(jsonb)", "jobs_ever_tagged(jsonb)", "jobs_taken_by(bigint[])", "batch_jobs_called(text[])")
READ = ("job", "batch_job", "event_log")


def upgrade() -> None:
    op.execute(f"""DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{SEARCH}') THEN CREATE ROLE {SEARCH} NOLOGIN; END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$""")
    # Where an administrator made the role, the owner is a member who may not add one.
    op.execute(f"""DO $$ BEGIN IF NOT pg_has_role('{SEARCH}',
  CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END)
THEN GRANT {SEARCH} TO CURRENT_USER; END IF; END $$""")
    op.execute(f"GRANT USAGE ON SCHEMA public TO {SEARCH}")
    for table in READ:
        op.execute(f"GRANT SELECT ON {table} TO {SEARCH}")
        op.execute(f"CREATE POLICY search ON {table} FOR SELECT TO {SEARCH} USING (true)")
    _give_functions_to(SEARCH, "public, pg_temp")
    # Named last, or a temporary table called job would be searched in place of the real one.
    op.execute("ALTER FUNCTION storax_analyze() SET search_path = public, pg_temp")
    op.execute("REVOKE ALL ON FUNCTION event_log_is_append_only() FROM PUBLIC")


def downgrade() -> None:
    op.execute("GRANT EXECUTE ON FUNCTION event_log_is_append_only() TO PUBLIC")
    op.execute("ALTER FUNCTION storax_analyze() SET search_path = public")
    _give_functions_to(WORKER, "public")
    for table in READ:
        op.execute(f"DROP POLICY search ON {table}")
        op.execute(f"REVOKE ALL ON {table} FROM {SEARCH}")
    op.execute(f"REVOKE ALL ON SCHEMA public FROM {SEARCH}")


def _give_functions_to(role: str, path: str) -> None:
    op.execute(f"GRANT CREATE ON SCHEMA public TO {role}")
    for function in FUNCTIONS:
        op.execute(f"ALTER FUNCTION {function} SET search_path = {path}")
        op.execute(f"ALTER FUNCTION {function} OWNER TO {role}")
    op.execute(f"REVOKE CREATE ON SCHEMA public FROM {role}")
