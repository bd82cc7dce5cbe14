"""Epochs: a restored database hands out no position, id or lease again.

Revision: 0019
Revises: 0018
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

APP, WORKER = "storax_app", "storax_worker"
BEGINNING = 1_767_225_600  # 2026 in Unix time: a later epoch has the number of seconds since then
POSITIONS_PER_SEC, IDS_PER_SEC = 100_000, 4_000  # more than are drawn in the time between two restores
SESSION_SEC = 120  # within which the agents of the restored sessions must be heard


def upgrade() -> None:
    op.create_table(
        "cluster_epoch",
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("kept_position", sa.BigInteger(), nullable=False),
        sa.Column("first_position", sa.BigInteger(), nullable=False),
        sa.Column("skipped_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("epoch"),
    )
    op.execute(f"GRANT SELECT ON cluster_epoch TO {APP}, {WORKER}")
    # The functions act for the owner of the tables, who extends sessions without being any user.
    op.execute("CREATE POLICY keeper ON session TO CURRENT_USER USING (true) WITH CHECK (true)")
    _identity()
    _raise()
    _check()
    op.execute("INSERT INTO cluster_epoch VALUES (0, now(), 'the first', storax_database_identity(), 0, 1, '{}')")
    op.execute("REVOKE ALL ON FUNCTION storax_database_identity() FROM PUBLIC")
    for function, roles in (("storax_check_epoch()", f"{APP}, {WORKER}"), ("storax_raise_epoch(text, bigint)", WORKER)):
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {roles}")


def _identity() -> None:
    """A text that another cluster, a later timeline, and a database or table that was made anew do not share."""
    op.execute("""CREATE FUNCTION storax_database_identity() RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()),
  left(pg_walfile_name(pg_current_wal_lsn()), 8),
  (SELECT oid FROM pg_database WHERE datname = current_database()), 'public.cluster_epoch'::regclass::oid) $$""")


def _raise() -> None:
    op.execute(f"""CREATE FUNCTION storax_raise_epoch(why text, beyond bigint DEFAULT 0) RETURNS int LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  kept bigint; ahead bigint; ids jsonb := '{{}}'; s record;
  raised int := greatest(floor(extract(epoch FROM clock_timestamp()) - {BEGINNING})::int,
    (SELECT max(epoch) + 1 FROM cluster_epoch));
BEGIN
  PERFORM pg_advisory_xact_lock(8360, 1);  -- the fence: no append is under way
  SELECT coalesce(max(position), 0) INTO kept FROM event_log;
  SELECT setval('event_log_position_seq', greatest(last_value, kept, beyond, raised::bigint * {POSITIONS_PER_SEC}))
    INTO ahead FROM event_log_position_seq;
  FOR s IN SELECT left(sequencename, -7) AS entity, sequencename, coalesce(last_value, 0) AS last_value
    FROM pg_sequences WHERE schemaname = 'public' AND sequencename LIKE '%\\_id\\_seq'
  LOOP
    ids := ids || jsonb_build_object(s.entity, jsonb_build_array(s.last_value,
      setval(format('public.%I', s.sequencename), greatest(s.last_value + 1, raised::bigint * {IDS_PER_SEC})) + 1));
  END LOOP;
  INSERT INTO cluster_epoch VALUES (raised, now(), why, storax_database_identity(), kept, ahead + 1, ids);
  UPDATE session SET expires_at = greatest(expires_at, now() + make_interval(secs => greatest(ttl_sec, {SESSION_SEC})));
  RETURN raised;
END $$""")


def _check() -> None:
    """A database without any event adopts its identity: there is nothing that could be handed out again."""
    op.execute("""CREATE FUNCTION storax_check_epoch() RETURNS int LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  known cluster_epoch; here text := storax_database_identity();
BEGIN
  SELECT * INTO known FROM cluster_epoch ORDER BY epoch DESC LIMIT 1;
  IF known.identity = here THEN RETURN known.epoch; END IF;
  PERFORM pg_advisory_xact_lock(8364);  -- one process raises it
  SELECT * INTO known FROM cluster_epoch ORDER BY epoch DESC LIMIT 1;
  IF known.identity = here THEN RETURN known.epoch; END IF;
  IF NOT EXISTS (SELECT FROM event_log) THEN
    UPDATE cluster_epoch SET identity = here WHERE epoch = known.epoch;
    RETURN known.epoch;
  END IF;
  RETURN storax_raise_epoch(format('the database is another one: %s instead of %s', here, known.identity), 0);
END $$""")


def downgrade() -> None:
    op.execute("DROP FUNCTION storax_check_epoch()")
    op.execute("DROP FUNCTION storax_raise_epoch(text, bigint)")
    op.drop_table("cluster_epoch")
    op.execute("DROP FUNCTION storax_database_identity()")
    op.execute("DROP POLICY keeper ON session")
