"""The line by which failures are grouped: the last line of a job's last error, without numbers and paths.

Revision: 0030
Revises: 0027
"""

from alembic import op

revision = "0030"
down_revision = "0027"
branch_labels = None
depends_on = None

# A path begins where a word does. Identifiers of hexadecimal digits and numbers are made equal after it.
SIGNATURE = r"""CREATE FUNCTION failure_signature(said text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 500 SET search_path = pg_catalog AS $$
SELECT left(btrim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
  substring(rtrim(right(said, 4000), E' \t\r\n') FROM '[^\n]*$'),
  E'\x1b\\[[0-9;:]*[A-Za-z]|[\x01-\x08\x0b-\x1f\x7f]', '', 'g'),
  '(^|[\s"''`=(\[{:,])(~|\.{1,2}|[A-Za-z]:)?[/\\][^\s"''`)\]}>,:;]+', '\1<path>', 'g'),
  '\m(0x[0-9A-Fa-f]+|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9A-Fa-f]*[0-9][0-9A-Fa-f]{7,})\M', '#', 'g'),
  '[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?', '#', 'g')), 300) $$"""
LINE = """CREATE FUNCTION failure_line(job bigint) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE COST 1000 SET search_path = public AS $$
SELECT coalesce((SELECT nullif(failure_signature(coalesce(nullif(e.data ->> 'traceback_tail', ''),
    nullif(e.data ->> 'stderr_tail', ''), e.data ->> 'message', '')), '')
  FROM event_log e WHERE e.entity = 'job' AND e.entity_id = job
    AND e.to_state IN ('RUN_ERROR', 'RUN_TIMEOUT', 'FAILED')
  ORDER BY coalesce(e.data ->> 'traceback_tail', e.data ->> 'stderr_tail', '') = '', e.version DESC
  LIMIT 1), '(no message)') $$"""
FUNCTIONS = {"failure_signature(text)": SIGNATURE, "failure_line(bigint)": LINE}


def upgrade() -> None:
    for name, sql in FUNCTIONS.items():
        op.execute(sql.replace(":", r"\:"))
        op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO storax_app, storax_worker")


def downgrade() -> None:
    for name in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {name}")
