"""Seals: closed ranges of the log with the digest of their events, chained, appended once and never changed.

Revision: 0018
Revises: 0017
"""

import sqlalchemy as sa

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

WORKER = "storax_worker"


def upgrade() -> None:
    op.create_table(
        "seal",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("low", sa.BigInteger(), nullable=False),
        sa.Column("high", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("form", sa.SmallInteger(), nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("sealed_at", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("mac", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.execute(f"GRANT SELECT, INSERT ON seal TO {WORKER}")
    op.execute("""CREATE FUNCTION seal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'seals are append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$""")
    op.execute("REVOKE ALL ON FUNCTION seal_is_append_only() FROM PUBLIC")
    op.execute("""CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON seal
FOR EACH STATEMENT EXECUTE FUNCTION seal_is_append_only()""")
    op.execute("ALTER TABLE seal ENABLE ALWAYS TRIGGER append_only")


def downgrade() -> None:
    op.drop_table("seal")
    op.execute("DROP FUNCTION seal_is_append_only()")
