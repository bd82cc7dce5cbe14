"""Append events and change the projections, in one statement, whose SQL is in ``sql.py``.

No other code does either, so no change lacks its event.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

import orjson

from storax_core import limits
from storax_core.database.connections import Connection
from storax_core.errors import TooLarge
from storax_core.lifecycle.change import Change, Patch, Row, SetChange
from storax_core.log import sql
from storax_core.resources import Resource

PIECES = 250
FEWER_ROWS = "Change fewer rows at once: add a filter, for instance by id."


@dataclass
class Context:
    """Who acts, and by which command. ``position`` is that of the last event that the command appended.

    ``ready`` gathers jobs that this command made runnable, as (site, id, priority): hints for the queues, to be sent
    once it is committed. ``site_id`` is the site whose token the caller has; None: it may act on the whole account.
    """

    owner_id: int
    actor: str
    command_id: UUID | None = None
    position: int = 0
    ready: list[tuple[int, int, int]] = field(default_factory=list)
    site_id: int | None = None

    def advance_position(self, position: int | None) -> None:
        """Advance ``position`` to the last one appended."""
        self.position = max(self.position, position or 0)


@dataclass(frozen=True)
class Pick:
    """Which rows to change: SQL of CTEs, of which ``pick`` has the locked ids, with their parameters.

    They read from the CTE ``fence``, so that the fence is held before the first row is locked. ``order`` is that of the
    answer.
    """

    ctes: str
    params: Sequence[Any]
    order: str


def json_lines(rows: Iterable[Row]) -> str:
    """Newline-joined JSON; orjson never emits a raw newline. Raises TooLarge where it has more than ``CHANGE_BYTES``.

    Joined a few at a time: each piece that orjson hands out keeps a buffer of several kilobytes.
    """
    size, piece, parts = 0, list[bytes](), list[str]()
    for row in rows:
        line = orjson.dumps(row)
        size += len(line)
        if size > limits.CHANGE_BYTES:
            raise TooLarge(f"this change would write more than {limits.CHANGE_BYTES >> 20} MiB", hint=FEWER_ROWS)
        piece.append(line)
        if len(piece) == PIECES:
            parts.append(b"\n".join(piece).decode())
            piece.clear()
    return "\n".join([*parts, b"\n".join(piece).decode()]) if piece else "\n".join(parts)


def _count_differences(changes: Iterable[Change]) -> Counter[tuple[int, int | None, str | None]]:
    """How the counts by owner, site and state differ after these changes."""
    differences: Counter[tuple[int, int | None, str | None]] = Counter()
    for change in changes:
        transitions = [e for e in change.events if e.to_state is not None]
        if transitions:
            differences[change.owner_id, change.site_id, transitions[0].from_state] -= 1
            differences[change.owner_id, change.site_id, transitions[-1].to_state] += 1
    return differences


def _count_lines(counts: Counter[tuple[int, int | None, str | None]]) -> str:
    rows = [{"owner_id": o, "site_id": s, "state": str(t), "n": n} for (o, s, t), n in counts.items() if n]
    return orjson.dumps(rows).decode()


async def draw_ids(conn: Connection, resource: Resource, count: int) -> list[int]:
    """``count`` new ids, never handed out again."""
    text = await conn.fetchval(sql.next_ids(resource.entity), count) if count else None
    return [int(i) for i in text.split(",")] if text else []


async def append_created(conn: Connection, ctx: Context, resource: Resource, rows: Sequence[Row]) -> None:
    """Insert full rows (ids drawn before) and one ``created`` event each, in one statement."""
    args = _created(ctx, resource, rows)
    ctx.advance_position(await conn.fetchval(sql.create(resource.entity), *args))


async def append_one_created(conn: Connection, ctx: Context, resource: Resource, row: Row) -> Row:
    """As ``append_created``, for one row. Returns its visible fields (jsonb values as raw fragments)."""
    statement = sql.create(resource.entity, whole=True)
    stored = dict(await conn.fetchrow(statement, *_created(ctx, resource, [row])))
    ctx.advance_position(stored.pop("position_"))
    return stored


def _created(ctx: Context, resource: Resource, rows: Sequence[Row]) -> list[Any]:
    """The arguments of ``sql.create``."""
    args: list[Any] = [json_lines(rows), ctx.owner_id, ctx.actor, ctx.command_id]
    if resource.counted:
        args.append(_count_lines(Counter((ctx.owner_id, r["site_id"], r["state"]) for r in rows)))
    return args


async def append_patches(
    conn: Connection, ctx: Context, resource: Resource, patches: Sequence[Patch]
) -> tuple[dict[int, int], datetime]:
    """Change fields that are no state, each row its own way.

    Returns the new version of each row changed by its id, and when they changed. A row that is not there, or at another
    version, is not among them.
    """
    keys = {frozenset(patch.fields) for patch in patches}
    statement = sql.patch(resource.entity, frozenset().union(*keys), uniform=len(keys) == 1)
    text = json_lines(sql.patch_line(patch) for patch in sorted(patches, key=attrgetter("id")))
    changed: Any = await conn.fetchrow(statement, text, ctx.owner_id, ctx.actor, ctx.command_id)
    ctx.advance_position(changed["position"])
    return dict(zip(changed["ids"] or (), changed["versions"] or (), strict=True)), changed["last_update"]


async def append_changes(conn: Connection, ctx: Context, resource: Resource, changes: Sequence[Change]) -> None:
    """Write decided changes of rows that this transaction has locked."""
    recorded = [c for c in changes if c.events]
    if recorded:
        keys = frozenset().union(*(c.patch for c in recorded)) & frozenset(resource.folded)
        args: list[Any] = [json_lines(sql.change_line(c) for c in recorded), ctx.actor, ctx.command_id]
        if resource.counted:
            args.append(_count_lines(_count_differences(recorded)))
        ctx.advance_position(await conn.fetchval(sql.apply(resource.entity, keys), *args))


async def append_picked(conn: Connection, ctx: Context, resource: Resource, pick: Pick, change: SetChange) -> list[Any]:
    """Pick rows, lock them and change all of them alike, one event each, in one statement. Returns the changed rows."""
    statement = sql.change_picked(
        resource.entity,
        change.type,
        pick.ctes,
        pick.order,
        place=len(pick.params) + 1,
        values=tuple(change.values),
        increments=change.increments,
    )
    rows: list[Any] = await conn.fetch(statement, *pick.params, *change.values.values(), ctx.actor, ctx.command_id)
    ctx.advance_position(rows[0]["position_"] if rows else None)
    return rows


async def append_deleted(conn: Connection, ctx: Context, resource: Resource, ids: Sequence[int], reason: Row) -> None:
    """Delete rows that this transaction has locked, one ``deleted`` event each."""
    if ids:
        text = orjson.dumps(reason).decode()
        ctx.advance_position(
            await conn.fetchval(sql.delete(resource.entity), ctx.actor, ctx.command_id, list(ids), text)
        )
