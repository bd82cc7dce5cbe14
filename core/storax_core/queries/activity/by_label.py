"""Jobs by site and by App, for metrics: the largest by their ids, so that labels stay few."""

from collections import Counter
from collections.abc import Iterable

from storax_core.database import upkeep
from storax_core.database.connections import Connection

OTHER = "other"
JOBS_OF_SITES = "SELECT site_id, state, sum(n)::bigint FROM job_tally GROUP BY 1, 2"
CAME = "SELECT to_state, sum(n)::bigint FROM app_flow GROUP BY 1"
# Of the largest alone, never the rest of all: that would fall when an App comes among the largest.
CAME_OF_APPS = f"""SELECT app_id, to_state, n FROM app_flow WHERE app_id IN (SELECT app_id FROM app_flow
WHERE app_id <> {upkeep.DELETED_APPS} GROUP BY 1 ORDER BY sum(n) DESC, 1 LIMIT $1)"""  # noqa: S608
Numbers = dict[tuple[str, str], int]


async def jobs_of_sites(conn: Connection) -> list[tuple[int, str, int]]:
    """Return how many jobs of each site are in each state now, of all users; it needs the worker role."""
    return [(site, state, number) for site, state, number in await conn.fetch(JOBS_OF_SITES)]


async def came(conn: Connection) -> list[tuple[str, int]]:
    """Return how many jobs came to each state since that is counted, deleted ones too; it needs the worker role."""
    return [(state, number) for state, number in await conn.fetch(CAME)]


async def came_of_apps(conn: Connection, most: int) -> list[tuple[int, str, int]]:
    """Return the same of each of the ``most`` Apps of which there were most."""
    return [(app, state, number) for app, state, number in await conn.fetch(CAME_OF_APPS, most)]


def largest(rows: Iterable[tuple[int, str, int]], most: int) -> Numbers:
    """Return the numbers by id and state: those of the ``most`` ids with the largest sums, the others as ``other``."""
    rows = list(rows)
    sums: Counter[int] = Counter()
    for key, _, number in rows:
        sums[key] += number
    kept = {key for key, _ in sorted(sums.items(), key=lambda item: (-item[1], item[0]))[:most]}
    numbers: Counter[tuple[str, str]] = Counter()
    for key, state, number in rows:
        numbers[str(key) if key in kept else OTHER, state] += number
    return dict(numbers)
