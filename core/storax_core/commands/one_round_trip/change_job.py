"""Change fields of one job in one statement, which checks the version and answers with the whole job."""

from typing import Any

from storax_core.database.connections import Connection
from storax_core.lifecycle.change import Row
from storax_core.log import one_round_trip
from storax_core.log.append import Context, json_lines
from storax_core.queries import merged_maps
from storax_core.resources import JOBS

CHECKED = {"state", "parameters"}  # fields of jobs that need a look at more than the row


async def change_job(conn: Connection, ctx: Context, row: Row) -> bytes | None:
    """Change a row ``{"id", "if_version"?, ...fields}``; keep the answer where the call has a key. Returns it as JSON.

    None: nothing was done, because a field needs more than this statement, or the job is not there or at another
    version; the ordinary command then does it, or says what is wrong. Raises TooLarge, and
    asyncpg.UniqueViolationError where another call with the key was first.
    """
    fields = dict(row)
    id_, version = fields.pop("id"), fields.pop("if_version", None)
    if not fields or not CHECKED.isdisjoint(fields) or merged_maps.names_keys(JOBS, fields):
        return None
    record: Any = await conn.fetchrow(
        one_round_trip.change_job(frozenset(fields)), id_, ctx.owner_id, ctx.actor, ctx.command_id, version,
        json_lines([fields]), ctx.fingerprint,
    )  # fmt: skip
    if record is None:
        return None
    ctx.advance_position(record["position_"])
    return bytes(record["answer"], "utf-8")
