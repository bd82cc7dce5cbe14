"""Why an allocation ended, in a sentence, from what its scheduler says of it. Pure."""

import re
from collections.abc import Mapping
from typing import Any

# The schedulers' own terms, in the order in which they are looked for.
_TERMS = (
    (re.compile(r"preempt", re.IGNORECASE), "was preempted"),
    (re.compile(r"time.?(out|limit)|runlimit|run limit|wall.?time|\bh_rt\b|deadline", re.IGNORECASE), ""),
    (re.compile(r"(node|boot).?fail|node.*(down|lost)|lost.*node", re.IGNORECASE), "lost a node"),
    (re.compile(r"out.?of.?mem|\boom\b|memlimit|memory limit", re.IGNORECASE), "ran out of memory"),
    (re.compile(r"cancel|term_owner|term_admin|killed by (its )?owner|deleted", re.IGNORECASE), "was cancelled"),
)
SPARE_SEC = 60.0  # the runner ends its jobs this long before the wall time, at most


def allocation_end(row: Mapping[str, Any]) -> str:
    """Say why a BatchJob is over. ``row`` is the BatchJob, with ``status_info`` as a dictionary."""
    info = row["status_info"] or {}
    terms = ", ".join(str(info[key]) for key in ("scheduler_state", "reason", "error") if info.get(key))
    name = f"allocation {row['scheduler_id']}" if row["scheduler_id"] else f"BatchJob {row['id']}"
    end = next((end for term, end in _TERMS if term.search(terms)), None)
    if end == "" or (end is None and _used_up(row)):
        end = f"reached its wall time of {row['wall_time_min']} min"
    return f"{name} {end or 'ended'}" + (f" ({terms})" if terms else "")


def _used_up(row: Mapping[str, Any]) -> bool:
    if row["start_time"] is None or row["end_time"] is None:
        return False
    return bool((row["end_time"] - row["start_time"]).total_seconds() >= 60 * row["wall_time_min"] - SPARE_SEC)
