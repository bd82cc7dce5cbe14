"""SQL text made from a resource's declaration. Every statement is set-based and takes its rows as one text parameter:
newline-joined JSON, split by ``string_to_table`` and read as jsonb.
"""

from collections.abc import Iterable
from functools import lru_cache

from storax_core.database.aliases import column, read, read_or_default
from storax_core.database.epochs import LEASE_FLOOR
from storax_core.lifecycle.change import CREATED, DELETED, UPDATED, Change, Row
from storax_core.log.event_types import EVENT_TYPES
from storax_core.log.schemas import version_of
from storax_core.log.watermark import FENCE_KEYS
from storax_core.resources import BY_ENTITY, Resource
from storax_core.resources.base import FieldSpec

FENCE = ", ".join(map(str, FENCE_KEYS))
TAKE_FENCE = f"fence AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared({FENCE}))"
SERVER_FIELDS = ("id", "owner_id", "version", "creation_date", "last_update")
# The condition holds for every line. It has the planner expect a few rows, so that a plan made for empty tables looks
# the rows of a command up by their key too, where it would else go through the table for the thousand that it expects.
LINE = "SELECT l::jsonb AS d FROM fence, string_to_table($1, E'\\n') AS l WHERE l ^@ '{'"
LINES = f"""
{TAKE_FENCE},
inp AS MATERIALIZED ({LINE})"""
# As LINES, with the id taken out: under row-level security only a comparison of plain columns goes by index. OFFSET 0:
# a line is parsed once.
ID_LINES = f"""
{TAKE_FENCE},
inp AS MATERIALIZED (SELECT (d->>'id')::bigint AS id, d FROM ({LINE} OFFSET 0) line)"""
# The patches of rows: ids and versions are arrays, which cost less to read than fields of JSON, and come as text, which
# costs less to write. The planner expects ten rows.
PATCHES = f"""
{TAKE_FENCE},
inp AS MATERIALIZED (SELECT x.id, x.v, x.p::jsonb AS p
  FROM fence, unnest($1::text::bigint[], $5::text::int[], string_to_array($6, E'\\n')) AS x(id, v, p))"""
# Differences of the counts by owner, site and state, as JSON rows.
COUNT_DIFFERENCES = """counts AS (INSERT INTO job_tally (owner_id, site_id, state, n)
  SELECT * FROM jsonb_to_recordset({}::jsonb) AS x(owner_id bigint, site_id bigint, state text, n int))"""
COUNTS_OF_DELETED = """counts AS (INSERT INTO job_tally (owner_id, site_id, state, n)
  SELECT owner_id, site_id, state, -count(*) FROM gone GROUP BY 1, 2, 3)"""
# The range of an archive that is recorded in this transaction; Postgres refuses to delete any other event.
DROP_ARCHIVED = "DELETE FROM event_log WHERE position <= $1"
EVENT_COLUMNS = "timestamp, owner_id, site_id, entity, entity_id, version, type, schema_version, actor, command_id"


def site_of(resource: Resource) -> str:
    """SQL for the site that a row, as ``t``, concerns."""
    return f"t.{resource.site_field}" if resource.site_field else "NULL::bigint"


def read_site(resource: Resource) -> str:
    """SQL for the site that a new row, as the jsonb ``d``, concerns."""
    return f"(d->>'{resource.site_field}')::bigint" if resource.site_field else "NULL::bigint"


def _typed(name: str) -> str:
    """SQL of an event's type and schema version."""
    return f"'{name}', {EVENT_TYPES[name].schema_version}"


def _table_fields(resource: Resource, table: str) -> list[FieldSpec]:
    return [f for f in resource.fields.values() if f.table == table and f.name not in SERVER_FIELDS]


def _insert(resource: Resource, table: str) -> str:
    fields = _table_fields(resource, table)
    names, values = ["id", "owner_id"], ["(d->>'id')::bigint", "$2::bigint"]
    if table == resource.state_table:
        names += ["version", "creation_date", "last_update"]
        values += ["1", "now()", "now()"]
    names += [f.name for f in fields]
    values += [read_or_default(f, "d") for f in fields]
    return f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} FROM inp"


