"""What runners of allocations tell the site's agent: why one failed, and which of its loops do.

By files in the runner's part of the site's state, as the exit of its script is told: they need neither the server nor a
good token, and the agent alone writes a BatchJob's ``status_info``.
"""

import re
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from storax_agent.loops.health import FILE as HEALTH_FILE
from storax_agent.loops.health import read as read_health
from storax_agent.settings.site import SiteFolder

REASON = "failed"
PART = re.compile(r"batch-(\d+)(?:-(\d+))?")
MOST_CHARS = 1000
FAILING_SEC = 20.0  # a loop that has failed for so long is told
Told = dict[str, Any]


def note_reason(folder: SiteFolder, reason: object) -> None:
    """The runner of ``folder`` ends for this reason. A disk that takes no file leaves it to the log."""
    with suppress(OSError):
        scratch = folder.state / f"{REASON}.new"
        scratch.write_text(str(reason).strip()[:MOST_CHARS] or repr(reason)[:MOST_CHARS], encoding="utf-8")
        scratch.replace(folder.state / REASON)


def forget_reason(folder: SiteFolder) -> None:
    """A runner begins: what an earlier one left is over."""
    with suppress(OSError):
        (folder.state / REASON).unlink(missing_ok=True)


def told_by(folder: SiteFolder, batch_jobs: Collection[int]) -> Mapping[int, Told]:
    """What the runners of these BatchJobs told, for ``status_info``: ``error`` and ``failing_loops``. Nothing of those
    that told nothing."""
    found: dict[int, Told] = {}
    with suppress(OSError):
        # The folder is listed, for a network file system may remember that a single file was not there.
        for place in sorted(folder.state.iterdir()):
            match = PART.fullmatch(place.name)
            if match and int(match[1]) in batch_jobs:
                _join(found.setdefault(int(match[1]), {}), _told(place), partition=match[2])
    return {number: told for number, told in found.items() if told}


def _told(place: Path) -> Told:
    names = {entry.name for entry in place.iterdir()}
    told: Told = {}
    if REASON in names:
        told["error"] = (place / REASON).read_text(encoding="utf-8", errors="replace")
    if failing := _failing(place) if HEALTH_FILE in names else {}:
        told["failing_loops"] = failing
    return told


def _failing(place: Path) -> Told:
    """Loops that fail, and not for the server's absence alone: then nobody could be told."""
    loops = read_health(place / HEALTH_FILE).items()
    since = time.time() - FAILING_SEC
    return {
        name: loop["failing"]
        for name, loop in loops
        if loop.get("failing") and not loop.get("server_away") and loop.get("since", 0) < since
    }


def _join(told: Told, more: Told, *, partition: str | None) -> None:
    before = "" if partition is None else f"partition {partition}: "
    if "error" in more:
        told["error"] = "; ".join(filter(None, [told.get("error"), before + more["error"]]))
    if "failing_loops" in more:
        told["failing_loops"] = told.get("failing_loops", {}) | {
            before + name: words for name, words in more["failing_loops"].items()
        }
