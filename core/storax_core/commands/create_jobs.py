"""Create Jobs, whole graphs in one call: each row's site, first state, edges and transfers are decided here."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from pydantic import BaseModel

from storax_core.database.connections import Connection
from storax_core.errors import Invalid
from storax_core.lifecycle.change import Patch, Row
from storax_core.lifecycle.states import HOOKS, JOB_DONE, JOB_TAKEABLE, JOB_UNSUCCESSFUL, JobState, TransferState
from storax_core.log import append, sql
from storax_core.log.append import Context
from storax_core.resources import JOBS, TRANSFERS
from storax_core.suggest import nearest

EDGES = """INSERT INTO job_parent (child_id, parent_id, owner_id)
SELECT c, p, $3 FROM unnest($1::bigint[], $2::bigint[]) AS e(c, p) ON CONFLICT DO NOTHING"""

APPS = """SELECT id, site_id, name, parameters::text AS p, transfers::text AS t, hooks::text AS h,
  max_attempts, max_losses, retry_delay_sec, retry_exit_codes::text AS codes, retry_on_timeout, version{more} FROM app
WHERE id = ANY($1::bigint[]) AND owner_id IS NOT DISTINCT FROM $2 FOR KEY SHARE"""
PARENT_STATES = """SELECT id, state FROM job_state
WHERE id = ANY($1::bigint[]) AND owner_id IS NOT DISTINCT FROM $2 ORDER BY id FOR SHARE"""
# The new ids as one text, beside the first App.
APPS_AND_IDS = APPS.format(
    more=f", CASE WHEN id = ($1::bigint[])[1] THEN ({sql.next_ids(JOBS.entity).replace('$1', '$3')}) END AS ids"
)


def fields_set(models: Iterable[BaseModel]) -> list[Row]:
    """The fields that the caller named; defaults stay out of the log."""
    return [{name: m.__dict__[name] for name in m.__pydantic_fields_set__} for m in models]


async def create_jobs(conn: Connection, ctx: Context, new_rows: Sequence[Row]) -> list[Row]:
    """Create jobs, their edges, transfers and events, all or none. Returns id, site_id and state of each."""
    rows, edges, transfers = await _decide(conn, ctx, new_rows)
    await append.append_created(conn, ctx, JOBS, rows)
    await _attach(conn, ctx, rows, edges, transfers)
    return [{"id": r["id"], "site_id": r["site_id"], "state": r["state"]} for r in rows]


async def create_job(conn: Connection, ctx: Context, new_row: Row) -> Row:
    """Create one job as ``create_jobs`` does. Returns its visible fields, without a statement of their own."""
    rows, edges, transfers = await _decide(conn, ctx, [new_row])
    stored = await append.append_one_created(conn, ctx, JOBS, rows[0])
    await _attach(conn, ctx, rows, edges, transfers)
    return stored


async def _decide(
    conn: Connection, ctx: Context, new_rows: Sequence[Row]
) -> tuple[list[Row], list[tuple[int, int]], list[Row]]:
    """Return the whole rows of new jobs, their edges as (child, parent), and their transfers."""
    rows = [dict(r) for r in new_rows]  # a private copy: a command may be repeated after a deadlock
    # Looked up before this call's own ids are drawn: nobody can name a row of the same call by guessing its id.
    parents = await _parent_states(conn, ctx.owner_id, {p for r in rows for p in r.get("parent_ids", ())})
    apps, ids = await _apps_and_ids(conn, ctx.owner_id, {r["app_id"] for r in rows}, len(rows))
    edges = _edges(rows, ids)
    transfers: list[Row] = []
    for place, (row, row_id) in enumerate(zip(rows, ids, strict=True)):
        app, where = apps[row["app_id"]], f"job {place} of this call" if len(rows) > 1 else "the job"
        check_parameters(row, app, where)
        inherit(row, app)
        row["id"], row["site_id"] = row_id, app["site_id"]
        items = _transfers(row, app, where)
        set_first_state(row, parents, items)
        _stages(row, items)
        transfers += items
    return rows, edges, transfers


async def _attach(
    conn: Connection, ctx: Context, rows: Sequence[Row], edges: Sequence[tuple[int, int]], transfers: list[Row]
) -> None:
    """Create what hangs on new jobs, and name those that may run."""
    ctx.ready += [(r["site_id"], r["id"], r.get("priority", 0)) for r in rows if r["state"] in JOB_TAKEABLE]
    await _link(conn, ctx, edges)
    await _append_transfers(conn, ctx, transfers)


async def _apps_and_ids(
    conn: Connection, owner_id: int, wanted: set[int], count: int
) -> tuple[dict[int, Row], list[int]]:
    """As ``find_apps`` and ``log.draw_ids``, in one round trip."""
    rows = await conn.fetch(APPS_AND_IDS, sorted(wanted), owner_id, count)
    apps = _apps(rows, wanted)
    return apps, [int(i) for r in rows if r["ids"] for i in r["ids"].split(",")]


async def find_apps(conn: Connection, owner_id: int, wanted: set[int]) -> dict[int, Row]:
    """What a new job must match, by App: site, parameters, transfer slots. Raises Invalid for a missing App."""
    return _apps(await conn.fetch(APPS.format(more=""), sorted(wanted), owner_id), wanted)


def _apps(rows: Sequence[Any], wanted: set[int]) -> dict[int, Row]:
    apps = {r["id"]: _app(r) for r in rows}
    missing = sorted(wanted - set(apps))
    if missing:
        raise Invalid(f"App {missing[0]} does not exist", hint="List yours with GET /api/v1/apps/ or `storax app ls`.")
    return apps


def _app(record: Mapping[str, Any]) -> Row:
    declared = orjson.loads(record["p"])
    return {
        "site_id": record["site_id"],
        "version": record["version"],
        "name": record["name"],
        "transfers": orjson.loads(record["t"]),
        "known": frozenset(declared),
        "inherited": _inherited(record),
        "required": frozenset(n for n, s in declared.items() if s.get("required", True)),
    }


def _inherited(record: Mapping[str, Any]) -> Row:
    """Fields that jobs inherit from their App. Those equal to a job's own defaults are left out of the log."""
    values: Row = {n: record[n] for n in ("max_attempts", "max_losses", "retry_delay_sec", "retry_on_timeout")}
    values |= {"retry_exit_codes": orjson.loads(record["codes"]), "hooks": " ".join(orjson.loads(record["h"]))}
    return {n: value for n, value in values.items() if value != JOBS.fields[n].default}


