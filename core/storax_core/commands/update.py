"""Update rows: each its own way, or all that match a filter the same way."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from storax_core.commands import apps, create_jobs, leases, moves, transfers
from storax_core.commands.create import describe, taken
from storax_core.database.connections import Connection
from storax_core.errors import Invalid, NotFound, StaleVersion
from storax_core.lifecycle import rules
from storax_core.lifecycle.change import Change, Row
from storax_core.lifecycle.rules import Facts
from storax_core.log import append
from storax_core.log.append import Context
from storax_core.queries import select
from storax_core.resources import APPS, JOBS, Resource


@dataclass(frozen=True)
class Updated:
    """What became of the rows of an update, in the order given: a list of ``columns`` for each."""

    columns: tuple[str, ...] = ("id", "version", "last_update")
    rows: list[list[Any]] = field(default_factory=list)


async def update_rows(
    conn: Connection, ctx: Context, resource: Resource, rows: Sequence[Row], *, force: bool = False
) -> Updated:
    """Change rows ``{"id", "if_version"?, ...patch}``, all or none. Returns id, version, last_update (and state).

    Raises NotFound naming ids that are not there, StaleVersion, IllegalMove or Leased.
    """
    if len({r["id"] for r in rows}) != len(rows):
        raise Invalid("an id stands twice in this call", hint="Merge the two patches into one.")
    lines = [{"id": r["id"], "v": r.get("if_version"), "p": _patch(r)} for r in rows]
    await _check(conn, ctx, resource, lines)
    if resource.machine and any("state" in r for r in rows):
        return await _update_states(conn, ctx, resource, lines, force=force)
    return await _update_fields(conn, ctx, resource, lines)


async def update_where(
    conn: Connection, ctx: Context, resource: Resource, query: select.Query, patch: Row, *, force: bool = False
) -> int:
    """Apply one patch to all that match. Returns their number."""
    ids = await select.matching_ids(conn, resource, ctx.owner_id, query)
    if ids and patch:
        await update_rows(conn, ctx, resource, [{"id": i, **patch} for i in ids], force=force)
    return len(ids)


def _patch(row: Row) -> Row:
    patch = dict(row)  # a copy: the command may have to be run again
    del patch["id"]
    patch.pop("if_version", None)
    return patch


async def _check(conn: Connection, ctx: Context, resource: Resource, lines: Sequence[Row]) -> None:
    """What one noun asks of a change beyond the types of its fields. Lines: ``{"id", "p": patch}``."""
    if resource is JOBS:
        await _check_parameters(conn, ctx, {line["id"]: line["p"] for line in lines if "parameters" in line["p"]})
    elif resource is APPS:
        for line in lines:
            await apps.check_change(conn, ctx, line["id"], line["p"])


async def _check_parameters(conn: Connection, ctx: Context, patches: dict[int, Row]) -> None:
    """New parameters of jobs must fit their Apps."""
    if patches:
        sql = "SELECT id, app_id FROM job WHERE id = ANY($1::bigint[]) AND owner_id = $2"
        found = await conn.fetch(sql, list(patches), ctx.owner_id)
        declared = await create_jobs.find_apps(conn, ctx.owner_id, {r["app_id"] for r in found})
        for row in found:
            create_jobs.check_parameters(patches[row["id"]], declared[row["app_id"]], f"job {row['id']}")


async def _update_fields(conn: Connection, ctx: Context, resource: Resource, lines: list[Row]) -> Updated:
    if not any(line["p"] for line in lines):
        return await _unchanged(conn, ctx, resource, lines)
    try:
        versions, when = await append.append_patches(conn, ctx, resource, lines)
    except asyncpg.UniqueViolationError as error:
        raise taken(resource, [line["p"] for line in lines], error) from error
    if len(versions) < len(lines):
        await _unchanged(conn, ctx, resource, lines)  # raises for the row that is missing or at another version
    return Updated(rows=[[line["id"], versions[line["id"]], when] for line in lines])


async def _unchanged(conn: Connection, ctx: Context, resource: Resource, lines: list[Row]) -> Updated:
    sql = f"SELECT id, version, last_update FROM {resource.state_table} WHERE id = ANY($1::bigint[]) AND owner_id = $2"  # noqa: S608
    found = {r["id"]: list(r) for r in await conn.fetch(sql, [line["id"] for line in lines], ctx.owner_id)}
    _require(resource, lines, found)
    for line in lines:
        _require_version(resource, line, found[line["id"]][1])
    return Updated(rows=[found[line["id"]] for line in lines])


def _require(resource: Resource, lines: Sequence[Row], found: Any) -> None:
    missing = [line["id"] for line in lines if line["id"] not in found]
    if missing:
        raise NotFound(f"{resource.entity.replace('_', ' ')} {describe(missing)} does not exist; nothing was changed")


def _require_version(resource: Resource, line: Row, actual: int) -> None:
    if line["v"] not in (None, actual):
        raise StaleVersion(
            f"{resource.entity.replace('_', ' ')} {line['id']} is at version {actual}, not {line['v']}",
            hint="Read it again, then repeat the change.",
        )


async def _update_states(
    conn: Connection, ctx: Context, resource: Resource, lines: Sequence[Row], *, force: bool
) -> Updated:
    locked = await _lock(conn, ctx, resource, [line["id"] for line in lines])
    facts = {f["id"]: f for f in locked}
    _require(resource, lines, facts)
    changes = []
    for line in lines:
        fact = facts[line["id"]]
        _require_version(resource, line, fact["version"])
        changes.append(_decide(resource, fact, line["p"], force=force))
    if resource is JOBS:
        await moves.append_job_changes(conn, ctx, changes)
    else:
        await append.append_changes(conn, ctx, resource, changes)
        await _aftermath(conn, ctx, resource, changes)
    return Updated(("id", "version", "last_update", "state"), [_seen(c, facts[c.id]) for c in changes])


async def _lock(conn: Connection, ctx: Context, resource: Resource, ids: Sequence[int]) -> list[Facts]:
    if resource is JOBS:
        return await moves.lock_jobs(conn, ctx.owner_id, ids)
    sql = f"""SELECT id, owner_id, site_id, version, state, last_update, now() AS now FROM {resource.table}
