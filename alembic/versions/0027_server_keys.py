"""Keys with which API processes sign what they tell each other through Redis.

Revision: 0027
Revises: 0024
"""

import sqlalchemy as sa

from alembic import op

revision = "0027"
down_revision = "0024"
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


def downgrade() -> None:
    op.drop_table("server_key")
