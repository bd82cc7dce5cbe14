"""Allocations as rows: a BatchJob, the name of its site, the scheduler's own state, and why it waits or failed."""

from collections.abc import Mapping, Sequence
from typing import Any

from storax_api.web.frame.reads import Reads, Row
from storax_api.web.sites.reported import scheduler_state, why
from storax_core.queries.select import Query
from storax_core.resources import SITES

FIELDS = ["id", "name", "queued_jobs"]


async def listed(reads: Reads, rows: Sequence[Row]) -> list[Row]:
    """Return the rows with ``site_name``, ``why`` and ``scheduler_state``."""
    ids = sorted({row["site_id"] for row in rows})
    query = Query(filter={"id": ids}, fields=FIELDS, limit=len(ids))
    sites = {site["id"]: site for site in (await reads.page(SITES, query)).rows} if ids else {}
    return [{**row, **_said(row, sites.get(row["site_id"], {}))} for row in rows]


def _said(row: Row, site: Mapping[str, Any]) -> Row:
    state = scheduler_state(site, row["scheduler_id"])
    return {"site_name": site.get("name", ""), "why": why(row["status_info"]), "scheduler_state": state}
