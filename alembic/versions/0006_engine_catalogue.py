"""The engine's catalogue: projects, data frames, pipelines.

Revision: 0006
Revises: 0005
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

APP, WORKER = "storax_app", "storax_worker"
TABLES = ("project", "data_frame", "pipeline")
OWNER = "(SELECT nullif(current_setting('storax.owner', true), '')::bigint)"
WALL = f"owner_id IS NOT DISTINCT FROM {OWNER}"


def upgrade() -> None:
    op.create_table(
        "data_frame",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("columns", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("nrows", sa.BigInteger(), nullable=False),
        sa.Column("nbytes", sa.BigInteger(), nullable=False),
        sa.Column("in_memory", sa.Boolean(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("saved_edition", sa.Integer(), nullable=True),
        sa.Column("last_change", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("creation_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_update", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("data_frame_owner", "data_frame", ["owner_id", "id"], unique=False)
    op.create_index("data_frame_project_name", "data_frame", ["project_id", "name"], unique=True)
    op.create_table(
        "pipeline",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("params", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("frames", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("targets", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("tags", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("scores", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("last_change", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("creation_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_update", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("pipeline_owner", "pipeline", ["owner_id", "id"], unique=False)
    op.create_index("pipeline_project_name", "pipeline", ["project_id", "name", "edition"], unique=True)
    op.create_table(
        "project",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("autosave", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("creation_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_update", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("project_owner_name", "project", ["owner_id", "name"], unique=True)
    for table in TABLES:
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP}, {WORKER}")
        op.execute(f"GRANT USAGE, SELECT ON SEQUENCE {table}_id_seq TO {APP}, {WORKER}")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own ON {table} TO {APP} USING ({WALL}) WITH CHECK ({WALL})")
        op.execute(f"CREATE POLICY everyone ON {table} TO {WORKER} USING (true) WITH CHECK (true)")


def downgrade() -> None:
    op.drop_index("project_owner_name", table_name="project")
    op.drop_table("project")
    op.drop_index("pipeline_project_name", table_name="pipeline")
    op.drop_index("pipeline_owner", table_name="pipeline")
    op.drop_table("pipeline")
    op.drop_index("data_frame_project_name", table_name="data_frame")
    op.drop_index("data_frame_owner", table_name="data_frame")
    op.drop_table("data_frame")
