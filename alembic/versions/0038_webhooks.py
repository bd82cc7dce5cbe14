"""Webhooks: addresses to which the server posts events.

Revision: 0038
Revises: 0037
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

APP, WORKER = "storax_app", "storax_worker"
MINE = "owner_id IS NOT DISTINCT FROM (SELECT nullif(current_setting('storax.owner', true), '')::bigint)"


def upgrade() -> None:
    op.create_table(
        "webhook",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("filter", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("secret_version", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("next_attempt", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_delivery", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("creation_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_update", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("webhook_owner_name", "webhook", ["owner_id", "name"], unique=True)
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON webhook TO {APP}, {WORKER}")
    op.execute(f"GRANT USAGE, SELECT ON SEQUENCE webhook_id_seq TO {APP}, {WORKER}")
    op.execute("ALTER TABLE webhook ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own ON webhook TO {APP} USING ({MINE}) WITH CHECK ({MINE})")
    op.execute(f"CREATE POLICY everyone ON webhook TO {WORKER} USING (true) WITH CHECK (true)")


def downgrade() -> None:
    op.drop_table("webhook")
