"""What runners of allocations tell the site's agent: why one failed, and which of its loops do.

By files in the runner's part of the site's state, like the exit of its script: they need neither the server nor a good
token, and the agent alone writes a BatchJob's ``status_info``. A runner goes on when its site's agent is upgraded, so
the file of its reason has a version; the release before there were versions wrote the reason alone.
"""

import json
import re
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from storax._file_formats import UnknownFormat, without_format
from storax._runtime.atomic_files import atomic_write
from storax_agent.loops.health import FILE as HEALTH_FILE
from storax_agent.loops.health import read as read_health
from storax_agent.settings.site import SiteFolder

VERSION = 1
REASON = "failed"
PART = re.compile(r"batch-(\d+)(?:-(\d+))?")
MOST_CHARS = 1000
FAILING_SEC = 20.0  # a loop that has failed for so long is reported
RunnerReport = dict[str, Any]


def note_reason(folder: SiteFolder, reason: object) -> None:
    """The runner of ``folder`` ends for this reason. A disk that takes no file leaves it to the log."""
    with suppress(OSError):
        text = str(reason).strip()[:MOST_CHARS] or repr(reason)[:MOST_CHARS]
        record = {"version": VERSION, "error": text.encode(errors="replace").decode()}
        atomic_write(folder.state / REASON, json.dumps(record))


def forget_reason(folder: SiteFolder) -> None:
    """A runner begins: what an earlier one left is over."""
    with suppress(OSError):
        (folder.state / REASON).unlink(missing_ok=True)


def runner_reports(folder: SiteFolder, batch_jobs: Collection[int]) -> Mapping[int, RunnerReport]:
    """What the runners of these BatchJobs reported, for ``status_info``: ``error`` and ``failing_loops``; without those
    that reported nothing."""
    by_number: dict[int, RunnerReport] = {}
    with suppress(OSError):
        # The folder is listed, for a network file system may remember that a single file was not there.
        for place in sorted(folder.state.iterdir()):
            match = PART.fullmatch(place.name)
            if match and int(match[1]) in batch_jobs:
                _join(by_number.setdefault(int(match[1]), {}), _report_of(place), partition=match[2])
    return {number: report for number, report in by_number.items() if report}


def _report_of(place: Path) -> RunnerReport:
    names = {entry.name for entry in place.iterdir()}
    report: RunnerReport = {}
    if REASON in names:
        report["error"] = _reason(place / REASON)
    if failing := _failing(place) if HEALTH_FILE in names else {}:
        report["failing_loops"] = failing
    return report


def _reason(path: Path) -> str:
    """The reason in a file; of a newer release, that it cannot be read."""
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        return str(without_format(path, json.loads(text), known=VERSION)["error"])
    except UnknownFormat as error:
        return str(error)
    except (ValueError, TypeError, KeyError):
        return text


def _failing(place: Path) -> RunnerReport:
    """Loops that fail, and not for the server's absence alone: then nobody could hear of it."""
    loops = read_health(place / HEALTH_FILE).items()
    since = time.time() - FAILING_SEC
    return {name: loop.failing for name, loop in loops if loop.failing and not loop.server_away and loop.since < since}


def _join(report: RunnerReport, more: RunnerReport, *, partition: str | None) -> None:
    before = "" if partition is None else f"partition {partition}: "
    if "error" in more:
        report["error"] = "; ".join(filter(None, [report.get("error"), before + more["error"]]))
    if "failing_loops" in more:
        report["failing_loops"] = report.get("failing_loops", {}) | {
            before + name: error for name, error in more["failing_loops"].items()
        }
