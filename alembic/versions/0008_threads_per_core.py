"""Threads per core move to the small table that is searched for work: with them a job's cores are known there.

Revision: 0008
Revises: 0007
"""

import sqlalchemy as sa

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None
TABLES = ("job", "job_state")


def _move(of: str, to: str) -> None:
    op.add_column(to, sa.Column("threads_per_core", sa.Integer(), server_default="1", nullable=False))
    for table in TABLES:  # the walls between owners hold for the tables' own owner, who would see no row to move
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(
        f"UPDATE {to} SET threads_per_core = was.threads_per_core FROM {of} was"
        f" WHERE was.id = {to}.id AND was.threads_per_core <> 1"
    )
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.drop_column(of, "threads_per_core")


def upgrade() -> None:
    _move("job", "job_state")


def downgrade() -> None:
    _move("job_state", "job")
