"""Jobs by site and by App, for metrics: the largest by their ids, all others as one, so that labels stay few."""

from collections import Counter
from collections.abc import Iterable

from storax_core.database.connections import Connection

OTHER = "other"
JOBS_OF_SITES = "SELECT site_id, state, sum(n)::bigint FROM job_tally GROUP BY 1, 2"
CAME_OF_APPS = "SELECT app_id, to_state, n FROM app_flow"
Numbers = dict[tuple[str, str], int]


async def jobs_of_sites(conn: Connection) -> list[tuple[int, str, int]]:
    """Return how many jobs of each site are in each state now, of all users; it needs the worker role."""
    return [(site, state, number) for site, state, number in await conn.fetch(JOBS_OF_SITES)]


async def came_of_apps(conn: Connection) -> list[tuple[int, str, int]]:
    """Return how many jobs of each App came to each state since it was counted first; it needs the worker role."""
    return [(app, state, number) for app, state, number in await conn.fetch(CAME_OF_APPS)]


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
