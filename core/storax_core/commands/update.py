"""Update rows: each its own way, or all that match a filter the same way."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from storax_core.commands.create import describe, name_conflict
from storax_core.commands.locks import lock_mine
from storax_core.commands.resource_rules import rules_of
from storax_core.database.connections import Connection
from storax_core.errors import Invalid, NotFound, StaleVersion
from storax_core.lifecycle import rules
from storax_core.lifecycle.change import Change, Facts, Patch, Row
from storax_core.log import append
from storax_core.log.append import Context
from storax_core.queries import merged_maps, select
from storax_core.resources import Resource


@dataclass(frozen=True)
class Updated:
    """The updated rows, in the order of the call: a list of ``columns`` for each.

    ``brought_back`` is the number of further jobs that changed: descendants that run again with these.
    """

    columns: tuple[str, ...] = ("id", "version", "last_update")
    rows: list[list[Any]] = field(default_factory=list)
    brought_back: int = 0


@dataclass(frozen=True)
class How:
    """How states change. ``force`` allows any transition; without ``descendants`` a job that leaves FAILED comes back
    alone; ``dry_run`` decides and counts, and writes nothing.
    """

    force: bool = False
    descendants: bool = True
    dry_run: bool = False


ORDINARY = How()


async def update_rows(
    conn: Connection, ctx: Context, resource: Resource, rows: Sequence[Row], *, how: How = ORDINARY
) -> Updated:
    """Change rows ``{"id", "if_version"?, ...patch}``, all or none. Returns id, version, last_update (and state).

    Raises NotFound naming ids that are not there, StaleVersion, IllegalMove or Leased.
    """
    if len({r["id"] for r in rows}) != len(rows):
        raise Invalid("an id stands twice in this call", hint="Merge the two patches into one.")
    names: set[str] = set().union(*rows)
    patches = [_patch(row) for row in rows]
    if merged_maps.names_keys(resource, names):
        patches = await _whole(conn, ctx, resource, patches)
    await rules_of(resource).before_update(conn, ctx, patches)
    if resource.machine and "state" in names:
        return await _update_states(conn, ctx, resource, patches, how)
    return await _update_fields(conn, ctx, resource, patches)


async def update_where(
    conn: Connection, ctx: Context, resource: Resource, query: select.Query, patch: Row, *, how: How = ORDINARY
) -> Row:
    """Apply one patch to all that match. Returns how many were ``updated``.

    Where there are any, also how many descendants were ``brought_back``, and how many jobs were ``left`` as they are
    because a parent keeps them from running, with ``reason`` and ``hint`` about one of them.
    """
    ids = await select.matching_ids(conn, resource, ctx.owner_id, query)
    left: list[int] = []
    error = None
    if ids and "state" in patch and not how.force:
        left, error = await rules_of(resource).held_back(
            conn, ctx.owner_id, ids, str(patch["state"]), descendants=how.descendants
        )
    kept = set(left)
    rows = [{"id": i, **patch} for i in ids if i not in kept]
    updated = await update_rows(conn, ctx, resource, rows, how=how) if rows and patch else Updated()
    back = {"brought_back": updated.brought_back} if updated.brought_back else {}
    held = {"left": len(left), "reason": str(error), "hint": error.hint} if error else {}
    return {"updated": len(rows), **back, **held}


async def _whole(conn: Connection, ctx: Context, resource: Resource, patches: Sequence[Patch]) -> list[Patch]:
    """The patches with whole dictionaries where they name single keys; the rows of those are locked."""
    keyed = {id_: fields for id_, _, fields in patches if merged_maps.names_keys(resource, fields)}
    await lock_mine(conn, ctx.owner_id, resource, list(keyed), "id")
    stored = await merged_maps.stored_maps(conn, ctx.owner_id, resource, keyed)
    whole = {i: merged_maps.merged(resource, fields, stored.get(i)) for i, fields in keyed.items()}
    return [Patch(id_, version, whole.get(id_, fields)) for id_, version, fields in patches]


def _patch(row: Row) -> Patch:
    """The change of a row. Its fields are a copy: the command may be repeated, and takes the state out of them."""
    fields = dict(row)
    return Patch(fields.pop("id"), fields.pop("if_version", None), fields)


async def _update_fields(conn: Connection, ctx: Context, resource: Resource, patches: Sequence[Patch]) -> Updated:
    if not any(patch.fields for patch in patches):
        return await _unchanged(conn, ctx, resource, patches)
    try:
        versions, when = await append.append_patches(conn, ctx, resource, patches)
    except asyncpg.UniqueViolationError as error:
        raise name_conflict(resource, [patch.fields for patch in patches], error) from error
    if len(versions) < len(patches):
        await _unchanged(conn, ctx, resource, patches)  # raises for the row that is missing or at another version
    return Updated(rows=[[patch.id, versions[patch.id], when] for patch in patches])


async def _unchanged(conn: Connection, ctx: Context, resource: Resource, patches: Sequence[Patch]) -> Updated:
    sql = f"""SELECT id, version, last_update FROM {resource.state_table}