def keep_answer(*, command: str, fingerprint: str, position: str, answer: str, source: str, owner: str = "$2") -> str:
    """SQL of the CTE ``kept``: the answer under the call's key, where ``fingerprint`` is not null.

    Where another call with the key was first, the whole statement fails by the key's uniqueness, and has no effect.
    """
    return f"""kept AS (INSERT INTO command (owner_id, key, fingerprint, position, answer, created_at)
  SELECT {owner}::bigint, {command}::uuid, {fingerprint}::text, {position}, convert_to({answer}, 'UTF8'), now()
  FROM {source} WHERE {fingerprint}::text IS NOT NULL)"""


@lru_cache
def create(entity: str, *, whole: bool = False) -> str:
    """Insert rows and one ``created`` event each. $1 lines, $2 owner, $3 actor, $4 command; for jobs $5 the counts.

    Returns the last position as ``position_``; with ``whole`` beside it the visible fields of each row.
    """
    r = BY_ENTITY[entity]
    counts = COUNT_DIFFERENCES.format("$5") if r.counted else ""
    return f"""WITH {LINES},
{created_rows(r, counts, whole=whole)}
SELECT (SELECT max(position) FROM ev) AS position_{_whole_rows(r) if whole else ""}"""


def created_rows(r: Resource, counts: str, *, whole: bool) -> str:
    """SQL of the CTEs that insert the rows of ``inp`` and append their ``created`` events."""
    stored = " RETURNING *" if whole else ""
    state_row = f"state_row AS ({_insert(r, r.state_table)}{stored}),\n" if r.split else ""
    counts += ",\n" if counts else ""
    # Every event of a state has the one before, so that a reader sees how each was entered.
    before = f"'{r.machine.first}'" if r.machine and r.machine.first else "NULL"
    state = "d->>'state'" if r.machine else "NULL"
    secret = "".join(f" - '{n}'" for n, f in r.fields.items() if f.mark.secret)
    return f"""main AS ({_insert(r, r.table)}{stored}),
{state_row}{counts}ev AS (INSERT INTO event_log ({EVENT_COLUMNS}, from_state, to_state, data)
  SELECT now(), $2::bigint, {read_site(r)}, '{r.entity}', (d->>'id')::bigint, 1,
    {_typed(f"{r.entity}.{CREATED}")}, $3, $4::uuid, {before}, {state}, d{secret} FROM inp RETURNING position)"""


def _whole_rows(resource: Resource) -> str:
    """SQL of the rows that ``create`` has inserted."""
    rows = "state_row s JOIN main t ON t.id = s.id" if resource.split else "main t"
    return "".join(f", {column(resource, n)} AS {n}" for n in resource.visible) + f" FROM {rows}"


def _sets(resource: Resource, table: str, keys: Iterable[str], *, uniform: bool, patch: str) -> list[str]:
    out = []
    for key in sorted(keys):
        spec = resource.fields[key]
        if spec.table == table:
            new = read(spec, patch)
            out.append(
                f"{key} = {new}" if uniform else f"{key} = CASE WHEN {patch} ? '{key}' THEN {new} ELSE t.{key} END"
            )
    return out


@lru_cache(maxsize=512)
def patch(entity: str, keys: frozenset[str], *, uniform: bool) -> str:
    """Change fields of many rows, each its own way, with one ``updated`` event each.

    $1 ids in their order, in which the rows are locked; $2 owner, $3 actor, $4 command, $5 the versions that the rows
    must have, null for any ($1 and $5 as the text of an array); $6 the patches as lines of JSON. Returns one record:
    the ids changed, their new versions, last_update, the last position. Rows that are not there, or at another
    version, are left out.
    """
    r = BY_ENTITY[entity]
    return f"""WITH {PATCHES},
{patched_rows(r, keys, uniform=uniform)}
SELECT array_agg(id) AS ids, array_agg(version) AS versions, now() AS last_update,
  (SELECT max(position) FROM ev) AS position FROM state_row"""


