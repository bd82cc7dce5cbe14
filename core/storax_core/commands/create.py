"""Create rows of any resource."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from storax_core.commands.create_jobs import fields_set as fields_set  # noqa: PLC0414 - callers look for it here
from storax_core.commands.locks import require_mine
from storax_core.commands.resource_rules import rules_of
from storax_core.database.connections import Connection
from storax_core.errors import Conflict
from storax_core.lifecycle.change import Row
from storax_core.log import append
from storax_core.log.append import Context
from storax_core.queries import select
from storax_core.resources import BY_ENTITY, Resource


async def create(conn: Connection, ctx: Context, resource: Resource, new_rows: Sequence[Row]) -> list[Row]:
    """Create rows, validated before (see ``fields_set``), all or none. Returns id and server-set fields, in order.

    Raises Invalid for a parent that does not exist, Conflict for a name that is name_conflict.
    """
    noun = rules_of(resource)
    if noun.create:
        return await noun.create(conn, ctx, new_rows)
    rows = [dict(r) for r in new_rows]  # a private copy: a command may be repeated after a deadlock
    if resource.parent is not None:
        above = BY_ENTITY[resource.parent.resource]
        await require_mine(conn, ctx.owner_id, above, [r[resource.parent.field] for r in rows])
    await noun.before_create(conn, ctx, rows)
    ids = await append.draw_ids(conn, resource, len(rows))
    for row, row_id in zip(rows, ids, strict=True):
        row["id"] = row_id
        if resource.machine and "state" not in row:
            row["state"] = str(resource.fields["state"].default)
    try:
        await append.append_created(conn, ctx, resource, rows)
    except asyncpg.UniqueViolationError as error:
        raise name_conflict(resource, rows, error) from error
    await noun.after_create(conn, ctx, ids)
    return [{"id": r["id"], **({"state": r["state"]} if resource.machine else {})} for r in rows]


async def create_one(conn: Connection, ctx: Context, resource: Resource, new_row: Row) -> Row:
    """As ``create``, for one row. Returns all its visible fields."""
    noun = rules_of(resource)
    if noun.create_one:
        return await noun.create_one(conn, ctx, new_row)
    (created,) = await create(conn, ctx, resource, [new_row])
    row = await select.fetch_one(conn, resource, ctx.owner_id, created["id"])
    assert row is not None  # noqa: S101  (created in this transaction)
    return row


def name_conflict(resource: Resource, rows: Sequence[Row], error: asyncpg.UniqueViolationError) -> Conflict:
    """The clear form of a broken uniqueness rule."""
    names = ", ".join(repr(r["name"]) for r in rows[:3] if "name" in r)
    what = resource.entity.replace("_", " ")
    scope = {"site_id": "at this site", "project_id": "in this project", "owner_id": f"among your {what}s"}
    where = next((scope[u[0]] for u in resource.unique if u[0] in scope), "")
    return Conflict(
        f"a {what} named {names} exists already {where}".strip() if names else f"such a {what} exists already",
        hint=f"Choose another name, or update the {what} that is there. ({error.constraint_name})",
    )


def describe(rows: Sequence[Any]) -> str:
    """A few ids for an error message."""
    return ", ".join(str(r) for r in rows[:5]) + (", ..." if len(rows) > 5 else "")
