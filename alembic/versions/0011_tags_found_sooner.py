"""Tags of new jobs are found sooner: what the index has not sorted in yet is read whole by every search.

Revision: 0011
Revises: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

PENDING_KB = 512  # Postgres' own default is 4 MB: some 100,000 jobs, and as long again as the search itself


def upgrade() -> None:
    op.execute(f"ALTER INDEX job_tags SET (gin_pending_list_limit = {PENDING_KB})")


def downgrade() -> None:
    op.execute("ALTER INDEX job_tags RESET (gin_pending_list_limit)")
