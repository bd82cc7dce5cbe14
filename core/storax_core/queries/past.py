"""Rows as they were at a position of the log, or at an instant, folded from the events up to it.

The answer to one position is the same for ever: events never change, and a position is answered only once all events up
to it are final. An instant stands for the last event that was written until then.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, bindparam, text

from storax_core.database.connections import Connection
from storax_core.errors import Invalid, Unavailable
from storax_core.log import watermark
from storax_core.log.archive import archives
from storax_core.log.archive.whole_log import LOG
from storax_core.log.fold import folded
from storax_core.queries.archive import archived, archived_events
from storax_core.queries.filters import Log, Selection
from storax_core.queries.tables import Source, source_of
from storax_core.resources import BY_ENTITY, EVENTS, Resource

MERGE = "jsonb_merge"  # the aggregate that migrations made: only the owner of the tables may make one
OWNER, POSITION = "p0", "p1"  # the places of their values in every statement about the past
AT = """SELECT max(position) FROM event_log WHERE owner_id = $1 AND "timestamp" <= $2 AND position <= $3"""
LAST = "SELECT max(position) FROM event_log WHERE owner_id = $1"
PRESENT = "SELECT now()"
FINAL_SEC, POLL_SEC = 5.0, 0.02  # for the feeder to publish what a caller has read, and between looks at it


async def position_of(conn: Connection, owner_id: int, as_of: int | datetime) -> int:
    """Return the position that ``as_of`` means: itself, or that of the owner's last event at that instant.

    Raises:
        Invalid: it is later than the last event that is final, or later than now.
    """
    end = await watermark.published(conn)
    if isinstance(as_of, datetime):
        if as_of > await conn.fetchval(PRESENT):
            raise Invalid(f"as_of {as_of.isoformat()} is in the future", hint="Leave it out to read the present.")
        return await conn.fetchval(AT, owner_id, as_of, end) or await archived.position_at(conn, owner_id, as_of)
    if as_of > end:
        raise Invalid(f"position {as_of} is behind the end of the log, {end}", hint="Leave as_of out for the present.")
    return as_of


async def wait_until_final(conn: Connection, owner_id: int, as_of: int | datetime | None) -> None:
    """Wait until the feeder has published a position that the owner can see in the log already.

    In a transaction, whose snapshot would not show it, there is no wait. Raises Unavailable where it takes too long.
    """
    if not isinstance(as_of, int) or conn.is_in_transaction() or as_of <= await watermark.published(conn):
        return
    if as_of > (await conn.fetchval(LAST, owner_id) or 0):
        return  # refused by ``position_of``, unless it is another owner's and was published meanwhile
    for _ in range(int(FINAL_SEC / POLL_SEC)):
        await asyncio.sleep(POLL_SEC)
        if as_of <= await watermark.published(conn):
            return
    raise Unavailable(f"position {as_of} is not published yet", hint="Try again in a moment.")


@cache
def source_of_past(entity: str, log: str = LOG) -> Source:
    """The rows of a resource as they were, in place of its tables. Its statements have the parameters above."""
    resource = BY_ENTITY[entity]
    rows = text(_rows(resource, log)).bindparams(*(bindparam(name, type_=BigInteger()) for name in (OWNER, POSITION)))
    present = source_of(entity)
    columns = {name: present.column(name).type for name in resource.fields}
    table: Any = rows.columns(**columns).alias("t")
    return Source(resource, table, table)


def _rows(resource: Resource, log: str) -> str:
    """SQL of all fields of every row that there was. What the log does not keep is null."""
    only = f"AND owner_id = {{{OWNER}}} AND position <= {{{POSITION}}}"
    sql = folded(resource, only, merge=MERGE, log=log).replace("\\", "\\\\").replace(":", "\\:")
    for name in (OWNER, POSITION):
        sql = sql.replace(f"{{{name}}}", f":{name}")
    known = {"id", "owner_id", *resource.folded, "version", "creation_date", "last_update"}
    lost = [f"CAST(NULL AS {field.pg_type}) AS {name}" for name, field in resource.fields.items() if name not in known]
    return f"SELECT {', '.join(['r.*', *lost])} FROM ({sql}) r"  # noqa: S608


def require_own_fields(resource: Resource, names: set[str]) -> None:
    """Raise Invalid for filters that look at other tables, which hold the present."""
    for name in sorted(names):
        spec = resource.filters.get(name)
        if resource is not EVENTS and spec is not None and spec.join:
            raise Invalid(
                f"filter {name} of {resource.path} reads the present, so it cannot be used with as_of",
                hint="Filter by ids, for example app_id, site_id or id.",
            )


async def staged(conn: Connection, resource: Resource, selection: Selection, ids: Sequence[int]) -> Selection:
    """The same selection where its rows are folded of archived events: these are staged, for the rows with these ids.

    No ids: all rows. Of the log itself, the event at the one position that ``ids`` names is staged.
    """
    horizon = await archives.horizon(conn)
    if resource is EVENTS:
        if not ids or ids[0] > horizon:
            return selection
        await archived_events.stage_one(conn, selection.values[0], ids[0])
    else:
        owner_id, position = selection.values[:2]
        if position >= horizon:
            return selection
        await archived.stage_past(conn, resource, owner_id, position, ids)
    return Selection(selection.shape._replace(log=Log.STAGED), selection.values)


def ids_of(filters: Mapping[str, Any]) -> list[int]:
    """The ids that a query names; none: it may be about all rows."""
    ids = filters.get("id")
    return [int(one) for one in (ids if isinstance(ids, list) else [ids]) if one is not None]
