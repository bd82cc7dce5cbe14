"""Create rows of any resource. What one noun needs beyond its fields is a function in ``PREPARE``."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg
from pydantic import BaseModel

from storax_core.commands import create_jobs, leases
from storax_core.errors import Conflict, Invalid
from storax_core.resources import BY_ENTITY, Resource
from storax_core.store import log
from storax_core.store.database import Connection
from storax_core.store.log import Context, Row

Prepare = Callable[[Connection, Context, list[Row]], Awaitable[None]]


async def create(conn: Connection, ctx: Context, resource: Resource, models: Sequence[BaseModel]) -> list[Row]:
    """Create one row per model, all or none. Returns id and server-set fields, in order.

    Raises Invalid for a parent that does not exist, Conflict for a name that is taken.
    """
    if resource.entity == "job":
        return await create_jobs.create_jobs(conn, ctx, models)
    rows = [given(m) for m in models]
    await _check_parents(conn, resource, rows)
    ids = await log.draw_ids(conn, resource, len(rows))
    for row, row_id in zip(rows, ids, strict=True):
        row["id"] = row_id
        if resource.machine and "state" not in row:
            row["state"] = str(resource.fields["state"].default)
        _check(resource, row)
    try:
        await log.append_created(conn, ctx, resource, rows)
    except asyncpg.UniqueViolationError as error:
        raise taken(resource, rows, error) from error
    if resource.entity == "session":
        for row_id in ids:
            await leases.touch(conn, ctx.owner_id, row_id)
    return [{"id": r["id"], **({"state": r["state"]} if resource.machine else {})} for r in rows]


def given(model: BaseModel) -> Row:
    """The fields that the caller named; defaults stay out of the log."""
    values = model.__dict__
    return {name: values[name] for name in model.__pydantic_fields_set__}


def taken(resource: Resource, rows: Sequence[Row], error: asyncpg.UniqueViolationError) -> Conflict:
    """The clear form of a broken uniqueness rule."""
    names = ", ".join(repr(r["name"]) for r in rows[:3] if "name" in r)
    what = resource.entity.replace("_", " ")
    scope = {"site_id": "at this site", "owner_id": "among your sites"}
    where = next((scope[u[0]] for u in resource.unique if u[0] in scope), "")
    return Conflict(
        f"a {what} named {names} exists already {where}".strip() if names else f"such a {what} exists already",
        hint=f"Choose another name, or update the {what} that is there. ({error.constraint_name})",
    )


async def _check_parents(conn: Connection, resource: Resource, rows: Sequence[Row]) -> None:
    """Lock the parents against deletion, and refuse those that are not the caller's."""
    if resource.parent is None:
        return
    parent = BY_ENTITY[resource.parent.resource]
    wanted = sorted({r[resource.parent.field] for r in rows})
    sql = f"SELECT id FROM {parent.state_table} WHERE id = ANY($1::bigint[]) FOR KEY SHARE"  # noqa: S608
    found = {r["id"] for r in await conn.fetch(sql, wanted)}
    missing = [w for w in wanted if w not in found]
    if missing:
        raise Invalid(
            f"{parent.entity.replace('_', ' ')} {missing[0]} does not exist",
            hint=f"List yours with GET /api/v1/{parent.path}/.",
        )


def _check(resource: Resource, row: Row) -> None:
    if resource.entity == "app":
        check_app(row)


def check_app(row: Row) -> None:
    """An App's parameters must be well declared and cover its template."""
    template, declared = row.get("command_template"), row.get("parameters", {})
    for name, spec in declared.items():
        if not name.isidentifier() or not isinstance(spec, dict) or set(spec) - {"required", "default", "help"}:
            raise Invalid(
                f"parameter {name!r} of App {row.get('name', '')!r} is not well declared",
                hint="Give {name: {required, default, help}}.",
            )
        if spec.get("required", True) and spec.get("default") is not None:
            raise Invalid(f"parameter {name!r} is required and has a default", hint="Drop one of the two.")
    if template:
        for name in create_jobs.placeholders(template):
            declared.setdefault(name, {"required": True})
        row["parameters"] = declared


def describe(rows: Sequence[Any]) -> str:
    """A few ids for an error message."""
    return ", ".join(str(r) for r in rows[:5]) + (", ..." if len(rows) > 5 else "")
