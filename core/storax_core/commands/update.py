"""Update rows: each its own way, or all that match a filter the same way."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from storax_core.commands.create import describe, name_conflict
from storax_core.commands.locks import lock_mine
from storax_core.commands.nouns import rules_of
from storax_core.database.connections import Connection
from storax_core.errors import Invalid, NotFound, StaleVersion
from storax_core.lifecycle import rules
from storax_core.lifecycle.change import Change, Row
from storax_core.lifecycle.rules import Facts
from storax_core.log import append
from storax_core.log.append import Context
from storax_core.queries import select
from storax_core.resources import Resource


@dataclass(frozen=True)
class Updated:
    """The updated rows, in the order of the call: a list of ``columns`` for each."""

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
    await rules_of(resource).before_update(conn, ctx, lines)
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


async def _update_fields(conn: Connection, ctx: Context, resource: Resource, lines: list[Row]) -> Updated:
    if not any(line["p"] for line in lines):
        return await _unchanged(conn, ctx, resource, lines)
    try:
        versions, when = await append.append_patches(conn, ctx, resource, lines)
    except asyncpg.UniqueViolationError as error:
        raise name_conflict(resource, [line["p"] for line in lines], error) from error
    if len(versions) < len(lines):
        await _unchanged(conn, ctx, resource, lines)  # raises for the row that is missing or at another version
    return Updated(rows=[[line["id"], versions[line["id"]], when] for line in lines])


async def _unchanged(conn: Connection, ctx: Context, resource: Resource, lines: list[Row]) -> Updated:
    sql = f"SELECT id, version, last_update FROM {resource.state_table} WHERE id = ANY($1::bigint[]) AND owner_id = $2"  # noqa: S608
    stored = {r["id"]: list(r) for r in await conn.fetch(sql, [line["id"] for line in lines], ctx.owner_id)}
    _require(resource, lines, stored)
    for line in lines:
        _require_version(resource, line, stored[line["id"]][1])
    return Updated(rows=[stored[line["id"]] for line in lines])


def _require(resource: Resource, lines: Sequence[Row], stored: Any) -> None:
    missing = [line["id"] for line in lines if line["id"] not in stored]
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
    noun = rules_of(resource)
    locked = await lock_mine(conn, ctx.owner_id, resource, [line["id"] for line in lines], noun.facts)
    facts = {f["id"]: f for f in locked}
    _require(resource, lines, facts)
    changes = []
    for line in lines:
        fact = facts[line["id"]]
        _require_version(resource, line, fact["version"])
        changes.append(_decide(resource, fact, line["p"], force=force))
    await append.append_changes(conn, ctx, resource, changes)
    await noun.after_change(conn, ctx, changes)
    return Updated(("id", "version", "last_update", "state"), [_seen(c, facts[c.id]) for c in changes])


def _decide(resource: Resource, facts: Facts, patch: Row, *, force: bool) -> Change:
    to = str(patch.pop("state", facts["state"]))
    if to == facts["state"]:
        change = rules.change_of(facts)
        if patch:
            change.add(f"{resource.entity}.updated", patch)
        return change
    if transition := rules_of(resource).transition:
        return transition(facts, to, patch, force=force)
    assert resource.machine is not None  # noqa: S101  (callers checked)
    if not force:
        rules.require_legal(
            resource.machine.transitions, facts["state"], to, f"{resource.entity.replace('_', ' ')} {facts['id']}"
        )
    change = rules.change_of(facts)
    change.add(f"{resource.entity}.state_changed", patch, was=facts["state"], to=to)
    return change


def _seen(change: Change, facts: Facts) -> list[Any]:
    state = change.patch.get("state", facts["state"])
    when = facts["now"] if change.events else facts["last_update"]
    return [change.id, change.version, when, state]
