"""The page of failures: groups as REST answers them, each with the way to its jobs and to run them again."""

from datetime import UTC, datetime
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from storax_api.errors import status_of
from storax_api.rows.failures import SINCE, STATE, failed
from storax_api.web.frame.filters import Pair, UrlQuery
from storax_api.web.frame.live import published
from storax_api.web.frame.reads import Reads, Row, reads_of
from storax_api.web.frame.respond import Live, live_page, page
from storax_api.web.frame.viewer import Reader
from storax_api.web.jobs.actions import OUTCOME, outcome_of
from storax_core.errors import CoreError, Invalid, TooLarge
from storax_core.queries import select
from storax_core.resources import APPS, JOBS

router = APIRouter()
GROUPS = 100
EVERY_SEC = 5
NO_CODE = orjson.dumps({"return_code__gte": -(2**31)}).decode()  # a URL has no null
OFFERED = ("app_name", "site_name", "tags", "last_update_after", "last_update_before")


@router.get("/failures")
async def failures(request: Request, viewer: Reader) -> Response:
    """Show the groups of the FAILED jobs that match the URL; what is wrong with a filter is said on the page."""
    view, after = UrlQuery.of(request, JOBS, own=OUTCOME), await published(request)
    context: dict[str, Any] = {
        "view": view, "problem": None, "groups": [], "answer": {"jobs": 0, "more": False}, "since": "",
        "outcome": outcome_of(request),
        "others": [(name, value) for name, value in view.conditions if name not in OFFERED],
    }  # fmt: skip
    try:
        query = failed(view.query(limit=GROUPS), datetime.now(UTC))
        async with reads_of(request, viewer) as reads:
            context |= await _read(reads, view, query)
    except (Invalid, TooLarge) as error:
        problem: CoreError = error
        return page(request, "failures/list.html", {**context, "problem": problem}, status=status_of(problem))
    return live_page(request, "failures/list.html", context, changes=Live(after, ("job",), every_sec=EVERY_SEC))


async def _read(reads: Reads, view: UrlQuery, query: select.Query) -> dict[str, Any]:
    answer = await select.failures(reads.conn, reads.caller.owner_id, query)
    apps = await reads.names(APPS, {group["app_id"] for group in answer["groups"]})
    since = str(query.filter[SINCE])
    groups = [(group, apps.get(group["app_id"], ""), _jobs_of(view, group, since)) for group in answer["groups"]]
    return {"answer": answer, "groups": groups, "since": since}


def _jobs_of(view: UrlQuery, group: Row, since: str) -> list[Pair]:
    """Return the parameters by which the list of jobs shows a group."""
    own = {"state": STATE, "app_id": str(group["app_id"]), "failure_line": group["failure_line"], SINCE: since}
    code = ("exclude", NO_CODE) if group["return_code"] is None else ("return_code", str(group["return_code"]))
    return [*(pair for pair in view.conditions if pair[0] not in own), *own.items(), code]