WHERE id = ANY($1::bigint[]) AND owner_id IS NOT DISTINCT FROM $2"""  # noqa: S608
    stored = {r["id"]: list(r) for r in await conn.fetch(sql, [patch.id for patch in patches], ctx.owner_id)}
    _require(resource, patches, stored)
    for patch in patches:
        _require_version(resource, patch, stored[patch.id][1])
    return Updated(rows=[stored[patch.id] for patch in patches])


def _require(resource: Resource, patches: Sequence[Patch], stored: Any) -> None:
    missing = [patch.id for patch in patches if patch.id not in stored]
    if missing:
        raise NotFound(f"{resource.entity.replace('_', ' ')} {describe(missing)} does not exist; nothing was changed")


def _require_version(resource: Resource, patch: Patch, actual: int) -> None:
    if patch.if_version not in (None, actual):
        raise StaleVersion(
            f"{resource.entity.replace('_', ' ')} {patch.id} is at version {actual}, not {patch.if_version}",
            hint="Read it again, then repeat the change.",
        )


async def _update_states(
    conn: Connection, ctx: Context, resource: Resource, patches: Sequence[Patch], how: How
) -> Updated:
    noun = rules_of(resource)
    locked = await lock_mine(conn, ctx.owner_id, resource, [patch.id for patch in patches], noun.facts)
    _require(resource, patches, {f["id"] for f in locked})
    to = {patch.id: str(patch.fields["state"]) for patch in patches if "state" in patch.fields}
    known, back = await noun.rejoin(conn, locked, to, descendants=how.descendants)
    facts = {f["id"]: f for f in known}
    changes = []
    for patch in patches:
        fact = facts[patch.id]
        _require_version(resource, patch, fact["version"])
        changes.append(_decide(resource, fact, patch.fields, force=how.force))
    if not how.dry_run:
        await append.append_changes(conn, ctx, resource, changes)
        also = await noun.bring_back(conn, ctx, back)
        await noun.after_change(conn, ctx, [*changes, *also])
    answers = [_answer(c, facts[c.id]) for c in changes]
    return Updated(("id", "version", "last_update", "state"), answers, len(back))


def _decide(resource: Resource, facts: Facts, fields: Row, *, force: bool) -> Change:
    to = str(fields.pop("state", facts["state"]))
    if to == facts["state"]:
        change = rules.change_of(facts)
        if fields:
            change.add(f"{resource.entity}.updated", fields)
        return change
    if transition := rules_of(resource).transition:
        return transition(facts, to, fields, force=force)
    assert resource.machine is not None  # noqa: S101  (callers checked)
    if not force:
        rules.require_legal(
            resource.machine.transitions, facts["state"], to, f"{resource.entity.replace('_', ' ')} {facts['id']}"
        )
    change = rules.change_of(facts)
    change.add(f"{resource.entity}.state_changed", fields, was=facts["state"], to=to)
    return change


def _answer(change: Change, facts: Facts) -> list[Any]:
    state = change.patch.get("state", facts["state"])
    when = facts["now"] if change.events else facts["last_update"]
    return [change.id, change.version, when, state]
