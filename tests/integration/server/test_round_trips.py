"""Round trips to Postgres: each costs the API as much CPU as the statement costs Postgres, so their number is held."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bench import Bench
from storax_core.database import connections
from world import User, World, report

CALLS = 8  # after the first ones the connections have prepared their statements


class Trips:
    """The statements that the API's connections send on behalf of users."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def of(self, call: Callable[[], Any]) -> list[str]:
        """Return what the call of a kind sends, of several the one that sends least.

        A connection prepares its statements at first, and a claim whose hint the feeder has not pushed yet looks twice.
        """
        calls = []
        for _ in range(CALLS):
            self.sent.clear()
            call()
            calls.append(list(self.sent))
        return min(calls, key=len)


@pytest.fixture(scope="module")
def trips() -> Iterator[Trips]:
    counted, prepare = Trips(), connections._prepare

    async def logging(conn: Any) -> None:
        await prepare(conn)
        if conn.get_settings().application_name.startswith(connections.APP_ROLE):
            conn.add_query_logger(lambda record: counted.sent.append(" ".join(record.query.split())[:60]))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections, "_prepare", logging)
        yield counted


@pytest.fixture(scope="module")
def bench(trips: Trips, world: World) -> Bench:
    return Bench(world.user())


def test_a_create_is_five(bench: Bench, trips: Trips) -> None:
    """BEGIN; its App and the new id; job, event and answer; the key; COMMIT."""
    row = {"app_id": bench.app, "workdir": "w", "tags": {"a": "b"}}
    sent = trips.of(lambda: bench.user.post("/jobs/", row, **bench.user.key()))
    assert len(sent) == 5, sent


def test_a_bulk_create_is_five_however_many_jobs_it_has(bench: Bench, trips: Trips) -> None:
    rows = [{"app_id": bench.app, "workdir": f"w{i}"} for i in range(300)]
    sent = trips.of(lambda: bench.user.post("/jobs/", rows, params={"format": "rows"}, **bench.user.key()))
    assert len(sent) == 5, sent


def test_a_claim_is_seven(bench: Bench, trips: Trips) -> None:
    """BEGIN; the session; the key; the lease; the key; COMMIT; beside them the App."""
    bench.user.jobs(bench.app, CALLS + 1)
    path, ask = f"/sessions/{bench.session}/acquire", {"max_num_jobs": 1}
    sent = trips.of(lambda: bench.user.post(path, ask, **bench.user.key()))
    assert len(sent) == 7, "\n".join(sent)


def test_a_report_of_a_run_is_eight(bench: Bench, trips: Trips) -> None:
    """BEGIN; the session's site; the job; its changes and events; its children; cancels; the key; COMMIT."""
    bench.user.jobs(bench.app, CALLS + 1)
    held = bench.user.acquire(bench.session, 2048)

    def finish(user: User) -> None:
        rows = [report(held.pop(), "RUNNING", "RUN_DONE", return_code=0)]
        user.post(f"/sessions/{bench.session}/report", {"reports": rows}, **user.key())

    sent = trips.of(lambda: finish(bench.user))
    assert len(sent) == 8, sent
