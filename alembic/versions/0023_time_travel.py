"""An aggregate that merges the patches of an entity's events, for queries of the past by any role.

Revision: 0023
Revises: 0021
"""

from alembic import op

revision = "0023"
down_revision = "0021"
branch_labels = None
depends_on = None

APP, WORKER = "storax_app", "storax_worker"


def upgrade() -> None:
    op.execute("CREATE AGGREGATE jsonb_merge(jsonb) (sfunc = jsonb_concat, stype = jsonb, initcond = '{}')")
    op.execute("REVOKE ALL ON FUNCTION jsonb_merge(jsonb) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION jsonb_merge(jsonb) TO {APP}, {WORKER}")


def downgrade() -> None:
    op.execute("DROP AGGREGATE jsonb_merge(jsonb)")
