"""Plans of the statements that the server repeats: each finds its rows by a key, whatever Postgres knew when it planned.

A prepared statement keeps its plan. One that was planned when the tables were empty must not read a whole table once
they are full, so the plans of a young store, which was never analyzed, are read here.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import asyncpg
import pytest

from bench import Bench
from storax_core.database import connections
from storax_core.database.connections import APP_ROLE, BEGIN, OWNER_OF_TRANSACTION, WORKER_ROLE
from storax_core.queries import filters, ordering, statements
from storax_core.resources import JOBS
from world import World

LARGE = ("job", "job_state", "job_parent", "event_log", "transfer_item", "command")
# Columns whose values few rows share.
KEYS = ("id", "child_id", "parent_id", "job_id", "session_id", "entity_id", "key")
# Statements that are about a whole queue: a claim without hints, and the refill of Redis.
QUEUES = ("s.site_id = $2::bigint", "AND id > $1 ORDER BY id LIMIT 50000")
KEPT_PLANS = "SELECT max(generic_plans)::int FROM pg_prepared_statements WHERE statement = $1"


class Seen(NamedTuple):
    """A statement as Postgres got it."""

    sql: str
    role: str
    in_command: bool
    by_filter: bool


@pytest.fixture(scope="module")
def seen() -> Iterator[set[Seen]]:
    """Every statement with parameters that a pool's connection sends."""
    seen: set[Seen] = set()
    prepare = connections._prepare

    async def logging(conn: Any) -> None:
        await prepare(conn)

        def note(record: Any) -> None:
            role = APP_ROLE if conn.get_settings().application_name.startswith(APP_ROLE) else WORKER_ROLE
            if "$1" in record.query:
                name = conn.get_settings().application_name
                in_command = conn.is_in_transaction() or name.endswith(":key")
                seen.add(Seen(record.query, role, in_command, name.endswith(":filter")))

        conn.add_query_logger(note)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections, "_prepare", logging)
        yield seen


