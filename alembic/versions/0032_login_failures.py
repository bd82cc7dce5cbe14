"""Counts of failed logins, which all API processes share.

Revision: 0032
Revises: 0030
"""

import sqlalchemy as sa

from alembic import op

revision = "0032"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "login_failure",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON login_failure TO storax_worker")


def downgrade() -> None:
    op.drop_table("login_failure")
