"""When the API last served, so that its own silence ends no lease.

Revision: 0021
Revises: 0020
"""

import sqlalchemy as sa

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "server_uptime",
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("served_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("part"),
    )
    op.execute("GRANT SELECT, INSERT, UPDATE ON server_uptime TO storax_worker")
    op.execute("INSERT INTO server_uptime (part, served_at) VALUES ('api', now())")


def downgrade() -> None:
    op.drop_table("server_uptime")
