"""Apps as functions: hooks, interpreter, preamble, retries; what a site may take includes hooks to run.

Revision: 0004
Revises: 0003
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

PLAIN = "'PREPROCESSED', 'RESTART_READY'"
HOOKS = "'STAGED_IN', 'RUN_DONE', 'RUN_ERROR', 'RUN_TIMEOUT'"


def _index(states: str) -> None:
    op.execute("DROP INDEX job_state_ready")
    op.execute(
        "CREATE INDEX job_state_ready ON job_state (site_id, priority DESC, id)"
        f" WHERE state IN ({states}) AND session_id IS NULL"
    )


def upgrade() -> None:
    op.add_column(
        "app", sa.Column("hooks", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False)
    )
    op.add_column("app", sa.Column("python_exe", sa.Text(), nullable=True))
    op.add_column("app", sa.Column("shell_preamble", sa.Text(), server_default="", nullable=False))
    op.add_column("app", sa.Column("max_attempts", sa.Integer(), server_default="1", nullable=False))
    op.add_column("app", sa.Column("retry_delay_sec", sa.Integer(), server_default="0", nullable=False))
    op.add_column(
        "app",
        sa.Column("retry_exit_codes", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
    )
    op.add_column("app", sa.Column("retry_on_timeout", sa.Boolean(), server_default="true", nullable=False))
    op.add_column(
        "job_state",
        sa.Column("retry_exit_codes", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
    )
    op.add_column("job_state", sa.Column("retry_on_timeout", sa.Boolean(), server_default="true", nullable=False))
    op.add_column("job_state", sa.Column("hooks", sa.Text(), server_default="", nullable=False))
    _index(f"{PLAIN}, {HOOKS}")


def downgrade() -> None:
    _index(PLAIN)
    op.drop_column("job_state", "hooks")
    op.drop_column("job_state", "retry_on_timeout")
    op.drop_column("job_state", "retry_exit_codes")
    op.drop_column("app", "retry_on_timeout")
    op.drop_column("app", "retry_exit_codes")
    op.drop_column("app", "retry_delay_sec")
    op.drop_column("app", "max_attempts")
    op.drop_column("app", "shell_preamble")
    op.drop_column("app", "python_exe")
    op.drop_column("app", "hooks")