def inherit(row: Row, app: Row) -> None:
    """Add the fields that a job inherits from its App to those that its row names."""
    if app["inherited"]:
        row.update({n: value for n, value in app["inherited"].items() if n not in row})


def check_parameters(row: Row, app: Row, where: str) -> None:
    """A job gives all required parameters of its App, and none that it does not know. Raises Invalid."""
    got = row.get("parameters", {}).keys()
    if got >= app["required"] and got <= app["known"]:
        return
    name = app["name"]
    missing, unknown = sorted(app["required"] - got), sorted(got - app["known"])
    if missing:
        raise Invalid(
            f"{where} lacks parameter {missing[0]!r} of App {name!r}",
            hint=f"It needs: {', '.join(sorted(app['required']))}.",
        )
    raise Invalid(
        f"{where} gives parameter {unknown[0]!r}, which App {name!r} does not know",
        hint=nearest(unknown[0], app["known"]),
    )


async def check_patches(conn: Connection, ctx: Context, patches: Sequence[Patch]) -> None:
    """Check that new parameters of jobs match their Apps. Raises Invalid."""
    by_job = {patch.id: patch.fields for patch in patches if "parameters" in patch.fields}
    if by_job:
        query = "SELECT id, app_id FROM job WHERE id = ANY($1::bigint[]) AND owner_id IS NOT DISTINCT FROM $2"
        rows = await conn.fetch(query, list(by_job), ctx.owner_id)
        declared = await find_apps(conn, ctx.owner_id, {r["app_id"] for r in rows})
        for row in rows:
            check_parameters(by_job[row["id"]], declared[row["app_id"]], f"job {row['id']}")


def _edges(rows: Sequence[Row], ids: Sequence[int]) -> list[tuple[int, int]]:
    """(child, parent) pairs; a reference within the call must name an earlier row, so no cycle can be."""
    out = []
    for place, row in enumerate(rows):
        parents = set(row.get("parent_ids", ()))
        for ref in row.pop("parent_refs", ()):
            if not 0 <= ref < place:
                raise Invalid(
                    f"job {place} of this call names job {ref} as its parent: a cycle, or not an earlier row",
                    hint="List parents before their children; a graph must have no cycle.",
                )
            parents.add(ids[ref])
        if parents:
            row["parent_ids"] = sorted(parents)
            out += [(ids[place], p) for p in row["parent_ids"]]
    return out


