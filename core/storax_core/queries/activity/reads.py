"""Reads of what happened in a window: runs, how much ran in each part of it, ends, stages, run times by App.

Each is one statement whose cost is that of the window's events, ``sources.MOST_EVENTS`` at most.
"""

from typing import Any, Literal

from storax_core.lifecycle.states import JOB_DONE, JobState
from storax_core.queries.activity.sources import ALLOCATIONS, RUNS, Activity

Lane = Literal["job", "app", "allocation"]
Row = dict[str, Any]
LANES: dict[str, str] = {"job": "job_id", "app": "app_id", "allocation": "coalesce(batch_job_id, 0)"}
BINS = 96  # parts of a window
MOST_LANES = 40
MOST_BARS = 300
MOST_GROUPS = 30
_WIDTH = f"(extract(epoch FROM $5 - $4) / {BINS})"
_INSIDE = "moment >= $4 AND moment < $5"
_SPREAD = "percentile_cont(ARRAY[0, 0.25, 0.5, 0.75, 0.95, 1]) WITHIN GROUP (ORDER BY seconds)"


def _busy(source: str, lane: str, weight: str) -> str:
    """SQL of the seconds for which spans lasted in each part of the window, by lane.

    A span counts in its first and last part by what it has of them; between, its whole number of parts is summed up
    from where it enters to where it leaves: the cost does not grow with the length of spans.
    """
    return f"""
spans AS (
  SELECT {lane} AS lane, {weight}::float8 AS weight, extract(epoch FROM started - $4)::float8 AS a,
    greatest(extract(epoch FROM ended - $4), extract(epoch FROM started - $4))::float8 AS b FROM {source}),
placed AS (
  SELECT lane, weight, a, b, least(floor(a / {_WIDTH})::int, {BINS - 1}) AS first,
    least(floor(b / {_WIDTH})::int, {BINS - 1}) AS last FROM spans),
parts AS (
  SELECT lane, first AS bin, weight * CASE WHEN first = last THEN b - a ELSE (first + 1) * {_WIDTH} - a END AS seconds,
    0 AS step FROM placed
  UNION ALL SELECT lane, first + 1, 0, weight FROM placed WHERE first < last
  UNION ALL SELECT lane, last, weight * (b - last * {_WIDTH}), -weight FROM placed WHERE first < last),
summed AS (SELECT lane, bin, sum(seconds) AS seconds, sum(step) AS step FROM parts GROUP BY 1, 2),
lanes AS (
  SELECT lane, sum(b - a) AS total, count(*) AS number FROM spans GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {MOST_LANES}),
busy AS (
  SELECT l.lane, l.number, g.bin, coalesce(m.seconds, 0)
    + sum(coalesce(m.step, 0)) OVER (PARTITION BY l.lane ORDER BY g.bin) * {_WIDTH} AS seconds
  FROM lanes l CROSS JOIN generate_series(0, {BINS - 1}) AS g(bin)
  LEFT JOIN summed m ON m.lane = l.lane AND m.bin = g.bin)
SELECT lane, min(number) AS number,
  array_agg(round(greatest(seconds / {_WIDTH}, 0)::numeric, 4)::float8 ORDER BY bin) AS levels
FROM busy GROUP BY lane ORDER BY sum(seconds) DESC, lane"""  # noqa: S608


async def runs(here: Activity, most: int) -> list[Row]:
    """Return the newest runs that touch the window, clipped to it: one more than ``most`` where there are more."""
    sql = f"""WITH {here.moves}, {RUNS} SELECT * FROM runs ORDER BY started DESC, job_id DESC LIMIT {most + 1}"""  # noqa: S608
    return await _rows(here, sql)


async def levels(here: Activity, lane: Lane) -> list[Row]:
    """Return how many runs there were on average in each part of the window, for the busiest lanes."""
    return await _rows(here, f"WITH {here.moves}, {RUNS}, {_busy('runs', LANES[lane], '1')}")


async def used_nodes(here: Activity) -> list[float]:
    """Return the nodes on which jobs ran, on average in each part of the window; shared nodes by their shares."""
    rows = await _rows(here, f"WITH {here.moves}, {RUNS}, {_busy('runs', '0', 'nodes')}")
    return rows[0]["levels"] if rows else [0.0] * BINS


async def allocated_nodes(here: Activity) -> list[float]:
    """Return the nodes that the sites' BatchJobs had, on average in each part of the window."""
    sql = f"""WITH typed AS (SELECT $2::bigint, $3::bigint, $7::bigint[], $8::jsonb), {ALLOCATIONS},
    {_busy("allocations", "0", "nodes")}"""
    rows = await _rows(here, sql)
    return rows[0]["levels"] if rows else [0.0] * BINS


async def ends(here: Activity) -> list[Row]:
    """Return how many jobs ended in each part of the window, by part and state."""
    states = ", ".join(f"'{state}'" for state in JOB_DONE)
    sql = f"""WITH {here.moves} SELECT
      least(greatest(floor(extract(epoch FROM moment - $4) / {_WIDTH})::int, 0), {BINS - 1}) AS bin,
      to_state AS state, count(*) AS number
    FROM moves WHERE to_state IN ({states}) AND {_INSIDE} GROUP BY 1, 2 ORDER BY 1, 2"""  # noqa: S608
    return await _rows(here, sql)


async def stages(here: Activity) -> list[Row]:
    """Return for each state how long jobs were in it, of those that left it: minimum, quartiles, 95 %, maximum."""
    sql = f"""WITH {here.moves}, left_ AS (
      SELECT to_state AS state, extract(epoch FROM ended - moment)::float8 AS seconds FROM moves
      WHERE ended >= moment AND {_INSIDE})
    SELECT state, count(*) AS number, {_SPREAD} AS spread FROM left_ GROUP BY 1 LIMIT {MOST_GROUPS}"""  # noqa: S608
    return await _rows(here, sql)


async def run_times(here: Activity) -> list[Row]:
    """Return the same for the runs of each App that began in the window and have ended, the most frequent App first."""
    sql = f"""WITH {here.moves}, ran AS (
      SELECT app_id, extract(epoch FROM ended - moment)::float8 AS seconds FROM moves
      WHERE to_state = '{JobState.RUNNING}' AND ended >= moment AND {_INSIDE})
    SELECT app_id, count(*) AS number, {_SPREAD} AS spread
    FROM ran GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {MOST_GROUPS}"""  # noqa: S608
    return await _rows(here, sql)


async def _rows(here: Activity, sql: str) -> list[Row]:
    return [dict(row) for row in await here.conn.fetch(sql, *here.arguments)]
