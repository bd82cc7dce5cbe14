"""log pages: the log grows at its end, and is not vacuumed for growing

Revision: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Leave the room that is left on old pages alone.

    A vacuum writes down the little room at the end of every page. The next short events would go there, each to another
    page, which has to be read, and written whole to the WAL: five times the cost of pages at the end. The log has no
    dead rows but those of calls that failed; freezing is left to the vacuum against wraparound.
    """
    op.execute("ALTER TABLE event_log SET (autovacuum_vacuum_insert_threshold = -1)")


def downgrade() -> None:
    """Vacuum after many inserts again."""
    op.execute("ALTER TABLE event_log RESET (autovacuum_vacuum_insert_threshold)")
