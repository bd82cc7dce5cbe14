"""Events of jobs and BatchJobs that are gone are found by what these were.

Revision: 0010
Revises: 0009
"""

import sqlalchemy as sa

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

APP, WORKER = "storax_app", "storax_worker"
OWNER = "(SELECT nullif(current_setting('storax.owner', true), '')::bigint)"
REMEMBERED = "type IN ('job.deleted', 'batch_job.deleted')"
TAKEN = "type = 'job.leased' AND (data ->> 'batch_job_id') IS NOT NULL"
# As jobs_with_tags: they use an index that row-level security would hide, and name the owner themselves.
FUNCTIONS = {
    "jobs_ever_tagged(wanted jsonb)": f"""SELECT id FROM job WHERE tags @> wanted AND owner_id = {OWNER}
UNION SELECT entity_id FROM event_log WHERE {REMEMBERED} AND entity = 'job'
  AND data @> jsonb_build_object('last', jsonb_build_object('tags', wanted)) AND owner_id = {OWNER}""",
    "jobs_taken_by(wanted bigint[])": f"""SELECT DISTINCT entity_id FROM event_log WHERE {TAKEN}
  AND (data ->> 'batch_job_id')::bigint = ANY(wanted) AND owner_id = {OWNER}""",
    "batch_jobs_called(wanted text[])": f"""SELECT id FROM batch_job
WHERE scheduler_id = ANY(wanted) AND owner_id = {OWNER}
UNION SELECT e.entity_id FROM unnest(wanted) AS w, event_log e WHERE {REMEMBERED} AND e.entity = 'batch_job'
  AND e.data @> jsonb_build_object('last', jsonb_build_object('scheduler_id', w)) AND e.owner_id = {OWNER}""",
}


def upgrade() -> None:
    op.create_index(
        "event_last", "event_log", ["data"], postgresql_using="gin", postgresql_ops={"data": "jsonb_path_ops"},
        postgresql_where=sa.text(REMEMBERED),
    )  # fmt: skip
    op.create_index(
        "event_taken", "event_log", [sa.text("((data ->> 'batch_job_id')::bigint)")], postgresql_where=sa.text(TAKEN)
    )
    op.execute(f"GRANT CREATE ON SCHEMA public TO {WORKER}")
    for signature, body in FUNCTIONS.items():
        name = f"{signature.partition('(')[0]}({signature.rpartition(' ')[2]}"
        op.execute(f"""CREATE FUNCTION {signature} RETURNS SETOF bigint LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = public ROWS 200 AS $$ {body} $$""")
        op.execute(f"ALTER FUNCTION {name} OWNER TO {WORKER}")
        op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO {APP}, {WORKER}")
    op.execute(f"REVOKE CREATE ON SCHEMA public FROM {WORKER}")


def downgrade() -> None:
    for signature in FUNCTIONS:
        op.execute(f"DROP FUNCTION {signature.partition('(')[0]}({signature.rpartition(' ')[2]}")
    op.drop_index("event_taken", "event_log")
    op.drop_index("event_last", "event_log")
