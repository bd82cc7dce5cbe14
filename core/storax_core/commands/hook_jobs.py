"""Create the jobs that a hook asks for, and merge the keys that it set, in the transaction of the hook's report.

So a repeated report creates none twice, and a refused report creates none.
"""

from collections.abc import Mapping

from pydantic import ValidationError

from storax_core.commands import create_jobs
from storax_core.database.connections import Connection
from storax_core.errors import Invalid
from storax_core.lifecycle.change import Facts, Row
from storax_core.lifecycle.states import JobState
from storax_core.log.append import Context
from storax_core.queries import merged_maps
from storax_core.resources import JOBS

ELSEWHERE = """SELECT id FROM app WHERE owner_id IS NOT DISTINCT FROM $1 AND site_id <> $2 AND id = ANY($3::bigint[])
ORDER BY id LIMIT 1"""
BY_NAME = "SELECT name, id FROM app WHERE owner_id = $1 AND site_id = $2 AND name = ANY($3::text[])"


async def create(conn: Connection, ctx: Context, facts: Facts, report: Row) -> None:
    """Create the jobs of a report that is accepted, unless its job is being cancelled.

    Where one is invalid, the report is changed to FAILED with the reason.
    """
    if facts["cancel_requested"]:
        for move in report["moves"][-1:]:
            move["data"]["jobs_not_created"] = len(report["jobs"])
        return
    try:
        # It judges all rows before it writes any.
        await create_jobs.create_jobs(
            conn, ctx, create_jobs.fields_set(_checked(await _permitted(conn, ctx, facts, report["jobs"])))
        )
    except (Invalid, ValidationError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        _fail(report, f"its hook's jobs were refused: {reason}")


async def merge_maps(conn: Connection, ctx: Context, reports: Mapping[int, Row]) -> None:
    """Put whole dictionaries in place of the keys that hooks set; the jobs are locked.

    A report with keys that break a rule of their field is changed to FAILED with the reason.
    """
    keyed = {i: r["patch"] for i, r in reports.items() if merged_maps.names_keys(JOBS, r["patch"])}
    stored = await merged_maps.stored_maps(conn, ctx.owner_id, JOBS, keyed) if keyed else {}
    for job_id, patch in keyed.items():
        try:
            reports[job_id]["patch"] = merged_maps.merged(JOBS, patch, stored.get(job_id))
        except Invalid as error:
            _fail(reports[job_id], f"what its hook set was refused: {error}")


def _fail(report: Row, message: str) -> None:
    report["moves"] = [{"to": JobState.FAILED, "data": {"message": message[:1000]}}]
    report["patch"], report["jobs"] = {}, []


def _checked(rows: list[Row]) -> list[JOBS.create_model]:  # type: ignore[name-defined]
    checked: list[JOBS.create_model] = JOBS.create_adapter.validate_python(rows)  # type: ignore[name-defined]
    return checked


async def _permitted(conn: Connection, ctx: Context, facts: Facts, rows: list[Row]) -> list[Row]:
    """The rows with their Apps. A site's token creates jobs at its own site alone."""
    rows = await _with_apps(conn, facts, rows)
    if ctx.site_id is None:
        return rows
    wanted = [row["app_id"] for row in rows if isinstance(row.get("app_id"), int)]
    elsewhere = await conn.fetchval(ELSEWHERE, facts["owner_id"], ctx.site_id, wanted)
    if elsewhere is not None:
        raise Invalid(f"App {elsewhere} is at another site; with the token of a site, hooks create jobs there alone")
    return rows


async def _with_apps(conn: Connection, facts: Facts, rows: list[Row]) -> list[Row]:
    """Each row with the id of the App that it names at the hook's own site."""
    names = {str(row["app_name"]) for row in rows if "app_name" in row}
    app_ids = dict(await conn.fetch(BY_NAME, facts["owner_id"], facts["site_id"], sorted(names)))
    if missing := sorted(names - set(app_ids)):
        raise Invalid(f"there is no App {missing[0]!r} at this site")
    return [_with_app(row, app_ids) for row in rows]


def _with_app(row: Row, ids: dict[str, int]) -> Row:
    rest = {name: value for name, value in row.items() if name != "app_name"}
    return {**rest, "app_id": ids[str(row["app_name"])]} if "app_name" in row else rest
