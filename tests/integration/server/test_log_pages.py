"""What a page of the log costs: as many blocks as it has events, wherever in the log these stand."""

import asyncio
import hashlib
import json
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from storax_core.database.connections import Database
from storax_core.queries import select, statements
from storax_core.queries.filters import selection_of
from storax_core.queries.ordering import keys_of
from storax_core.resources import EVENTS
from world import as_login

OWNER = 1_000_000
LARGE_COMMAND = UUID(int=1)
BLOCKS_OF_LARGE_COMMAND = 250  # its 6,000 events lie on 170
BLOCKS = 250  # of 60,000 events' 1,700: some of the index, and one for each event at most

SEED = f"""INSERT INTO event_log (timestamp, owner_id, site_id, entity, entity_id, version, type, schema_version, actor, command_id,
  from_state, to_state, data)
SELECT timestamptz '2026-01-01' + g * interval '1 second', {OWNER} + g % 5 / 4, 1, kind, 10000000 + g / 8, g % 8 + 1,
  kind || '.updated', 1, CASE WHEN g < 9000 THEN 'session:early' WHEN g % 8 < 2 THEN 'user:{OWNER}' ELSE 'session:late' END,
  CASE WHEN g BETWEEN 30001 AND 36000 THEN '{LARGE_COMMAND}' ELSE md5((g / 40)::text)::uuid END, NULL, NULL, jsonb_build_object('data', repeat('x', 100))
FROM (SELECT g, CASE WHEN g / 8 % 100 = 7 THEN 'site' ELSE 'job' END AS kind FROM generate_series(1, 60000) g) s"""


@pytest.fixture(scope="module")
def log(database_url: str) -> str:
    """A log of one large owner and a small one, as far as reads go: nothing that it names is in a table."""

    async def seed() -> None:
        conn = await asyncpg.connect(database_url)
        try:
            await conn.execute(SEED)
            await conn.execute("VACUUM ANALYZE event_log")
        finally:
            await conn.close()

    asyncio.run(seed())
    return database_url


def blocks(url: str, ordering: str, **wanted: Any) -> tuple[int, int]:
    """Read one page of 100 events with the API's statement; return its rows, and the blocks that Postgres looked at."""
    selection, keys = selection_of(EVENTS, OWNER, wanted), keys_of(EVENTS, [ordering])
    page = statements.page(
        EVENTS.entity, selection.shape, select.columns_of(EVENTS, None), keys, 100, cursor=False, skips=False
    )
    explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {page.sql}"

    async def run() -> str:
        db = await Database.connect(as_login(url, "storax_api"), size=2)
        try:
            async with db.owner(OWNER) as conn:
                return str(await conn.fetchval(explain, *page.arguments(selection.values)))
        finally:
            await db.close()

    plan = json.loads(asyncio.run(run()))[0]["Plan"]
    return int(plan["Actual Rows"]), plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


@pytest.mark.parametrize("ordering", ["position", "-position"])
def test_a_page_of_a_large_command_reads_no_events_of_others(log: str, ordering: str) -> None:
    """A command that is a tenth of the log, whose events all stand in its middle."""
    number, read = blocks(log, ordering, command_id=str(LARGE_COMMAND))
    assert number == 100
    assert read <= BLOCKS_OF_LARGE_COMMAND


@pytest.mark.parametrize("ordering", ["position", "-position"])
@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        ({}, 100),
        ({"job_id": 10_000_001}, 6),
        ({"entity": "site", "entity_id": 10_000_007}, 7),
        ({"entity": "site"}, 100),
        ({"type": "site.updated"}, 100),
        ({"actor": "session:early"}, 100),
        ({"actor": "session:none"}, 0),
        ({"actor": f"user:{OWNER}"}, 100),
        ({"command_id": str(UUID(hashlib.md5(b"3").hexdigest()))}, 32),
        ({"command_id": str(UUID(int=7))}, 0),
        ({"timestamp_after": "2026-01-01T01:00:00Z", "timestamp_before": "2026-01-01T01:01:00Z"}, 47),
    ],
    ids=str,
)
def test_a_page_reads_no_more_than_a_page(log: str, ordering: str, wanted: dict[str, Any], rows: int) -> None:
    """Wherever in the log its events stand: also where those of one actor are all at the other end."""
    number, read = blocks(log, ordering, **wanted)
    assert number == rows
    assert read <= BLOCKS