def patched_rows(r: Resource, keys: frozenset[str], *, uniform: bool, whole: bool = False) -> str:
    """SQL of the CTEs that change the rows of ``inp`` by their patches and append the ``updated`` events.

    ``whole``: of a split resource, ``state_row`` and ``main`` have all columns of the changed rows.
    """
    state = _sets(r, r.state_table, keys, uniform=uniform, patch="inp.p")
    main = _sets(r, r.table, keys, uniform=uniform, patch="state_row.patch_") if r.split else []
    main_row = f"main AS (UPDATE {r.table} t SET {', '.join(main)} FROM state_row WHERE t.id = state_row.id"
    main_row += " RETURNING t.*),\n" if whole else "),\n"
    if whole and not main:
        # What others changed while this statement waited for the state is read only by a lock that conflicts with it.
        lock = "FOR NO KEY UPDATE OF t"
        main_row = f"main AS (SELECT t.* FROM state_row JOIN {r.table} t ON t.id = state_row.id {lock}),\n"
    # CTEs have no statistics: every join here is to a table by its key (see database.writing), never to another CTE.
    return f"""state_row AS (UPDATE {r.state_table} t
  SET {", ".join(["version = t.version + 1", "last_update = now()", *state])}
  FROM inp WHERE t.id = inp.id AND t.owner_id IS NOT DISTINCT FROM $2::bigint AND (inp.v IS NULL OR inp.v = t.version)
  RETURNING {"t.*" if whole else "t.id, t.version"}, {site_of(r)} AS site_, inp.p AS patch_),
{main_row if main or whole else ""}ev AS (INSERT INTO event_log ({EVENT_COLUMNS}, data)
  SELECT now(), $2::bigint, site_, '{r.entity}', id, version, {_typed(f"{r.entity}.{UPDATED}")}, $3, $4::uuid, patch_
  FROM state_row RETURNING position)"""


def change_line(change: Change) -> Row:
    """A change as ``apply`` reads it."""
    events = [{"v": e.version, "t": e.type, "f": e.from_state, "s": e.to_state, "d": e.data} for e in change.events]
    return {
        "id": change.id,
        "o": change.owner_id,
        "n": change.site_id,
        "v": change.version,
        "p": change.patch,
        "e": events,
    }


@lru_cache(maxsize=512)
def apply(entity: str, keys: frozenset[str], *, last: bool = False) -> str:
    """Write decided changes of rows that this transaction has locked, with the events that record them.

    $1 lines as ``change_line`` makes them, $2 actor, $3 command; for jobs $4 the differences of their counts. Returns
    the last position. With ``last``, for jobs: $5 those that end, $6 owner, $7 fingerprint, $8 the answer, kept unless
    one of them has children; returns whether one has, as ``parents``.
    """
    r = BY_ENTITY[entity]
    state = _sets(r, r.state_table, keys, uniform=False, patch="d->'p'")
    main = _sets(r, r.table, keys, uniform=False, patch="d->'p'") if r.split else []
    spec = f"main AS (UPDATE {r.table} t SET {', '.join(main)} FROM inp WHERE t.id = inp.id),\n" if main else ""
    spec += COUNT_DIFFERENCES.format("$4") + ",\n" if r.counted else ""
    return f"""WITH {ID_LINES},
state_row AS (UPDATE {r.state_table} t SET {", ".join(["version = (d->>'v')::int", "last_update = now()", *state])}
  FROM inp WHERE t.id = inp.id),
{spec}ev AS (INSERT INTO event_log ({EVENT_COLUMNS}, from_state, to_state, data)
  SELECT now(), (d->>'o')::bigint, (d->>'n')::bigint, '{entity}', (d->>'id')::bigint, (e->>'v')::int, e->>'t',
    {version_of(r, "e->>'t'")}, $2, $3::uuid, e->>'f', e->>'s', e->'d'
  FROM inp, jsonb_array_elements(d->'e') AS e RETURNING position){LAST if last else ""}
SELECT max(position) AS position{", (SELECT n > 0 FROM below) AS parents" if last else ""} FROM ev"""


LAST = f""",
below AS MATERIALIZED (SELECT count(*) AS n FROM job_parent WHERE parent_id = ANY($5::bigint[])),
{
    keep_answer(
        command="$3", fingerprint="$7", position="last", answer="$8::text", owner="$6",
        source="(SELECT max(position) AS last FROM ev HAVING (SELECT n = 0 FROM below)) k",
    )
}"""  # fmt: skip


