"""What the loops that ask for allocations by themselves have in common: the shape of their BatchJobs, and patience."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from storax._runtime.retry import doubling_pause
from storax_agent.server.site_api import SiteApi
from storax_agent.settings.scheduler import ElasticSettings, MaintainerSettings

Row = dict[str, Any]
MADE_BY = "made_by"  # in status_info
RECENT_FAILURES = 20
FIRST_PAUSE_SEC = 60.0
LONGEST_PAUSE_SEC = 3600.0
TERMINATED = 128 + 15  # the exit code of a runner that was ended from outside before it was up; no fault of its own


def shape(settings: ElasticSettings | MaintainerSettings) -> Row:
    """The fields that all BatchJobs of a loop share."""
    names = ("queue", "project", "job_mode", "wall_time_min", "filter_tags", "optional_params")
    return {name: getattr(settings, name) for name in names}


def create(api: SiteApi, site_id: int, fields: Mapping[str, Any], *, maker: str) -> int:
    """Ask for an allocation in the name of a loop."""
    number = api.create_batch_job({"site_id": site_id, **fields})
    api.update_batch_jobs([{"id": number, "status_info": {MADE_BY: maker}}])
    return number


def made_by(row: Mapping[str, Any], maker: str) -> bool:
    """Whether a loop of that name asked for it."""
    return bool((row.get("status_info") or {}).get(MADE_BY) == maker)


def patience_sec(rows: Sequence[Mapping[str, Any]], maker: str, now: datetime) -> float:
    """Seconds to wait, because the last ones were refused or failed: doubled for each failure in a row, an hour at
    most. ``rows`` are the newest ended BatchJobs, newest first."""
    failures, last = 0, None
    for row in rows:
        if not made_by(row, maker):
            continue
        if not _failed(row):
            break
        failures += 1
        last = last or datetime.fromisoformat(str(row["last_update"]))
    if last is None:
        return 0.0
    pause = doubling_pause(FIRST_PAUSE_SEC, failures, LONGEST_PAUSE_SEC)
    return float(max(0.0, pause - (now - last).total_seconds()))


def waits(
    api: SiteApi, site_id: int, maker: str, now: datetime, *, only: Callable[[Row], bool] = lambda _: True
) -> float:
    """Seconds to wait before the next is asked for, by what became of those that ``only`` picks."""
    rows = api.last_batch_jobs(site_id, ["submit_failed", "finished"], limit=RECENT_FAILURES)
    return patience_sec([row for row in rows if only(row)], maker, now)


def _failed(row: Mapping[str, Any]) -> bool:
    info = row.get("status_info") or {}
    return bool(row["state"] == "submit_failed" or info.get("exit_code", 0) not in (0, TERMINATED))
