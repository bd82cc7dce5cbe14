"""The format in which a webhook gets events.

Revision: 0039
Revises: 0038
"""

import sqlalchemy as sa

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("webhook", sa.Column("format", sa.Text(), nullable=False, server_default="cloudevents"))


def downgrade() -> None:
    op.drop_column("webhook", "format")
