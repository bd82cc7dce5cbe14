"""Losses of jobs are counted apart from errors, and a hard limit of a run stands beside its expected time.

Revision: 0013
Revises: 0011
"""

import sqlalchemy as sa

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

MAX_LOSSES = 100


def upgrade() -> None:
    op.add_column("app", sa.Column("max_losses", sa.Integer(), server_default=str(MAX_LOSSES), nullable=False))
    for name, default in (("wall_time_limit_min", 0), ("max_losses", MAX_LOSSES), ("losses", 0)):
        op.add_column("job_state", sa.Column(name, sa.Integer(), server_default=str(default), nullable=False))
    op.add_column("job_state", sa.Column("loss_reason", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    for name in ("loss_reason", "losses", "max_losses", "wall_time_limit_min"):
        op.drop_column("job_state", name)
    op.drop_column("app", "max_losses")
