"""What API processes share: keys that sign what passes between them through Redis, and counts of failed logins.

Revision: 0027
Revises: 0023
"""

import sqlalchemy as sa

from alembic import op

revision = "0027"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "server_key",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.execute("GRANT SELECT, INSERT ON server_key TO storax_worker")
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
    op.drop_table("server_key")
