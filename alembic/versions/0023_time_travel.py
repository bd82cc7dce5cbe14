"""An aggregate that merges the patches of an entity's events, for queries of the past by any role.

Revision: 0023
Revises: 0013
"""

from alembic import op

revision = "0023"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE AGGREGATE jsonb_merge(jsonb) (sfunc = jsonb_concat, stype = jsonb, initcond = '{}')")


def downgrade() -> None:
    op.execute("DROP AGGREGATE jsonb_merge(jsonb)")
