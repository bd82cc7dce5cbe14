"""first schema: the resources, the log, idempotency keys, the graph's edges, the feed's checkpoint

Revision: 0001
Revises:
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op
from storax_core.resources.columns import Xid8

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""

    op.create_table(
        "batch_job",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("num_nodes", sa.Integer(), nullable=False),
        sa.Column("wall_time_min", sa.Integer(), nullable=False),
        sa.Column("job_mode", sa.Text(), nullable=False),
        sa.Column("optional_params", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("filter_tags", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("partitions", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("scheduler_id", sa.Text(), nullable=True),
        sa.Column("status_info", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("start_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("session_id", sa.BigInteger(), nullable=True),
        sa.Column("lease_epoch", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("creation_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_update", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("batch_job_owner", "batch_job", ["owner_id", "id"], unique=False)
    op.create_index("batch_job_site_state", "batch_job", ["site_id", "state", "id"], unique=False)
    op.create_table(
        "command",
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "key"),
    )
    op.create_index("command_age", "command", ["created_at"], unique=False)
    op.create_table(
        "event_log",
        sa.Column("tx", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("timestamp", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=True),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("schema_version", sa.SmallInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("command_id", sa.Uuid(), nullable=True),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("to_state", sa.Text(), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_index("event_entity_version", "event_log", ["entity", "entity_id", "version"], unique=True)
    op.create_index("event_owner", "event_log", ["owner_id", "position"], unique=False)
    op.create_index("event_time", "event_log", ["timestamp"], unique=False, postgresql_using="brin")
    op.create_table(
        "feed",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.Uuid(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "job",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("workdir", sa.Text(), nullable=False),
        sa.Column("tags", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("return_value", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("threads_per_core", sa.Integer(), nullable=False),
        sa.Column("launch_params", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("parent_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("on_parent_failure", sa.Text(), nullable=False),
        sa.Column("pending_file_cleanup", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "job_tags", "job", ["tags"], unique=False, postgresql_using="gin", postgresql_ops={"tags": "jsonb_path_ops"}
    )
    op.create_table(
        "job_tally",
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
    )
    op.create_index("job_tally_owner", "job_tally", ["owner_id"], unique=False)
    op.create_table(
        "job_parent",
        sa.Column("child_id", sa.BigInteger(), nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("child_id", "parent_id"),
    )
    op.create_index("job_parent_parent", "job_parent", ["parent_id"], unique=False)
    op.create_table(
        "job_state",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("num_nodes", sa.Integer(), nullable=False),
        sa.Column("ranks_per_node", sa.Integer(), nullable=False),
        sa.Column("threads_per_rank", sa.Integer(), nullable=False),
        sa.Column("node_packing_count", sa.Integer(), nullable=False),
        sa.Column("gpus_per_rank", sa.Float(), nullable=False),
        sa.Column("wall_time_min", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("retry_delay_sec", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("return_code", sa.Integer(), nullable=True),
        sa.Column("batch_job_id", sa.BigInteger(), nullable=True),
        sa.Column("session_id", sa.BigInteger(), nullable=True),
        sa.Column("lease_epoch", sa.Integer(), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("stage_in", sa.Boolean(), nullable=False),
        sa.Column("stage_out", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("creation_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_update", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index(
        "job_state_leased",
        "job_state",
        ["session_id"],
        unique=False,
        postgresql_where=sa.text("session_id IS NOT NULL"),
    )
    op.create_index(
        "job_state_ready",
        "job_state",
        ["site_id", sa.literal_column("priority DESC"), "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('PREPROCESSED', 'RESTART_READY') AND session_id IS NULL"),
    )
    op.create_index("job_state_state", "job_state", ["owner_id", "state", "id"], unique=False)
    op.create_index("job_state_update", "job_state", ["owner_id", "last_update", "id"], unique=False)
    op.create_table(
        "session",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("batch_job_id", sa.BigInteger(), nullable=True),
        sa.Column("ttl_sec", sa.Integer(), nullable=False),
        sa.Column("heartbeat", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("creation_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_update", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("session_expiry", "session", ["expires_at"], unique=False)
    op.create_index("session_owner", "session", ["owner_id", "id"], unique=False)
    op.create_table(
        "site",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("globus_endpoint_id", sa.Uuid(), nullable=True),
        sa.Column("backfill_windows", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("queued_jobs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("optional_batch_job_params", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("allowed_projects", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("allowed_queues", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("transfer_locations", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("last_refresh", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("creation_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_update", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("site_owner_name", "site", ["owner_id", "name"], unique=True)
    op.create_table(
        "token",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("creation_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_update", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("token_hash", "token", ["hash"], unique=True)
    op.create_index("token_owner", "token", ["owner_id", "id"], unique=False)
    op.create_table(
        "transfer_item",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("local_path", sa.Text(), nullable=False),
        sa.Column("location_alias", sa.Text(), nullable=False),
        sa.Column("remote_path", sa.Text(), nullable=False),
        sa.Column("recursive", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=True),
        sa.Column("transfer_info", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("creation_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_update", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("transfer_job", "transfer_item", ["job_id"], unique=False)
    op.create_index("transfer_owner", "transfer_item", ["owner_id", "id"], unique=False)
    op.create_index("transfer_site_state", "transfer_item", ["site_id", "state", "id"], unique=False)
    op.create_table(
        "user_account",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("creation_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_update", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("user_name", "user_account", ["username"], unique=True)
    op.create_table(
        "app",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("command_template", sa.Text(), nullable=True),
        sa.Column("use_shell", sa.Boolean(), nullable=False),
        sa.Column("source_code", sa.Text(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("transfers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("cleanup_files", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("environment", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("creation_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_update", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id"],
            ["site.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("app_owner", "app", ["owner_id"], unique=False)
    op.create_index("app_site_name", "app", ["site_id", "name"], unique=True)


def downgrade() -> None:
    """Drop the tables."""

    op.drop_index("app_site_name", table_name="app")
    op.drop_index("app_owner", table_name="app")
    op.drop_table("app")
    op.drop_index("user_name", table_name="user_account")
    op.drop_table("user_account")
    op.drop_index("transfer_site_state", table_name="transfer_item")
    op.drop_index("transfer_owner", table_name="transfer_item")
    op.drop_index("transfer_job", table_name="transfer_item")
    op.drop_table("transfer_item")
    op.drop_index("token_owner", table_name="token")
    op.drop_index("token_hash", table_name="token")
    op.drop_table("token")
    op.drop_index("site_owner_name", table_name="site")
    op.drop_table("site")
    op.drop_index("session_owner", table_name="session")
    op.drop_index("session_expiry", table_name="session")
    op.drop_table("session")
    op.drop_index("job_state_update", table_name="job_state")
    op.drop_index("job_state_state", table_name="job_state")
    op.drop_index(
        "job_state_ready",
        table_name="job_state",
        postgresql_where=sa.text("state IN ('PREPROCESSED', 'RESTART_READY') AND session_id IS NULL"),
    )
    op.drop_index("job_state_leased", table_name="job_state", postgresql_where=sa.text("session_id IS NOT NULL"))
    op.drop_table("job_state")
    op.drop_index("job_parent_parent", table_name="job_parent")
    op.drop_table("job_tally")
    op.drop_table("job_parent")
    op.drop_index("job_tags", table_name="job", postgresql_using="gin", postgresql_ops={"tags": "jsonb_path_ops"})
    op.drop_table("job")
    op.drop_table("feed")
    op.drop_index("event_time", table_name="event_log", postgresql_using="brin")
    op.drop_index("event_owner", table_name="event_log")
    op.drop_index("event_entity_version", table_name="event_log")
    op.drop_table("event_log")
    op.drop_index("command_age", table_name="command")
    op.drop_table("command")
    op.drop_index("batch_job_site_state", table_name="batch_job")
    op.drop_index("batch_job_owner", table_name="batch_job")
    op.drop_table("batch_job")
