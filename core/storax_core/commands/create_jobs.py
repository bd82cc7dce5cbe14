"""Create Jobs, whole graphs in one call: each row's site, first state, edges and transfers are decided here."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from pydantic import BaseModel

from storax_core.decide import nearest
from storax_core.errors import Invalid
from storax_core.resources import JOBS, TRANSFERS
from storax_core.states import JobState, TransferState
from storax_core.store import log
from storax_core.store.database import Connection
from storax_core.store.log import Context, Row

PLACE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
EDGES = """INSERT INTO job_parent (child_id, parent_id, owner_id)
SELECT c, p, $3 FROM unnest($1::bigint[], $2::bigint[]) AS e(c, p) ON CONFLICT DO NOTHING"""


def placeholders(template: str) -> list[str]:
    """Names of the ``{{ name }}`` places of a command template. Raises Invalid for any other brace expression."""
    rest = PLACE.sub("", template)
    if "{{" in rest or "}}" in rest or "{%" in rest:
        raise Invalid(
            "the command template holds more than {{ name }} places", hint="Only plain names may be filled in."
        )
    return list(dict.fromkeys(PLACE.findall(template)))


async def create_jobs(conn: Connection, ctx: Context, models: Sequence[BaseModel]) -> list[Row]:
    """Create jobs, their edges, their transfers and their events, all or none. Returns id, site_id and state of each."""
    given = [_given(m) for m in models]
    apps = await _apps(conn, {g["app_id"] for g in given})
    ids = await log.draw_ids(conn, JOBS, len(given))
    edges = _edges(given, ids)
    parents = await _parent_states(conn, edges, set(ids))
    rows, transfers = [], []
    for place, (row, row_id) in enumerate(zip(given, ids, strict=True)):
        app = apps[row["app_id"]]
        _check_parameters(row, app, place)
        row["id"], row["site_id"] = row_id, app["site_id"]
        items = _transfers(row, app, place)
        row["state"] = _first_state(row, parents, items)
        _stages(row, items)
        transfers += items
        rows.append(row)
    await log.append_created(conn, ctx, JOBS, rows)
    await _link(conn, ctx, edges)
    await _append_transfers(conn, ctx, rows, transfers)
    return [{"id": r["id"], "site_id": r["site_id"], "state": r["state"]} for r in rows]


def _given(model: BaseModel) -> Row:
    values = model.__dict__
    return {name: values[name] for name in model.__pydantic_fields_set__}


async def _apps(conn: Connection, wanted: set[int]) -> dict[int, Mapping[str, Any]]:
    rows = await conn.fetch(
        "SELECT id, site_id, name, parameters::text AS p, transfers::text AS t FROM app WHERE id = ANY($1::bigint[])"
        " FOR KEY SHARE",
        sorted(wanted),
    )
    found = {
        r["id"]: {
            "site_id": r["site_id"],
            "name": r["name"],
            "transfers": orjson.loads(r["t"]),
            **_parameter_sets(orjson.loads(r["p"])),
        }
        for r in rows
    }
    missing = sorted(wanted - set(found))
    if missing:
        raise Invalid(f"App {missing[0]} does not exist", hint="List yours with GET /api/v1/apps/ or `storax app ls`.")
    return found


def _parameter_sets(declared: Mapping[str, Any]) -> Row:
    required = frozenset(n for n, s in declared.items() if s.get("required", True))
    return {"known": frozenset(declared), "required": required}


def _check_parameters(row: Row, app: Mapping[str, Any], place: int) -> None:
    got = row.get("parameters", {}).keys()
    if got >= app["required"] and got <= app["known"]:
        return
    where, name = f"job {place} of this call" if place else "the job", app["name"]
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


def _edges(given: Sequence[Row], ids: Sequence[int]) -> list[tuple[int, int]]:
    """(child, parent) pairs; a reference within the call must name an earlier row, so no cycle can be."""
    out = []
    for place, row in enumerate(given):
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


async def _parent_states(conn: Connection, edges: Sequence[tuple[int, int]], own: set[int]) -> dict[int, str]:
    """States of stored parents, locked until commit: none can finish unseen between this look and our commit."""
    wanted = sorted({p for _, p in edges} - own)
    if not wanted:
        return {}
    rows = await conn.fetch(
        "SELECT id, state FROM job_state WHERE id = ANY($1::bigint[]) ORDER BY id FOR SHARE", wanted
    )
    found = {r["id"]: r["state"] for r in rows}
    missing = [w for w in wanted if w not in found]
    if missing:
        raise Invalid(f"parent job {missing[0]} does not exist", hint="Create parents first, or in the same call.")
    return found


def _first_state(row: Row, parents: Mapping[int, str], items: Sequence[Row]) -> str:
    states = [parents.get(p) for p in row.get("parent_ids", ())]
    policy = row.get("on_parent_failure", "fail")
    if policy == "fail" and JobState.FAILED in states:
        bad = next(p for p in row["parent_ids"] if parents.get(p) == JobState.FAILED)
        raise Invalid(f"parent job {bad} has FAILED", hint='Restart it, or set on_parent_failure="run".')
    settled = {JobState.JOB_FINISHED, JobState.FAILED} if policy == "run" else {JobState.JOB_FINISHED}
    if any(s not in settled for s in states):
        return JobState.AWAITING_PARENTS
    return JobState.READY if any(i["direction"] == "in" for i in items) else JobState.PREPROCESSED


def _stages(row: Row, items: Sequence[Row]) -> None:
    for direction in ("in", "out"):
        if any(i["direction"] == direction for i in items):
            row[f"stage_{direction}"] = True
    for item in items:
        waiting = item["direction"] == "out" or row["state"] == JobState.AWAITING_PARENTS
        item["state"] = TransferState.AWAITING_JOB if waiting else TransferState.PENDING


def _transfers(row: Row, app: Mapping[str, Any], place: int) -> list[Row]:
    wanted, slots = row.pop("transfers", {}), app["transfers"]
    if not wanted and not slots:
        return []
    for slot in wanted:
        if slot not in slots:
            raise Invalid(f"App {app['name']!r} has no transfer slot {slot!r}", hint=nearest(slot, slots))
    lacking = [s for s, spec in slots.items() if spec.get("required", True) and s not in wanted]
    if lacking:
        raise Invalid(f"job {place} of this call lacks transfer slot {lacking[0]!r} of App {app['name']!r}")
    return [_item(row, slot, value, slots[slot]) for slot, value in wanted.items()]


def _item(row: Row, slot: str, value: Any, spec: Mapping[str, Any]) -> Row:
    if isinstance(value, str) and ":" in value:
        alias, path = value.split(":", 1)
    elif isinstance(value, dict) and set(value) == {"location_alias", "path"}:
        alias, path = value["location_alias"], value["path"]
    else:
        raise Invalid(f"transfer slot {slot!r}: give 'alias:/absolute/path' or {{location_alias, path}}")
    return {
        "site_id": row["site_id"],
        "job_id": row["id"],
        "direction": spec.get("direction", "in"),
        "local_path": spec.get("local_path") or slot,
        "location_alias": str(alias),
        "remote_path": str(path),
        "recursive": bool(spec.get("recursive", False)),
    }


async def _link(conn: Connection, ctx: Context, edges: Sequence[tuple[int, int]]) -> None:
    if edges:
        children, parents = zip(*edges, strict=True)
        await conn.execute(EDGES, list(children), list(parents), ctx.owner_id)


async def _append_transfers(conn: Connection, ctx: Context, rows: Sequence[Row], items: list[Row]) -> None:
    if items:
        for item, item_id in zip(items, await log.draw_ids(conn, TRANSFERS, len(items)), strict=True):
            item["id"] = item_id
        await log.append_created(conn, ctx, TRANSFERS, items)
