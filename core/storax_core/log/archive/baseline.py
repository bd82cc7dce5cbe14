"""The baseline: the state of every resource at the end of what was archived, from which folds go on.

A row reads as an event that created the resource with this ``version`` and all of its ``data``: a later release reads
it by the same upcasters. ``transition`` is the data of the event by which it entered its state, ``failure`` the line by
which a job's last error is grouped, and whether its output said it. Nothing is kept of what was deleted, except of jobs
with children: whether a parent had finished is asked as long as it has some.
"""

from hashlib import sha256

from storax_core.database.connections import Connection
from storax_core.lifecycle.change import CREATED
from storax_core.log.event_types import EVENT_TYPES
from storax_core.log.schemas import newest_data
from storax_core.resources import PROJECTED, Resource

COLUMNS = (
    "entity", "entity_id", "owner_id", "version", "timestamp", "creation_date", "type", "schema_version", "from_state",
    "to_state", "transition", "failure", "data",
)  # fmt: skip
_LISTED = ", ".join(f'"{name}"' for name in COLUMNS)
TEXT_OF_ROW = """jsonb_build_array(entity, entity_id, owner_id, version, timezone('UTC', "timestamp"),
timezone('UTC', creation_date), type, schema_version, from_state, to_state, transition, failure, data)::text"""
_JSON = ", ".join(f"{name}::text AS {name}" for name in ("transition", "failure", "data"))
ROWS = f"""SELECT {_LISTED.replace('"transition", "failure", "data"', _JSON)} FROM event_baseline
ORDER BY entity COLLATE "C", entity_id"""  # noqa: S608
ROOT_ROWS = f"""SELECT sha256(convert_to({TEXT_OF_ROW}, 'UTF8')) FROM event_baseline
ORDER BY entity COLLATE "C", entity_id"""  # noqa: S608
PREFETCH = 500
TOUCHED = """CREATE TEMP TABLE touched ON COMMIT DROP AS SELECT DISTINCT entity, entity_id FROM event_log
WHERE position <= $1"""
FRESH = "CREATE TEMP TABLE fresh (LIKE event_baseline) ON COMMIT DROP"
LAST_TRANSITIONS = """CREATE TEMP TABLE last_transition ON COMMIT DROP AS
SELECT DISTINCT ON (entity, entity_id) entity, entity_id, from_state, to_state, transition FROM (
  SELECT entity, entity_id, version, from_state, to_state, data AS transition FROM event_log WHERE position <= $1
  UNION ALL SELECT entity, entity_id, version, from_state, to_state, transition FROM event_baseline) x
WHERE to_state IS NOT NULL AND (entity, entity_id) IN (SELECT entity, entity_id FROM touched)
ORDER BY entity, entity_id, version DESC"""
# As ``failure_line`` chooses it: the newest error that output goes with, else the newest.
FAILURES = """CREATE TEMP TABLE last_failure ON COMMIT DROP AS SELECT entity_id,
  jsonb_build_object('line', coalesce(line, failure_signature(said)), 'of_output', of_output) AS failure FROM (
  SELECT DISTINCT ON (entity_id) * FROM (
    SELECT entity_id, version, NULL AS line, coalesce(nullif(data ->> 'traceback_tail', ''),
      nullif(data ->> 'stderr_tail', ''), data ->> 'message', '') AS said,
      coalesce(data ->> 'traceback_tail', data ->> 'stderr_tail', '') <> '' AS of_output FROM event_log
    WHERE position <= $1 AND entity = 'job' AND to_state IN ('RUN_ERROR', 'RUN_TIMEOUT', 'FAILED')
    UNION ALL SELECT entity_id, 0, failure ->> 'line', NULL, (failure ->> 'of_output')::boolean FROM event_baseline
    WHERE entity = 'job' AND failure IS NOT NULL) x
  WHERE entity_id IN (SELECT entity_id FROM touched WHERE entity = 'job')
  ORDER BY entity_id, of_output DESC, version DESC) y"""
PARENTS = "SELECT p::bigint FROM job, jsonb_array_elements_text(parent_ids) p"
DELETED_PARENTS = f"""INSERT INTO fresh ({_LISTED})
SELECT entity, entity_id, owner_id, version, "timestamp", "timestamp", type, schema_version, from_state, NULL, NULL,
  NULL, '{{}}' FROM event_log WHERE position <= $1 AND type = 'job.deleted' AND entity_id IN ({PARENTS})"""  # noqa: S608
FORGET = f"""DELETE FROM event_baseline b WHERE (entity, entity_id) IN (SELECT entity, entity_id FROM touched)
OR (type = 'job.deleted' AND entity_id NOT IN ({PARENTS}))"""  # noqa: S608
KEEP = f"INSERT INTO event_baseline ({_LISTED}) SELECT {_LISTED} FROM fresh"  # noqa: S608


def _folded(resource: Resource) -> str:
    """Fold the touched entities of a resource up to $1, on top of the baseline that is there."""
    entity = resource.entity
    only = f"AND position <= $1 AND entity_id IN (SELECT entity_id FROM touched WHERE entity = '{entity}')"  # noqa: S608
    created = EVENT_TYPES[f"{entity}.{CREATED}"]
    failure = f"(SELECT failure FROM last_failure l WHERE l.entity_id = f.entity_id AND '{entity}' = 'job')"  # noqa: S608
    return f"""INSERT INTO fresh ({_LISTED}) SELECT '{entity}', f.entity_id, f.owner_id, f.version,
  f.last_update, f.creation_date, '{created.name}', {created.schema_version}, t.from_state, t.to_state, t.transition,
  {failure}, f.d FROM (SELECT entity_id, min(owner_id) AS owner_id, max(version) AS version,
    min(creation_date) AS creation_date,
    (array_agg("timestamp" ORDER BY version DESC))[1] AS last_update, jsonb_merge(data ORDER BY version) AS d
  FROM ({newest_data(resource, only)}) e GROUP BY entity_id HAVING bool_and(type <> '{entity}.deleted')) f
LEFT JOIN last_transition t ON t.entity = '{entity}' AND t.entity_id = f.entity_id"""  # noqa: S608


async def advance(conn: Connection, upto: int) -> None:
    """Move the baseline on to a position, in a transaction that then drops the events up to it."""
    await conn.execute(TOUCHED.replace("$1", str(int(upto))))
    await conn.execute(FRESH)
    await conn.execute("ANALYZE touched")
    await conn.execute(LAST_TRANSITIONS.replace("$1", str(int(upto))))
    await conn.execute(FAILURES.replace("$1", str(int(upto))))
    for resource in PROJECTED:
        await conn.execute(_folded(resource), upto)
    await conn.execute(DELETED_PARENTS, upto)
    await conn.execute(FORGET)
    await conn.execute(KEEP)
    for table in ("touched", "fresh", "last_transition", "last_failure"):
        await conn.execute(f"DROP TABLE {table}")


async def root(conn: Connection) -> str:
    """The digest of all rows of the baseline, in this transaction."""
    whole = sha256()
    async for row in conn.cursor(ROOT_ROWS, prefetch=PREFETCH):
        whole.update(row[0])
    return whole.hexdigest()