@pytest.fixture(scope="module")
def young_world(seen: set[Seen], world: World) -> World:
    """A store that stays young: autovacuum would analyze its tables as soon as it comes by, within a minute."""
    for table in LARGE:
        world.sql(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
    return world


def a_life(bench: Bench) -> None:
    """Use what the server does all day: create, change, lease, report, retry, cancel, delete."""
    user = bench.user
    user.post("/jobs/", {"app_id": bench.app, "workdir": "w"}, **user.key())
    first, second, *rest = user.jobs(bench.app, 6)
    child = user.job(bench.app, parent_ids=[first])["id"]
    user.patch(f"/jobs/{first}", {"priority": 3}, **user.key())
    user.patch("/jobs/", [{"id": i, "tags": {"a": str(i)}} for i in (first, second)])
    user.patch("/jobs/", [{"id": first, "priority": 1}, {"id": second, "num_nodes": 1}])
    user.patch(f"/jobs/{first}", {"tags__merge": {"b": "c"}})
    user.patch("/jobs/", {"filter": {"id": rest}, "patch": {"priority": 2}})
    for part in ("", "/explain", "/graph"):
        user.get(f"/jobs/{child}{part}")
    held = user.acquire(bench.session, 2)
    user.acquire(bench.session, 1, wait=0.1, max_nodes_per_job=1, filter_tags={"x": "y"})
    user.finish(bench.session, held[0])
    user.finish(bench.session, held[1], last="RUN_ERROR")
    user.post("/jobs/retry", {"filter": {"id": [held[1]["id"]]}})
    user.post("/jobs/cancel", {"filter": {"id": [rest[0]]}})
    user.job(bench.app, parent_ids=[rest[1]])
    user.post("/jobs/cancel", {"filter": {"id": [rest[1]]}})
    user.post("/jobs/retry", {"filter": {"id": [rest[1]]}})
    for question in (
        {"filter": {"id": [child]}}, {"filter": {"tags": {"a": str(first)}}}, {"filter": {"parent_id": first}},
        {"ordering": ["-last_update"]}, {"limit": 0, "count": True},
    ):  # fmt: skip
        user.post("/jobs/query", question)
        user.post("/jobs/query", {**question, "limit": 300})
    user.get("/events/")
    user.get("/events/", limit=300)
    user.delete(f"/jobs/{rest[0]}")
    user.post(f"/sessions/{bench.session}/heartbeat")
    bench.back()


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes_of(child)


def explain(world: World, statement: Seen) -> dict[str, Any]:
    """Return the plan that is kept for a statement, as its role gets it."""
    settings = (BEGIN + OWNER_OF_TRANSACTION % 1).removeprefix("BEGIN; ")
    values = ", ".join(["NULL"] * max(map(int, re.findall(r"\$(\d+)", statement.sql))))

    async def run() -> Any:
        conn = await asyncpg.connect(world.database_url)
        try:
            await conn.execute("BEGIN; SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL jit = off")
            if statement.in_command:
                await conn.execute(settings)
            await conn.execute(f"SET LOCAL ROLE {statement.role}; PREPARE it AS {statement.sql}")
            return await conn.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE it({values})")
        finally:
            await conn.close()

    plan: dict[str, Any] = json.loads(world.run(run()))[0]["Plan"]
    return plan


def columns_of_indexes(world: World) -> dict[str, list[str]]:
    rows = world.sql(
        """SELECT c.relname, pg_get_indexdef(i.indexrelid, k, true) AS name
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid, generate_series(1, i.indnkeyatts) AS k
        WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1, k"""
    )
    columns: dict[str, list[str]] = {}
    for row in rows:
        columns.setdefault(row["relname"], []).append(row["name"].strip('"'))
    return columns


def finds_by_key(scan: dict[str, Any], columns: list[str]) -> bool:
    """Whether an index is entered at a key: by equality from its first column to one that selects a few rows."""
    condition = scan.get("Index Cond", "").replace('"', "")
    for name in columns:
        if name == "position" and re.search(r"\bposition [<>]", condition):
            return True
        if not re.search(rf"\b{name} = ", condition):
            return False
        if name in KEYS:
            return True
    return False


def wide_scans(plan: dict[str, Any], columns: dict[str, list[str]]) -> list[str]:
    """The scans of large tables that do not begin at a key."""
    return [
        f"{scan['Node Type']} {scan.get('Relation Name', '')} {scan.get('Index Name', '')} {scan.get('Index Cond', '')}"
        for scan in nodes_of(plan)
        if (scan["Node Type"] == "Seq Scan" and scan["Relation Name"] in LARGE)
        or (
            "Index Name" in scan
            and is_large(scan["Index Name"])
            and not finds_by_key(scan, columns[scan["Index Name"]])
        )
    ]


def is_in_order(plan: dict[str, Any]) -> bool:
    """Whether a plan reads an owner's first rows in the order of an index, and stops."""
    nodes = list(nodes_of(plan))
    reads_owner = any(n.get("Index Cond") == "(owner_id = $1)" for n in nodes)
    return nodes[0]["Node Type"] == "Limit" and reads_owner and all(n["Node Type"] != "Sort" for n in nodes)


def is_large(index: str) -> bool:
    return index.startswith(("job_state_", "job_parent_", "event_", "transfer_", "command_", "job_pkey", "job_tags"))


@pytest.mark.slow("it plans every statement of the server")
def test_no_plan_of_a_young_store_reads_a_whole_table_for_a_few_rows(young_world: World, seen: set[Seen]) -> None:
    a_life(Bench(young_world.user()))
    assert young_world.value("SELECT count(*) FROM pg_class WHERE relname = 'job_state' AND reltuples = -1") == 1
    columns = columns_of_indexes(young_world)
    wide = {
        s.sql: scans
        for s in list(seen)  # the server goes on meanwhile
        if not s.by_filter and not any(q in s.sql for q in QUEUES)  # reads by a filter are planned for their values
        if not is_in_order(plan := explain(young_world, s)) and (scans := wide_scans(plan, columns))
    }
    assert wide == {}
    assert len([s for s in list(seen) if any(f"{verb} job_state" in s.sql for verb in ("UPDATE", "FROM"))]) > 15


def test_a_claim_without_hints_goes_down_the_queue(young_world: World, seen: set[Seen]) -> None:
    a_life(Bench(young_world.user()))
    claims = [s for s in list(seen) if QUEUES[0] in s.sql]
    assert claims
    for claim in claims:
        (scan,) = (n for n in nodes_of(explain(young_world, claim)) if n.get("Index Name") == "job_state_ready")
        assert scan["Index Cond"].startswith("(site_id = ")


def test_reads_by_a_filter_are_planned_for_their_values_and_reads_by_id_keep_their_plans(young_world: World) -> None:
    user = young_world.user()
    job = user.job(user.app())["id"]
    shape = filters.selection_of(JOBS, user.id, {"state": ["FAILED"]}).shape
    keys = ordering.keys_of(JOBS, ["-last_update"])
    page = statements.page("job", shape, JOBS.visible, keys, 101, cursor=False, skips=False).sql
    one = statements.one("job", filters.QueryShape()).sql
    assert young_world.run(kept_plans(young_world, page, user.id, ["FAILED"], by_filter=True)) == 0
    assert young_world.run(kept_plans(young_world, one, job, user.id, by_filter=False)) > 0


async def kept_plans(world: World, statement: str, *values: Any, by_filter: bool) -> int:
    """Return how often a statement that one connection repeats ran by a plan that was kept."""
    async with world.db.owner(1, by_filter=by_filter) as conn:
        before = await conn.fetchval(KEPT_PLANS, statement) or 0
        for _ in range(12):
            await conn.fetch(statement, *values)
        return int(await conn.fetchval(KEPT_PLANS, statement) - before)


def test_lists_and_counts_of_the_api_are_read_by_a_filter(young_world: World, seen: set[Seen]) -> None:
    user = young_world.user()
    for name in ("FAILED", "PREPROCESSED"):
        user.post("/jobs/query", {"filter": {"state": name, "workdir": "w"}, "count": True})
        user.get("/jobs/", state=name, ordering="-last_update")
        user.post("/jobs/counts", {"by": "app_id", "filter": {"state": name}})
    reads = [s for s in list(seen) if "s.state = ANY" in s.sql and not s.in_command]
    assert len(reads) >= 2  # the counts; a page is fetched by a cursor, which no logger sees
    assert [s.sql for s in reads if not s.by_filter] == []
