"""Silence: that of the server ends no lease, that of an agent does, whatever else the server hears of it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from fakes.site import RunningSite
from ports import free_port
from proxy import Proxy
from storax_core.database import uptime
from waiting import eventually, when_open
from world import User, World

TTL_SEC = 6
OUTAGE_SEC = 9.0  # longer than a lease


@pytest.fixture
def quiet(world: World) -> Iterator[World]:
    """The platform, whose own API process does not count as serving: the processes of the tests do."""
    world.run(world.app.state.uptime.stop())
    yield world
    world.loop.call_soon_threadsafe(world.app.state.uptime.start)


class Server:
    """An API process and the tasks, on a Postgres that can be taken away; sweeps come every second."""

    def __init__(self, world: World, stack: ExitStack) -> None:
        self._world, self._stack = world, stack
        self.postgres = stack.enter_context(Proxy(world.database_url))
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.start_api()
        self._process("storax_workers", "tasks")

    def start_api(self) -> None:
        """Start the API, and wait until it serves."""
        self.api = self._process("storax_api")
        eventually(self._answers, step=0.05)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=70).status_code == 200
        except httpx.HTTPError:
            return False

    def _process(self, *arguments: str) -> subprocess.Popen[bytes]:
        return self._stack.enter_context(_running(arguments, {
            "STORAX_DATABASE_URL": self.postgres.url.replace("//:", "//storax:", 1),
            "STORAX_REDIS_URL": self._world.redis_url, "STORAX_PORT": str(self._port), "STORAX_SWEEP_SEC": "1",
        }))  # fmt: skip


@contextmanager
def _running(arguments: tuple[str, ...], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments], env=os.environ | environment, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(60)


def frozen(server: Server) -> Callable[[], None]:
    """The API process is stopped and goes on."""
    server.api.send_signal(signal.SIGSTOP)
    return lambda: server.api.send_signal(signal.SIGCONT)


def killed(server: Server) -> Callable[[], None]:
    """The API process is killed and started again."""
    server.api.kill()
    server.api.wait(60)
    return server.start_api


def cut_off(server: Server) -> Callable[[], None]:
    """Postgres is away and comes back."""
    server.postgres.cut()
    return server.postgres.heal


def hung(server: Server) -> Callable[[], None]:
    """Postgres answers nothing for a while, then everything."""
    server.postgres.freeze()
    return server.postgres.heal


def started(user: User, site: RunningSite, gate: Path) -> int:
    """Start a job that runs until the gate opens."""
    app = user.app(site.site_id, command_template=f"sh -c {when_open(gate, 0)!r}")
    (job,) = user.jobs(app)
    eventually(lambda: user.states(job) == ["RUNNING"])
    return job


@contextmanager
def running_site(path: Path, url: str, user: User, **settings: object) -> Iterator[RunningSite]:
    site = RunningSite(path, url, token=user.token, name=path.name, **{"session_ttl_sec": TTL_SEC, **settings})
    try:
        yield site.start()
    finally:
        site.close()


def beats_again(world: World, session: int) -> Callable[[], bool]:
    """Whether the session beats after this call."""
    before = world.value("SELECT heartbeat FROM session WHERE id = $1", session)
    return lambda: world.sql("SELECT heartbeat > $2 FROM session WHERE id = $1", session, before)[0][0]


@pytest.mark.slow("an outage is longer than a lease")
@pytest.mark.parametrize("outage", [frozen, killed, cut_off, hung])
def test_a_server_that_was_away_for_longer_than_a_lease_ends_no_running_job(
    quiet: World, tmp_path: Path, outage: Callable[[Server], Callable[[], None]]
) -> None:
    user, gate = quiet.user(), tmp_path / "gate"
    with ExitStack() as stack:
        server = Server(quiet, stack)
        site = stack.enter_context(running_site(tmp_path / outage.__name__, server.url, user))
        job = started(user, site, gate)
        (session,) = [row["id"] for row in user.get("/sessions/")["results"]]
        end = outage(server)
        time.sleep(OUTAGE_SEC)
        end()
        eventually(beats_again(quiet, session))
        time.sleep(2.0)  # two sweeps
        gate.touch()
        eventually(lambda: user.states(job) == ["JOB_FINISHED"])
    assert [event["to_state"] for event in user.events(job_id=job)][2:] == ["RUNNING", "RUN_DONE", "JOB_FINISHED"]


@pytest.mark.slow("an outage is longer than a lease")
def test_an_agent_that_died_with_the_server_is_noticed_when_the_server_is_back(quiet: World, tmp_path: Path) -> None:
    user = quiet.user()
    with ExitStack() as stack:
        server = Server(quiet, stack)
        site = stack.enter_context(running_site(tmp_path / "died", server.url, user))
        job = started(user, site, tmp_path / "never")
        end = frozen(server)
        site.kill()
        time.sleep(OUTAGE_SEC)
        assert user.get(f"/jobs/{job}")["session_id"] is not None
        end()
        eventually(lambda: user.states(job) == ["RESTART_READY"], seconds=TTL_SEC + 15)


@pytest.mark.slow("a frozen process of the server is noticed within a lease")
def test_one_frozen_process_of_several_ends_no_lease(world: World, tmp_path: Path) -> None:
    user, gate = world.user(), tmp_path / "gate"
    ttl_sec = 2 * TTL_SEC  # the agent notices the silence after a second beat; a busy machine has time for it
    with ExitStack() as stack:
        balancer = stack.enter_context(Proxy(world.url))
        stack.enter_context(sweeping(world))
        where = tmp_path / "balanced"
        site = stack.enter_context(running_site(where, balancer.url, user, session_ttl_sec=ttl_sec))
        job = started(user, site, gate)
        balancer.stall()
        time.sleep(1.5 * ttl_sec)
        gate.touch()
        eventually(lambda: user.states(job) == ["JOB_FINISHED"])
    assert user.get(f"/jobs/{job}")["losses"] == 0


@contextmanager
def sweeping(world: World) -> Iterator[None]:
    """Sweep every half second, as the tasks do."""
    ended = threading.Event()

    def sweep() -> None:
        while not ended.wait(0.5):
            world.sweep()

    with ThreadPoolExecutor(1) as pool:
        sweeps = pool.submit(sweep)
        try:
            yield
        finally:
            ended.set()
            sweeps.result(60)


@pytest.mark.slow("a lease runs out")
def test_jobs_of_a_partitioned_agent_are_offered_again_within_its_lease_and_15_s(world: World, tmp_path: Path) -> None:
    user = world.user()
    with ExitStack() as stack:
        network = stack.enter_context(Proxy(world.url))
        stack.enter_context(sweeping(world))
        where = tmp_path / "partitioned"
        site = stack.enter_context(running_site(where, network.url, user, heartbeat_sec=TTL_SEC / 4))
        job = started(user, site, tmp_path / "never")
        time.sleep(2.0)  # its next poll is open
        network.freeze()
        cut = time.monotonic()
        (again,) = user.acquire(user.session(site.site_id), wait=30)
        took = time.monotonic() - cut
    assert again["id"] == job
    assert took < TTL_SEC + 15


def test_a_poll_keeps_its_session_alive_by_its_arrival_alone(world: World) -> None:
    user = world.user()
    session = user.session(user.site(), ttl_sec=6)
    for ask in ({}, {"max_nodes_per_job": 1}):
        user.acquire(session, 1, wait=2, **ask)  # it ends two seconds after it arrived, or later
        arrived = "SELECT now() - heartbeat > interval '1.5 seconds' FROM session WHERE id = $1"
        assert world.value(arrived, session), ask


def test_a_session_that_only_polls_stays_alive(world: World) -> None:
    user = world.user()
    session = user.session(user.site(), ttl_sec=5)
    with sweeping(world):
        began = time.monotonic()
        while time.monotonic() - began < 7:
            assert user.acquire(session, 1, wait=60) == []
    assert user.get(f"/sessions/{session}")["id"] == session


# ---- the notes, without processes -----------------------------------------------------------------------------------


def expires_in(world: World, session: int) -> float:
    return float(world.value("SELECT extract(epoch FROM expires_at - now()) FROM session WHERE id = $1", session))


def silent_for(world: World, seconds: float) -> None:
    """Nobody has served for so long."""
    world.sql("UPDATE server_uptime SET served_at = now() - make_interval(secs => $1)", seconds)


def note(world: World) -> uptime.Gap:
    async def work() -> uptime.Gap:
        async with world.db.worker() as conn:
            return await uptime.note_serving(conn)

    return world.run(work())


def age(world: World, session: int, seconds: float) -> None:
    """The last heartbeat of a session came so long ago."""
    shift = "make_interval(secs => $2)"
    sets = f"heartbeat = now() - {shift}, expires_at = now() + make_interval(secs => ttl_sec) - {shift}"
    world.sql(f"UPDATE session SET {sets} WHERE id = $1", session, seconds)


def test_a_gap_extends_the_leases_that_lived_when_it_began_by_its_length(quiet: World) -> None:
    user = quiet.user()
    site = user.site()
    lived, fresh, dead = (user.session(site, ttl_sec=60) for _ in range(3))
    age(quiet, lived, 100)
    age(quiet, fresh, 10)
    age(quiet, dead, 200)
    silent_for(quiet, 80)
    assert quiet.sweep() == 1, "only what had ended before the gap"
    user.refused("GET", f"/sessions/{dead}", status=404, code="not_found")
    gap = note(quiet)
    assert gap.sessions >= 2
    assert gap.seconds == pytest.approx(80, abs=15)
    assert expires_in(quiet, lived) == pytest.approx(40, abs=15), "60 less the 20 s for which it was silent before"
    assert expires_in(quiet, fresh) == pytest.approx(60, abs=15), "it beat when the server was silent"
    assert quiet.sweep() == 0


def test_processes_that_come_back_together_extend_a_lease_once(quiet: World) -> None:
    user = quiet.user()
    session = user.session(user.site(), ttl_sec=60)
    age(quiet, session, 80)
    silent_for(quiet, 80)
    with ThreadPoolExecutor(8) as pool:
        gaps = list(pool.map(lambda _: note(quiet), range(8)))
    assert sum(gap.seconds > 0 for gap in gaps) == 1
    assert expires_in(quiet, session) == pytest.approx(60, abs=15)


def test_while_nobody_notes_that_it_serves_no_session_ends(quiet: World) -> None:
    user = quiet.user()
    session = user.session(user.site(), ttl_sec=5)
    age(quiet, session, 6)
    silent_for(quiet, 60)  # longer than the statements take, and than since the sessions of other tests ended
    assert quiet.sweep() == 0
    assert quiet.value("SELECT count(*) FROM session WHERE id = $1", session) == 1
    silent_for(quiet, 0)
    quiet.sweep()
    assert quiet.value("SELECT count(*) FROM session WHERE id = $1", session) == 0


def test_a_process_notes_that_it_serves(world: World) -> None:
    before = world.value("SELECT served_at FROM server_uptime")
    eventually(lambda: world.value("SELECT served_at FROM server_uptime") > before)
