"""Saved views: named queries of the page Jobs.

Revision: 0037
Revises: 0036
"""

import sqlalchemy as sa

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "saved_view",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("creation_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_update", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("saved_view_owner_name", "saved_view", ["owner_id", "name"], unique=True)
    mine = "owner_id IS NOT DISTINCT FROM (SELECT nullif(current_setting('storax.owner', true), '')::bigint)"
    op.execute("ALTER TABLE saved_view ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own ON saved_view TO storax_app USING ({mine}) WITH CHECK ({mine})")
    op.execute("CREATE POLICY everyone ON saved_view TO storax_worker USING (true) WITH CHECK (true)")


def downgrade() -> None:
    op.drop_index("saved_view_owner_name", table_name="saved_view")
    op.drop_table("saved_view")
