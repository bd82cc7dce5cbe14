"""SQL of commands that are one statement in a transaction of its own: one round trip, with the answer under its key."""

from functools import lru_cache

from storax_core.database.aliases import column
from storax_core.log.sql import TAKE_FENCE, created_rows, keep_answer, patched_rows, read_site
from storax_core.resources import BY_ENTITY, Resource

TIME = 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'


@lru_cache
def create_job() -> str:
    """Insert one job with its event, under an id that it draws, and keep the answer.

    $1 the job as JSON without its id, $2 owner, $3 actor, $4 command, which is the key, $5 App, $6 the version of the
    App for which the job was made, $7 the call's fingerprint; null: it has no key. Returns id, the last position and
    the answer as JSON; nothing is written or returned where the App is at another version, gone, or being changed: no
    statement waits for a row after it took the fence, because the events of others wait for it.
    """
    job = BY_ENTITY["job"]
    kept = keep_answer(command="$4", fingerprint="$7", position="position_", answer="answer", source="answer")
    counts = f"""counts AS (INSERT INTO job_tally (owner_id, site_id, state, n)
  SELECT $2::bigint, {read_site(job)}, d->>'state', 1 FROM inp)"""  # noqa: S608
    return f"""WITH {TAKE_FENCE},
above AS MATERIALIZED (SELECT id FROM app WHERE id = $5::bigint AND version = $6::int
  AND owner_id IS NOT DISTINCT FROM $2::bigint AND EXISTS (SELECT FROM fence) FOR KEY SHARE SKIP LOCKED),
inp AS MATERIALIZED (SELECT $1::jsonb || jsonb_build_object('id', nextval('job_id_seq')) AS d FROM above),
{created_rows(job, counts, whole=True)},
{_answer(job)},
{kept}
SELECT id, position_, answer FROM answer"""  # noqa: S608


@lru_cache(maxsize=512)
def change_job(keys: frozenset[str]) -> str:
    """Change these fields of one job with its event, and keep the answer.

    $1 id, $2 owner, $3 actor, $4 command, which is the key, $5 the version that the job must have; null: any, $6 the
    patch as JSON, $7 the call's fingerprint; null: it has no key. Returns the last position and the answer as JSON;
    nothing is written or returned where the job is not there or at another version.
    """
    job = BY_ENTITY["job"]
    kept = keep_answer(command="$4", fingerprint="$7", position="position_", answer="answer", source="answer")
    return f"""WITH {TAKE_FENCE},
inp AS MATERIALIZED (SELECT $1::bigint AS id, $5::int AS v, $6::jsonb AS p FROM fence),
{patched_rows(job, keys, uniform=True, whole=True)},
{_answer(job)},
{kept}
SELECT position_, answer FROM answer"""  # noqa: S608


def _answer(resource: Resource) -> str:
    """SQL of the CTE ``answer``: the row of ``state_row`` and ``main`` as a read answers it, and the last position."""
    fields = ", ".join(f"{_as_json(resource, name)} AS {name}" for name in resource.visible)
    return f"""answer AS MATERIALIZED (
  SELECT id, (SELECT max(position) FROM ev) AS position_, row_to_json(x)::text AS answer
  FROM (SELECT {fields} FROM state_row s JOIN main t ON t.id = s.id) x)"""  # noqa: S608


def _as_json(resource: Resource, name: str) -> str:
    """SQL of a field that ``row_to_json`` writes as other answers have it: times and floats in the form of Python."""
    value, kind = column(resource, name), resource.fields[name].pg_type
    if kind == "timestamptz":
        return f"replace(to_char({value}, '{TIME}'), '.000000', '')"
    if kind == "float":
        return f"(CASE WHEN {value}::text ~ '^-?[0-9]+$' THEN {value} || '.0' ELSE {value}::text END)::json"
    return value
