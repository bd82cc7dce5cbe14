"""A new epoch waits until its second is over, so that a restore a moment later does not begin the same one.

Revision: 0035
Revises: 0034
"""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

BEGINNING = 1_767_225_600  # 2026 in Unix time: an epoch has the number of seconds since then
POSITIONS_PER_SEC, IDS_PER_SEC = 100_000, 4_000  # more than are drawn in the time between two restores
SESSION_SEC = 120  # within which the agents of the restored sessions must be heard
MOST_WAIT_SEC = 5  # where the clock was set back, the next number is taken without waiting for it


def upgrade() -> None:
    """Hand out nothing of an epoch before its second is over: a later restore of the same backup gets a later one.

    One process raises the epoch at a time, and waits before it stops the writers.
    """
    _raise(
        f"""raised int;
BEGIN
  PERFORM pg_advisory_xact_lock(8364);
  raised := greatest(floor(extract(epoch FROM clock_timestamp()) - {BEGINNING})::int,
    (SELECT max(epoch) + 1 FROM cluster_epoch));
  PERFORM pg_sleep(greatest(0, least({MOST_WAIT_SEC},
    {BEGINNING} + raised + 1 - extract(epoch FROM clock_timestamp()))));"""
    )


def downgrade() -> None:
    _raise(
        f"""raised int := greatest(floor(extract(epoch FROM clock_timestamp()) - {BEGINNING})::int,
    (SELECT max(epoch) + 1 FROM cluster_epoch));
BEGIN"""
    )


def _raise(number: str) -> None:
    op.execute(f"""CREATE OR REPLACE FUNCTION storax_raise_epoch(why text, beyond bigint DEFAULT 0) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  kept bigint; ahead bigint; ids jsonb := '{{}}'; s record;
  {number}
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