WHERE id = ANY($1::bigint[]) AND owner_id = $2 ORDER BY id FOR UPDATE"""  # noqa: S608
    rows: list[Facts] = await conn.fetch(sql, list(ids), ctx.owner_id)
    return rows


def _decide(resource: Resource, facts: Facts, patch: Row, *, force: bool) -> Change:
    to = str(patch.pop("state", facts["state"]))
    if to == facts["state"]:
        change = rules.change_of(facts)
        if patch:
            change.add(f"{resource.entity}.updated", patch)
        return change
    if resource is JOBS:
        return rules.user_move(facts, to, patch, force=force)
    assert resource.machine is not None  # noqa: S101  (callers checked)
    if not force:
        rules.legal(
            resource.machine.transitions, facts["state"], to, f"{resource.entity.replace('_', ' ')} {facts['id']}"
        )
    change = rules.change_of(facts)
    change.add(f"{resource.entity}.state_changed", patch, was=facts["state"], to=to)
    return change


def _seen(change: Change, facts: Facts) -> list[Any]:
    state = change.patch.get("state", facts["state"])
    when = facts["now"] if change.events else facts["last_update"]
    return [change.id, change.version, when, state]


async def _aftermath(conn: Connection, ctx: Context, resource: Resource, changes: Sequence[Change]) -> None:
    entered = [c.id for c in changes if "state" in c.patch]
    if resource.entity == "transfer_item":
        await transfers.settle(conn, ctx, entered)
    elif resource.entity == "batch_job":
        done = [c.id for c in changes if c.patch.get("state") == "finished"]
        await leases.end_sessions_of(conn, ctx, done)
