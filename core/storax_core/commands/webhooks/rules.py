"""What a user does to webhooks beyond the general commands: checks, rotation of the secret, replay."""

from collections.abc import Mapping, Sequence
from typing import Any

from storax_core import limits
from storax_core.commands.locks import count_mine, lock_mine
from storax_core.database.connections import Connection
from storax_core.errors import NotFound, TooLarge
from storax_core.lifecycle import rules
from storax_core.lifecycle.change import Change, Patch, Row
from storax_core.log import append, positions
from storax_core.log.append import Context
from storax_core.queries.parsing import stream_filters
from storax_core.resources import WEBHOOKS

BEGIN = "UPDATE webhook SET position = $2 WHERE id = ANY($1::bigint[]) AND owner_id = $3"
# What an earlier receiver, or an earlier state of it, failed for says nothing of this one.
TRY_AGAIN = """UPDATE webhook SET failures = 0, problem = NULL, next_attempt = NULL
WHERE id = ANY($1::bigint[]) AND owner_id = $2"""
ROTATED = "UPDATE webhook SET rotated_at = now() WHERE id = $1"
REPLAY = "UPDATE webhook SET position = $2, failures = 0, problem = NULL, next_attempt = NULL WHERE id = $1"


async def check_new(conn: Connection, ctx: Context, rows: Sequence[Row]) -> None:
    """Check the filters of new webhooks and their number. Raises Invalid or TooLarge."""
    for row in rows:
        _check_filter(row.get("filter", {}))
    number = await count_mine(conn, ctx.owner_id, WEBHOOKS)
    if number + len(rows) > limits.WEBHOOKS:
        raise TooLarge(
            f"a user has {limits.WEBHOOKS} webhooks at most, and you have {number}",
            hint="Delete one, or widen the filter of one.",
        )


async def begin(conn: Connection, ctx: Context, ids: Sequence[int]) -> None:
    """Have new webhooks begin behind their own creation."""
    await conn.execute(BEGIN, list(ids), ctx.position, ctx.owner_id)


async def check_patches(conn: Connection, ctx: Context, patches: Sequence[Patch]) -> None:
    """Check new filters; a webhook that is enabled, or has another URL, is tried again at once. Raises Invalid."""
    for patch in patches:
        if "filter" in patch.fields:
            _check_filter(patch.fields["filter"])
    again = [patch.id for patch in patches if patch.fields.get("enabled") or "url" in patch.fields]
    if again:
        await conn.execute(TRY_AGAIN, again, ctx.owner_id)


def _check_filter(wanted: Mapping[str, Any]) -> None:
    stream_filters.check(wanted, way_out="A webhook has a position of its own: `replay` sets it.")


async def rotate(conn: Connection, ctx: Context, webhook_id: int) -> None:
    """Give a webhook another secret; for a day the one before signs too. Raises NotFound."""
    locked = await _lock(conn, ctx, webhook_id)
    change = _change(locked)
    change.add("webhook.secret_rotated", {"secret_version": locked["secret_version"] + 1})
    await append.append_changes(conn, ctx, WEBHOOKS, [change])
    await conn.execute(ROTATED, webhook_id)


async def replay(conn: Connection, ctx: Context, webhook_id: int, position: int) -> None:
    """Set the position behind which events are delivered, back or ahead. Raises NotFound or LostPosition."""
    locked = await _lock(conn, ctx, webhook_id)
    await positions.check(conn, position)
    change = _change(locked)
    change.note("webhook.replayed", {"position": position})
    await append.append_changes(conn, ctx, WEBHOOKS, [change])
    await conn.execute(REPLAY, webhook_id, position)


async def _lock(conn: Connection, ctx: Context, webhook_id: int) -> Row:
    rows = await lock_mine(conn, ctx.owner_id, WEBHOOKS, [webhook_id], "id, owner_id, version, secret_version")
    if not rows:
        raise NotFound(f"webhook {webhook_id} does not exist", hint="List yours with GET /api/v1/webhooks/.")
    return dict(rows[0])


def _change(locked: Row) -> Change:
    return rules.change_of({**locked, "site_id": None})
