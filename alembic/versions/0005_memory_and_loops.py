"""A job's memory; what a site's agent tells of its node and of its loops.

Revision: 0005
Revises: 0004
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job_state", sa.Column("mem_per_node_mb", sa.Integer(), server_default="0", nullable=False))
    for name in ("node_size", "failing_loops"):
        op.add_column(
            "site", sa.Column(name, postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False)
        )


def downgrade() -> None:
    op.drop_column("site", "failing_loops")
    op.drop_column("site", "node_size")
    op.drop_column("job_state", "mem_per_node_mb")
