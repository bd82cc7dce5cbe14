"""Create rows of any resource. What one noun needs beyond its fields is asked in ``_check``."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from storax_core.commands import apps, create_jobs, leases, parents
from storax_core.commands.create_jobs import given as given  # noqa: PLC0414 - callers look for it here
from storax_core.database.connections import Connection
from storax_core.errors import Conflict, Invalid
from storax_core.lifecycle.change import Row
from storax_core.log import append
from storax_core.log.append import Context
from storax_core.resources import APPS, BATCH_JOBS, BY_ENTITY, JOBS, SESSIONS, Resource


async def create(conn: Connection, ctx: Context, resource: Resource, given_rows: Sequence[Row]) -> list[Row]:
    """Create rows, validated before (see ``given``), all or none. Returns id and server-set fields, in order.

    Raises Invalid for a parent that does not exist, Conflict for a name that is taken.
    """
    if resource is JOBS:
        return await create_jobs.create_jobs(conn, ctx, given_rows)
    rows = [dict(r) for r in given_rows]  # a private copy: a command may be repeated after a deadlock
    await _check(conn, ctx, resource, rows)
    ids = await append.draw_ids(conn, resource, len(rows))
    for row, row_id in zip(rows, ids, strict=True):
        row["id"] = row_id
        if resource.machine and "state" not in row:
            row["state"] = str(resource.fields["state"].default)
    try:
        await append.append_created(conn, ctx, resource, rows)
    except asyncpg.UniqueViolationError as error:
        raise taken(resource, rows, error) from error
    if resource is SESSIONS:
        for row_id in ids:
            await leases.heartbeat(conn, ctx.owner_id, row_id)
    return [{"id": r["id"], **({"state": r["state"]} if resource.machine else {})} for r in rows]


def taken(resource: Resource, rows: Sequence[Row], error: asyncpg.UniqueViolationError) -> Conflict:
    """The clear form of a broken uniqueness rule."""
    names = ", ".join(repr(r["name"]) for r in rows[:3] if "name" in r)
    what = resource.entity.replace("_", " ")
    scope = {"site_id": "at this site", "project_id": "in this project", "owner_id": f"among your {what}s"}
    where = next((scope[u[0]] for u in resource.unique if u[0] in scope), "")
    return Conflict(
        f"a {what} named {names} exists already {where}".strip() if names else f"such a {what} exists already",
        hint=f"Choose another name, or update the {what} that is there. ({error.constraint_name})",
    )


async def _check(conn: Connection, ctx: Context, resource: Resource, rows: Sequence[Row]) -> None:
    """Parents must be there and the caller's; then what the one noun asks for."""
    if resource.parent is not None:
        above = BY_ENTITY[resource.parent.resource]
        await parents.require_mine(conn, ctx.owner_id, above, [r[resource.parent.field] for r in rows])
    if resource is APPS:
        for row in rows:
            apps.check(row)
    elif resource is SESSIONS:
        for site in {r["site_id"] for r in rows}:
            await _check_allocations(conn, ctx, site, [r for r in rows if r["site_id"] == site])


async def _check_allocations(conn: Connection, ctx: Context, site_id: int, rows: Sequence[Row]) -> None:
    """A session inside a BatchJob is at that BatchJob's site."""
    wanted = {r["batch_job_id"] for r in rows if r.get("batch_job_id") is not None}
    await parents.require_mine(conn, ctx.owner_id, BATCH_JOBS, wanted)
    sql = "SELECT id FROM batch_job WHERE id = ANY($1::bigint[]) AND site_id <> $2"
    elsewhere = await conn.fetchval(sql, sorted(wanted), site_id)
    if elsewhere is not None:
        raise Invalid(
            f"batch job {elsewhere} is at another site", hint=f"Open the session at its site, not at {site_id}."
        )


def describe(rows: Sequence[Any]) -> str:
    """A few ids for an error message."""
    return ", ".join(str(r) for r in rows[:5]) + (", ..." if len(rows) > 5 else "")
