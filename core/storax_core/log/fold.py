"""Folding the log in SQL: an entity's state is the ordered merge of its events' patches, the first over the defaults of
the version that it was written in (``schemas.py``).

A deleted entity folds to nothing. Fields marked volatile (heartbeats, secrets) are not in the log and are left out; the
time stamps are those of the first and the last event, the version is the last event's.
"""

from storax_core.database.aliases import column, read, source
from storax_core.log.archive.whole_log import LOG
from storax_core.log.schemas import newest_data
from storax_core.resources import Resource

MERGE = "CREATE OR REPLACE AGGREGATE pg_temp.merge(jsonb) (sfunc = jsonb_concat, stype = jsonb, initcond = '{}')"


def folded(resource: Resource, only: str = "", *, merge: str = "pg_temp.merge", log: str = LOG) -> str:
    """A SELECT of every entity that is not deleted, folded: id, owner_id, typed fields, version, both time stamps.

    ``only`` is a further condition on its events, ``merge`` the aggregate that merges their data, ``log`` SQL of where
    they are: by default the log, and the baseline for what was archived of it.
    """
    picked = [f"{read(resource.fields[n], 'f.d')} AS {n}" for n in resource.folded]
    return f"""SELECT f.id, f.owner_id, {", ".join([*picked, "f.version", "f.creation_date", "f.last_update"])} FROM (
  SELECT entity_id AS id, min(owner_id) AS owner_id, {merge}(data ORDER BY version) AS d,
    max(version) AS version, min(creation_date) AS creation_date,
    (array_agg("timestamp" ORDER BY version DESC))[1] AS last_update
  FROM ({newest_data(resource, only, log=log)}) e GROUP BY entity_id
  HAVING bool_and(type <> '{resource.entity}.deleted')) f"""  # noqa: S608


def compared(resource: Resource) -> list[str]:
    """The columns that the log and the tables must agree on."""
    return ["owner_id", *resource.folded, "version", "creation_date", "last_update"]


def unlike(resource: Resource, *, fold: str = "", only: str = "") -> str:
    """FROM and WHERE of the entities that differ between the log (``f``) and the tables (``p``).

    ``fold`` is a SELECT to use in place of the whole log's, ``only`` one of the ids to compare in the tables.
    """
    names = compared(resource)
    live = ", ".join(f"{column(resource, n)} AS {n}" for n in ["id", *names])
    some = f"WHERE {column(resource, 'id')} IN ({only})" if only else ""
    return f"""FROM ({fold or folded(resource)}) f
FULL JOIN (SELECT {live} FROM {source(resource)} {some}) p ON p.id = f.id
WHERE f.id IS NULL OR p.id IS NULL OR ({", ".join(f"f.{n}" for n in names)}) IS DISTINCT FROM
  ({", ".join(f"p.{n}" for n in names)})"""  # noqa: S608
