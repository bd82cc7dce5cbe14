"""Feeder, reconciler and sweeper note when they last worked.

Revision: 0016
Revises: 0014
"""

import sqlalchemy as sa

from alembic import op

revision = "0016"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "heartbeat",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("limit_sec", sa.Integer(), nullable=False),
    )
    op.execute("GRANT SELECT, INSERT, UPDATE ON heartbeat TO storax_worker")


def downgrade() -> None:
    op.drop_table("heartbeat")
