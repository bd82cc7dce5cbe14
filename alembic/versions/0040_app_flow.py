"""How many jobs of each App came to each state.

Revision: 0040
Revises: 0039
"""

import sqlalchemy as sa

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "app_flow",
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("app_id", "to_state"),
    )
    # For the feeder, which may read no parameters of jobs.
    op.execute("CREATE VIEW job_app AS SELECT id, app_id FROM job")
    op.execute("GRANT SELECT ON job_app TO storax_worker")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON app_flow TO storax_worker")
    op.execute("ALTER TABLE app_flow ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY everyone ON app_flow TO storax_worker USING (true) WITH CHECK (true)")


def downgrade() -> None:
    op.execute("DROP VIEW job_app")
    op.drop_table("app_flow")
