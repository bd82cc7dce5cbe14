"""Events are found by actor, by command, and by the kind of thing where it is no job.

Revision: 0024
Revises: 0023
"""

import sqlalchemy as sa

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

INDEXES = {
    "event_actor": ["owner_id", "actor", "position"],
    "event_command": ["command_id", "position"],
    "event_of_no_job": ["owner_id", "entity", "position"],
}


def upgrade() -> None:
    for name, columns in INDEXES.items():
        where = sa.text("entity <> 'job'") if name == "event_of_no_job" else None
        op.create_index(name, "event_log", columns, postgresql_where=where)


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, "event_log")
