"""What the worker that delivers events reads and records: webhooks that are due, their next events, outcomes.

Each record names the position from which the worker went on. Where a user has set another one meanwhile, or disabled
the webhook, nothing is recorded, and the worker looks again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from storax_core import limits
from storax_core.database.connections import Connection, writing
from storax_core.lifecycle import rules
from storax_core.log import append, watermark
from storax_core.log.append import Context
from storax_core.queries import select
from storax_core.resources import EVENTS, WEBHOOKS

ACTOR = "system:webhooks"
AT_ONCE = 100  # events that are read at once
SEARCHED_AT_ONCE = 50_000  # events of an owner that one statement searches for those that match
MOST_DUE = 10_000
ANY = "SELECT EXISTS (SELECT FROM webhook WHERE enabled)"
MAIL_SCHEME = "mailto:"
# $1: seconds between two messages to a mail address, also where a user had the webhook begin anew.
DUE = f"""SELECT id, owner_id, name, url, filter::text AS filter, format, secret_version, position, failures, version,
  coalesce(rotated_at > now() - interval '1 day', false) AS rotated FROM webhook
WHERE enabled AND (next_attempt IS NULL OR next_attempt <= now()) AND (last_delivery IS NULL
  OR url NOT LIKE '{MAIL_SCHEME}%' OR last_delivery <= now() - make_interval(secs => $1))"""  # noqa: S608
MOST_BEHIND = f"{DUE} ORDER BY position, id LIMIT {MOST_DUE}"  # else those with the highest ids might never be due
STILL_DUE = f"{DUE} AND id = $2"
WITH_EVENTS = "SELECT DISTINCT owner_id FROM event_log WHERE position > $1 AND position <= $2"
# Functions that search for jobs compare the owner themselves. A plan that was kept for another owner reads too much.
AS_OWNER = "SELECT set_config('storax.owner', $1, false), set_config('plan_cache_mode', 'force_custom_plan', false)"
SEARCH_END = """SELECT position FROM event_log WHERE owner_id = $1 AND position > $2 AND position <= $3
ORDER BY position OFFSET $4 LIMIT 1"""
DELIVERED = """UPDATE webhook SET position = $3, failures = 0, problem = NULL, next_attempt = NULL,
  last_delivery = now() WHERE id = $1 AND position = $2 AND enabled RETURNING version"""
SEARCHED = """UPDATE webhook w SET position = s.upto
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::int[]) AS s (id, before, upto, version)
WHERE w.id = s.id AND w.position = s.before AND w.version = s.version"""
FAILED = """UPDATE webhook SET failures = failures + 1, problem = $3, next_attempt = now() + make_interval(secs => $4)
WHERE id = $1 AND position = $2 AND version = $5 AND enabled RETURNING failures"""
LOCK = """SELECT id, owner_id, NULL::bigint AS site_id, version FROM webhook
WHERE id = $1 AND version = $2 AND enabled FOR UPDATE"""


@dataclass(frozen=True)
class DueWebhook:
    """A webhook whose next event may be delivered now; ``rotated``: its secret was rotated within a day."""

    id: int
    owner_id: int
    name: str
    url: str
    filter: Mapping[str, Any]
    format: str
    secret_version: int
    position: int
    failures: int
    version: int
    rotated: bool


async def any_enabled(conn: Connection) -> bool:
    """Whether there is a webhook that gets events."""
    return bool(await conn.fetchval(ANY))


async def due(conn: Connection, *, mail_every_sec: float) -> list[DueWebhook]:
    """Return the webhooks of all owners that do not wait for another attempt, those that are most behind first."""
    return [_due_webhook(row) for row in await conn.fetch(MOST_BEHIND, mail_every_sec)]


async def still_due(conn: Connection, webhook_id: int, *, mail_every_sec: float) -> DueWebhook | None:
    """Return a webhook as it is now, after it had to wait for its turn; None: it is not due any more."""
    row = await conn.fetchrow(STILL_DUE, mail_every_sec, webhook_id)
    return None if row is None else _due_webhook(row)


def _due_webhook(row: Mapping[str, Any]) -> DueWebhook:
    return DueWebhook(**{**row, "filter": orjson.loads(row["filter"])})


async def owners_with_events(conn: Connection, after: int, end: int) -> set[int | None]:
    """Return whose events are behind a position, up to another one that is published."""
    return {row["owner_id"] for row in await conn.fetch(WITH_EVENTS, after, end)}


async def next_events(
    conn: Connection, hook: DueWebhook, after: int, *, most: int = AT_ONCE
) -> tuple[list[dict[str, Any]], int]:
    """Return the next events of a webhook's owner that match, in order, and the position up to which they are all.

    Raises Invalid where a newer release no longer knows the filter.
    """
    end = await watermark.published(conn)
    if end <= after:
        return [], after
    searched = await conn.fetchval(SEARCH_END, hook.owner_id, after, end, SEARCHED_AT_ONCE)
    end = end if searched is None else searched
    await conn.execute(AS_OWNER, str(hook.owner_id))
    wanted = {**hook.filter, "position__gt": after, "position__lte": end}
    query = select.Query(filter=wanted, ordering=["position"], limit=most)
    page = await select.fetch_page(conn, EVENTS, hook.owner_id, query, size=limits.STREAM_PAGE_BYTES)
    events = [dict(zip(page.columns, row, strict=True)) for row in page.rows]
    return events, end if page.next is None else events[-1]["position"]


async def delivered(conn: Connection, hook: DueWebhook, before: int, position: int) -> bool:
    """Record that the receiver accepted the event at a position; until then the webhook stood at ``before``.

    Returns whether nobody has changed it meanwhile, so that the next event may follow.
    """
    return bool(await conn.fetchval(DELIVERED, hook.id, before, position) == hook.version)


async def searched(conn: Connection, hooks: Sequence[tuple[DueWebhook, int, int]]) -> None:
    """Record of webhooks that nothing matches between where each stands and another position."""
    rows = [(hook.id, before, upto, hook.version) for hook, before, upto in hooks]
    if rows:
        await conn.execute(SEARCHED, *(list(column) for column in zip(*rows, strict=True)))


async def failed(conn: Connection, hook: DueWebhook, before: int, problem: str, *, wait_sec: float) -> int | None:
    """Record an attempt that failed; the next one comes in ``wait_sec``. Returns how many failed in a row."""
    failures: int | None = await conn.fetchval(FAILED, hook.id, before, problem, wait_sec, hook.version)
    return failures


async def pause(conn: Connection, hook: DueWebhook, reason: str) -> None:
    """Stop posting events to a webhook, with the reason, in the log too. What is next remains next."""
    async with writing(conn):
        locked = await conn.fetchrow(LOCK, hook.id, hook.version)
        if locked is None:
            return
        change = rules.change_of(dict(locked))
        change.add("webhook.paused", {"enabled": False, "reason": reason})
        await append.append_changes(conn, Context(hook.owner_id, ACTOR), WEBHOOKS, [change])
        await conn.execute("UPDATE webhook SET problem = $2, next_attempt = NULL WHERE id = $1", hook.id, reason)
