"""How fast jobs ran in a window: the numbers of the page Metrics, one answer for it, REST and Python."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from storax_core.database.connections import Connection
from storax_core.lifecycle.states import JOB_DONE, JOB_RUNNABLE, JobState
from storax_core.queries.activity import reads
from storax_core.queries.activity.sources import activity_of
from storax_core.queries.activity.window import Window

Row = dict[str, Any]
WAITS = tuple(map(str, JOB_RUNNABLE))
STAGES = tuple(str(state) for state in JobState if state not in (*JOB_DONE, *JOB_RUNNABLE))


class Metrics(NamedTuple):
    """Durations of the window, and numbers for each of its parts of ``step_sec`` seconds.

    A row of durations has ``number``, how many there were, and ``spread``, seconds: minimum, quartiles, 95 %, maximum.
    ``run_times`` are by ``app_id``, ``waits`` and ``stages`` by ``state``. ``used`` and ``allocated`` are nodes.
    """

    since: datetime
    until: datetime
    step_sec: float
    run_times: list[Row]
    waits: list[Row]
    stages: list[Row]
    ended: dict[str, list[int]]
    used: list[float]
    allocated: list[float]


async def metrics(conn: Connection, owner_id: int, window: Window) -> Metrics:
    """Return them for the jobs of a window. Raises Conflict where archived events of it cannot be read."""
    async with activity_of(conn, owner_id, window) as here:
        run_times, stages = await reads.run_times(here), await reads.stages(here)
        ended, used = await reads.ends(here), await reads.used_nodes(here)
        allocated = await reads.allocated_nodes(here)
    step_sec, waits = window.length.total_seconds() / reads.BINS, _of(stages, WAITS)
    ends = _by_state(ended)
    return Metrics(
        window.since, window.until, step_sec, run_times, waits, _of(stages, STAGES), ends, used, allocated
    )  # fmt: skip


def _by_state(rows: Sequence[Row]) -> dict[str, list[int]]:
    series = {str(state): [0] * reads.BINS for state in JOB_DONE}
    for row in rows:
        series[row["state"]][row["bin"]] = row["number"]
    return series


def _of(rows: Sequence[Row], states: Sequence[str]) -> list[Row]:
    """Return the rows of these states, in their order."""
    return sorted((row for row in rows if row["state"] in states), key=lambda row: states.index(row["state"]))
