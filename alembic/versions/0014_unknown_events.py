"""A function that refuses an event that a newer release wrote, for statements that fold the log.

Revision: 0014
Revises: 0013
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

APP, WORKER = "storax_app", "storax_worker"
NAME = "refuse_event(text, integer, integer)"


def upgrade() -> None:
    op.execute(
        """CREATE FUNCTION refuse_event(type text, schema_version integer, known integer) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$ BEGIN
  RAISE EXCEPTION USING ERRCODE = 'SX001', MESSAGE = CASE known
    WHEN 0 THEN format('the log has an event of type %s, which this Storax does not know', type)
    ELSE format('the log has an event of type %s with schema version %s; this Storax knows versions up to %s',
      type, schema_version, known) END;
END $$"""
    )
    op.execute(f"REVOKE ALL ON FUNCTION {NAME} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {NAME} TO {APP}, {WORKER}")


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {NAME}")