@lru_cache(maxsize=512)
def change_picked(
    entity: str, type_: str, ctes: str, order: str, *, place: int, values: tuple[str, ...], increments: tuple[str, ...],
    more: str = "", alone: bool = False,
) -> str:  # fmt: skip
    """Change the rows whose ids, locked, are in the CTE ``pick`` of ``ctes``; one event of ``type_`` for each.

    Parameters from $``place`` on: the new ``values`` of fields of the table with the state, actor, command. Answers
    with the changed rows, in ``order``, and the last position as ``position_``, and with what ``more`` selects.
    ``alone``: it keeps the ids under the key that is the command, for the owner $1, with the fingerprint that is one
    parameter more.
    """
    r = BY_ENTITY[entity]
    changed, rows = ("s", f"s JOIN {r.table} t ON t.id = s.id") if r.split else ("t", "t")
    sets = [f"{name} = ${i}::{r.fields[name].pg_type}" for i, name in enumerate(values, place)]
    sets += [f"{name} = greatest(j.{name}, {LEASE_FLOOR}) + 1" for name in increments]
    actor = place + len(values)
    data = ", ".join(f"'{name}', {name}" for name in EVENT_TYPES[type_].fields)
    answer = ", ".join(f"{column(r, n)} AS {n}" for n in r.visible) + more
    ids = (
        f"(SELECT max(position) AS last, (SELECT json_agg(id)::text FROM {changed}) AS ids FROM ev HAVING count(*) > 0)"
    )
    kept = keep_answer(
        command=f"${actor + 1}",
        fingerprint=f"${actor + 2}",
        position="last",
        answer="ids",
        source=f"{ids} k",
        owner="$1",
    )
    rest = f",\n{kept}" if alone else ""
    return f"""WITH {TAKE_FENCE},
{ctes},
{changed} AS (UPDATE {r.state_table} j SET version = j.version + 1, last_update = now(), {", ".join(sets)}
  FROM pick WHERE j.id = pick.id RETURNING j.*),
ev AS (INSERT INTO event_log ({EVENT_COLUMNS}, data)
  SELECT now(), owner_id, site_id, '{entity}', id, version, {_typed(type_)}, ${actor}, ${actor + 1}::uuid,
    jsonb_build_object({data}) FROM {changed} RETURNING position){rest}
SELECT (SELECT max(position) FROM ev) AS position_, {answer} FROM {rows} ORDER BY {order}"""


@lru_cache
def delete(entity: str) -> str:
    """Delete rows that this transaction has locked, one ``deleted`` event each.

    $1 actor, $2 command, $3 ids, $4 reason as JSON. Returns the last position.
    """
    r = BY_ENTITY[entity]
    state = "state" if r.machine else "NULL::text AS state"
    main = f"main AS (DELETE FROM {r.table} WHERE id = ANY($3::bigint[])),\n" if r.split else ""
    main += f"{COUNTS_OF_DELETED},\n" if r.counted else ""
    return f"""WITH {TAKE_FENCE},
gone AS (DELETE FROM {r.state_table} t USING fence WHERE t.id = ANY($3::bigint[])
  RETURNING t.id, t.owner_id, t.version, {site_of(r)} AS site_id, {state}, {r.remembered} AS last),
{main}ev AS (INSERT INTO event_log ({EVENT_COLUMNS}, from_state, data)
  SELECT now(), owner_id, site_id, '{entity}', id, version + 1, {_typed(f"{entity}.{DELETED}")}, $1, $2::uuid, state,
    $4::jsonb || CASE WHEN last IS NULL THEN '{{}}'::jsonb ELSE jsonb_build_object('last', last) END
  FROM gone ORDER BY id RETURNING position)
SELECT max(position) AS position FROM ev"""


def next_ids(entity: str) -> str:
    """Draw $1 new ids, as one text: a record per id would cost more than the ids."""
    return f"SELECT string_agg(nextval('{BY_ENTITY[entity].table}_id_seq')::text, ',') FROM generate_series(1, $1::int)"
