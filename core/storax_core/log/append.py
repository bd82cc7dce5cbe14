"""Append events and change the projections, in one statement, whose SQL is in ``sql.py``.

No other code does either, so no change lacks its event.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from operator import itemgetter
from typing import Any
from uuid import UUID

import orjson

from storax_core import limits
from storax_core.database.connections import Connection
from storax_core.errors import TooLarge
from storax_core.lifecycle.change import Change, Patch, Row, SetChange
from storax_core.log import sql
from storax_core.resources import JOBS, Resource

PIECES = 250  # lines that are joined at once
FEWER_ROWS = "Change fewer rows at once: add a filter, for instance by id."


@dataclass
class Context:
    """Who acts, and by which command. ``position`` is that of the last event that the command appended.

    ``ready`` gathers jobs that this command made runnable, as (site, id, priority): hints for the queues, to be sent
    once it is committed. ``site_id`` is the site whose token the caller has; None: it may act on the whole account.
    ``fingerprint`` is that of a call whose answer is to be kept under its key, which is the command; ``kept``: a
    statement of the command has done so.
    """

    owner_id: int
    actor: str
    command_id: UUID | None = None
    position: int = 0
    ready: list[tuple[int, int, int]] = field(default_factory=list)
    site_id: int | None = None
    fingerprint: str | None = None
    kept: bool = False

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
    size, parts, rest = 0, list[str](), iter(rows)
    while lines := list(map(orjson.dumps, islice(rest, PIECES))):
        size += sum(map(len, lines))
        if size > limits.CHANGE_BYTES:
            raise TooLarge(f"this change would write more than {limits.CHANGE_BYTES >> 20} MiB", hint=FEWER_ROWS)
        parts.append(b"\n".join(lines).decode())
    return "\n".join(parts)


def array_text(numbers: Sequence[int | None]) -> str:
    """An array of numbers in the syntax of Postgres."""
    return "{" + orjson.dumps(numbers).decode()[1:-1] + "}"


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
    ids, versions, fields = zip(*sorted(patches, key=itemgetter(0)), strict=True)
    changed: Any = await conn.fetchrow(
        statement, array_text(ids), ctx.owner_id, ctx.actor, ctx.command_id,
        array_text(versions), json_lines(fields),
    )  # fmt: skip
    ctx.advance_position(changed["position"])
    return dict(zip(changed["ids"] or (), changed["versions"] or (), strict=True)), changed["last_update"]


async def append_changes(conn: Connection, ctx: Context, resource: Resource, changes: Sequence[Change]) -> None:
    """Write decided changes of rows that this transaction has locked."""
    recorded = [c for c in changes if c.events]
    if recorded:
        statement, args = _applied(ctx, resource, recorded)
        ctx.advance_position(await conn.fetchval(statement, *args))


async def append_last_changes(
    conn: Connection, ctx: Context, changes: Sequence[Change], ended: Sequence[int], answer: bytes
) -> bool:
    """As ``append_changes`` of jobs, and keep the command's answer, unless one of ``ended`` has children to settle.

    Returns whether there are such children. Raises asyncpg.UniqueViolationError where another call with the key was
    first.
    """
    statement, args = _applied(ctx, JOBS, changes, last=True)
    row: Any = await conn.fetchrow(statement, *args, list(ended), ctx.owner_id, ctx.fingerprint, answer.decode())
    ctx.advance_position(row["position"])
    ctx.kept = not row["parents"]
    return not ctx.kept


def _applied(
    ctx: Context, resource: Resource, changes: Sequence[Change], *, last: bool = False
) -> tuple[str, list[Any]]:
    """The statement that applies changes, and its arguments."""
    keys = frozenset().union(*(c.patch for c in changes)) & frozenset(resource.folded)
    args: list[Any] = [json_lines(sql.change_line(c) for c in changes), ctx.actor, ctx.command_id]
    if resource.counted:
        args.append(_count_lines(_count_differences(changes)))
    return sql.apply(resource.entity, keys, last=last), args


async def append_picked(
    conn: Connection, ctx: Context, resource: Resource, pick: Pick, change: SetChange, more: str | None = None
) -> list[Any]:
    """Pick rows, lock them and change all of them alike, one event each, in one statement. Returns the changed rows.

    ``more``: the statement is a transaction by itself, keeps the ids under the call's key, and selects this SQL too.
    """
    statement = sql.change_picked(
        resource.entity,
        change.type,
        pick.ctes,
        pick.order,
        place=len(pick.params) + 1,
        values=tuple(change.values),
        increments=change.increments,
        more=more or "",
        alone=more is not None,
    )
    kept = () if more is None else (ctx.fingerprint,)
    rows: list[Any] = await conn.fetch(
        statement, *pick.params, *change.values.values(), ctx.actor, ctx.command_id, *kept
    )
    ctx.advance_position(rows[0]["position_"] if rows else None)
    return rows


async def append_deleted(conn: Connection, ctx: Context, resource: Resource, ids: Sequence[int], reason: Row) -> None:
    """Delete rows that this transaction has locked, one ``deleted`` event each."""
    if ids:
        text = orjson.dumps(reason).decode()
        ctx.advance_position(
            await conn.fetchval(sql.delete(resource.entity), ctx.actor, ctx.command_id, list(ids), text)
        )