async def _parent_states(conn: Connection, owner_id: int, wanted: set[int]) -> dict[int, str]:
    """States of stored parents, locked until commit: none can finish between this query and the commit."""
    if not wanted:
        return {}
    states = {r["id"]: r["state"] for r in await conn.fetch(PARENT_STATES, sorted(wanted), owner_id)}
    missing = sorted(wanted - set(states))
    if missing:
        raise Invalid(f"parent job {missing[0]} does not exist", hint="Create parents first, or in the same call.")
    return states


def set_first_state(row: Row, parents: Mapping[int, str], items: Sequence[Row]) -> None:
    """Set the state in which a job is created. Raises Invalid where a parent has failed."""
    row["state"] = _first_state(row, parents, items)


def _first_state(row: Row, parents: Mapping[int, str], items: Sequence[Row]) -> str:
    if (named := row.get("parent_ids")) and not _parents_settled(row, named, parents):
        return JobState.AWAITING_PARENTS
    if any(i["direction"] == "in" for i in items):
        return JobState.READY
    hooks = row.get("hooks")
    return JobState.STAGED_IN if hooks and HOOKS[JobState.STAGED_IN] in hooks.split() else JobState.PREPROCESSED


def _parents_settled(row: Row, named: Sequence[int], parents: Mapping[int, str]) -> bool:
    """Whether a new job need not wait for its parents. Raises Invalid where one has failed."""
    policy = row.get("on_parent_failure", "fail")
    bad = next((p for p in named if parents.get(p) in JOB_UNSUCCESSFUL), None)
    if policy == "fail" and bad is not None:
        raise Invalid(f"parent job {bad} is {parents[bad]}", hint='Retry it first, or set on_parent_failure="run".')
    settled = JOB_DONE if policy == "run" else (JobState.JOB_FINISHED,)
    return all(parents.get(p) in settled for p in named)


def _stages(row: Row, items: Sequence[Row]) -> None:
    if not items:
        return
    for direction in ("in", "out"):
        if any(i["direction"] == direction for i in items):
            row[f"stage_{direction}"] = True
    for item in items:
        waiting = item["direction"] == "out" or row["state"] == JobState.AWAITING_PARENTS
        item["state"] = TransferState.AWAITING_JOB if waiting else TransferState.PENDING


def _transfers(row: Row, app: Row, where: str) -> list[Row]:
    wanted, slots = row.pop("transfers", {}), app["transfers"]
    if not wanted and not slots:
        return []
    for slot in wanted:
        if slot not in slots:
            raise Invalid(f"App {app['name']!r} has no transfer slot {slot!r}", hint=nearest(slot, slots))
    lacking = [s for s, spec in slots.items() if spec.get("required", True) and s not in wanted]
    if lacking:
        raise Invalid(f"{where} lacks transfer slot {lacking[0]!r} of App {app['name']!r}")
    return [_item(row, slot, value, slots[slot]) for slot, value in wanted.items()]


def _item(row: Row, slot: str, value: Any, spec: Mapping[str, Any]) -> Row:
    alias, path = _place(slot, value)
    return {
        "site_id": row["site_id"],
        "job_id": row["id"],
        "direction": spec.get("direction", "in"),
        "local_path": spec.get("local_path") or slot,
        "location_alias": alias,
        "remote_path": path,
        "recursive": spec.get("recursive", False),
    }


def _place(slot: str, value: Any) -> tuple[str, str]:
    """Location alias and absolute path of ``"alias:/path"`` or ``{location_alias, path}``."""
    pair = value
    if isinstance(value, dict) and set(value) == {"location_alias", "path"}:
        pair = [value["location_alias"], value["path"]]
    elif isinstance(value, str):
        pair = value.split(":", 1)
    if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(p, str) and len(p) <= 1024 for p in pair):
        raise Invalid(f"transfer slot {slot!r}: give 'alias:/absolute/path' or {{location_alias, path}}")
    alias, path = pair
    if not alias or not path.startswith("/"):
        raise Invalid(f"transfer slot {slot!r}: {path[:60]!r} is no absolute path", hint="Give 'alias:/absolute/path'.")
    return alias, path


async def _link(conn: Connection, ctx: Context, edges: Sequence[tuple[int, int]]) -> None:
    if edges:
        children, parents = zip(*edges, strict=True)
        await conn.execute(EDGES, list(children), list(parents), ctx.owner_id)


async def _append_transfers(conn: Connection, ctx: Context, items: list[Row]) -> None:
    if items:
        for item, item_id in zip(items, await append.draw_ids(conn, TRANSFERS, len(items)), strict=True):
            item["id"] = item_id
        await append.append_created(conn, ctx, TRANSFERS, items)
