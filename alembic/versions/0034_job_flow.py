"""How many jobs went from state to state, by minute; what agents say of themselves with each heartbeat.

Revision: 0034
Revises: 0033
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

MINE = "owner_id IS NOT DISTINCT FROM (SELECT nullif(current_setting('storax.owner', true), '')::bigint)"


def upgrade() -> None:
    op.create_table(
        "job_flow",
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=False),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "minute", "site_id", "from_state", "to_state"),
    )
    status = sa.Column("agent_status", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False)
    op.add_column("site", status)
    op.create_index("job_flow_minute", "job_flow", ["minute"])
    op.execute("GRANT SELECT ON job_flow TO storax_app")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON job_flow TO storax_worker")
    op.execute("ALTER TABLE job_flow ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own ON job_flow TO storax_app USING ({MINE})")
    op.execute("CREATE POLICY everyone ON job_flow TO storax_worker USING (true) WITH CHECK (true)")


def downgrade() -> None:
    op.drop_column("site", "agent_status")
    op.drop_table("job_flow")
    op.execute("DELETE FROM feed WHERE name = 'job flow'")
