"""The kit of faults does what it says, and each checker sees what it is there for."""

import gc
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import orjson
import pytest

from chaos.kit import checkers, clock, partition
from chaos.kit.database import end_connections, holding, read
from chaos.kit.network import Network
from chaos.kit.processes import MemoryWatch, family, frozen, kill, own_mib, processes_of
from chaos.kit.schedule import EVERYWHERE, schedule
from chaos.kit.stream import Viewer
from fakes.processes import alive
from needs import needs
from proxy import Proxy
from waiting import eventually
from world import World

NAP = (sys.executable, "-c", "import time; time.sleep(600)")

# ---- the network ----------------------------------------------------------------------------------------------------


class Echo(BaseHTTPRequestHandler):
    """Answers each request with its body, and notes it."""

    requests: list[bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.requests.append(body)
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@contextmanager
def echo(*faults: str, host: str = "127.0.0.1") -> Iterator[tuple[Network, list[bytes]]]:
    """A server behind a network on which every request meets one of these faults, and the bodies that arrived."""
    requests: list[bytes] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Server", (Echo,), {"requests": requests})) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        with Network(url, random.Random(1), rate=1.0 if faults else 0.0, host=host) as network:
            network.FAULTS = faults  # type: ignore[misc,assignment]
            yield network, requests
        server.shutdown()


def test_a_calm_network_carries_requests_as_they_are() -> None:
    with echo() as (network, requests):
        assert httpx.post(network.url, content=b"x" * 100_000).content == b"x" * 100_000
    assert requests == [b"x" * 100_000]


@pytest.mark.parametrize(("fault", "arrived"), [("request lost", 0), ("answer lost", 1), ("answer cut", 1)])
def test_what_is_lost_ends_in_an_error(fault: str, arrived: int) -> None:
    with echo(fault) as (network, requests):
        with pytest.raises(httpx.HTTPError):
            httpx.post(network.url, content=b"x" * 1000)
        eventually(lambda: len(requests) == arrived)
        assert network.faults == {fault: 1}


def test_a_doubled_request_arrives_twice_and_is_answered_once() -> None:
    with echo("doubled") as (network, requests):
        assert httpx.post(network.url, content=b"one").content == b"one"
        eventually(lambda: requests == [b"one", b"one"])


def test_delays_reorder_requests() -> None:
    with echo("delayed") as (network, requests), ThreadPoolExecutor(8) as pool:
        for number in range(8):
            pool.submit(httpx.post, network.url, content=str(number).encode(), timeout=30)
            time.sleep(0.02)
        eventually(lambda: len(requests) == 8)
        assert requests != sorted(requests)


def test_a_cut_network_refuses_and_a_healed_one_carries() -> None:
    with echo() as (network, requests):
        network.cut()
        with pytest.raises(httpx.HTTPError):
            httpx.post(network.url, content=b"one")
        network.heal()
        httpx.post(network.url, content=b"two")
    assert requests == [b"two"]


def test_a_relay_that_stops_while_clients_connect_leaves_no_socket_open() -> None:
    """Or else the collector warns of it in whichever test runs then."""
    left: list[str] = []
    stopped = threading.Event()

    def dial(port: int) -> None:
        while not stopped.is_set():
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                pass

    with socket.create_server(("127.0.0.1", 0)) as server, warnings.catch_warnings():
        warnings.simplefilter("always", ResourceWarning)
        warnings.showwarning = lambda message, *place, **more: left.append(str(message))
        for _ in range(4):
            stopped.clear()
            with ThreadPoolExecutor(3) as pool:
                with Proxy(f"http://127.0.0.1:{server.getsockname()[1]}") as relay:
                    for _ in range(3):
                        pool.submit(dial, urlsplit(relay.url).port or 0)
                    time.sleep(0.05)
                stopped.set()
            gc.collect()
    assert left == []


# ---- processes and the database --------------------------------------------------------------------------------------


@contextmanager
def process(*arguments: str, folder: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(arguments, cwd=folder) as running:
        try:
            yield running
        finally:
            running.kill()


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_frozen_process_stops_and_goes_on() -> None:
    with process(*NAP) as nap:
        with frozen([nap.pid]):
            eventually(lambda: state(nap.pid) == "T")
        eventually(lambda: state(nap.pid) in "SR")


def test_a_killed_process_is_gone_and_a_second_kill_is_no_error() -> None:
    with process(*NAP) as nap:
        kill(nap.pid)
        assert not alive(nap.pid)
        assert nap.wait(60) == -signal.SIGKILL
        kill(nap.pid)


def test_processes_of_a_folder_are_those_that_work_in_it_or_name_it(tmp_path: Path) -> None:
    with process(*NAP, folder=tmp_path) as inside, process(*NAP, str(tmp_path)) as naming:
        eventually(lambda: set(processes_of(tmp_path)) == {inside.pid, naming.pid})
        assert len(checkers.processes(tmp_path)) == 2
    assert checkers.processes(tmp_path) == []


def test_the_memory_of_a_process_and_its_children_is_watched() -> None:
    hungry = "import subprocess, sys; x = b'x' * (64 << 20); subprocess.run([sys.executable, '-c', 'input()'])"
    with subprocess.Popen([sys.executable, "-c", hungry], stdin=subprocess.PIPE) as running:
        eventually(lambda: len(family(running.pid)) == 2 and own_mib(running.pid) > 64)
        with MemoryWatch(lambda: {"hungry": running.pid}) as watch:
            eventually(lambda: watch.peaks.get("hungry", 0) > 64)
        running.kill()
        assert checkers.memory(watch.peaks, 65536) == []
        assert checkers.memory(watch.peaks, 32) == [f"hungry held {watch.peaks['hungry']:.0f} MiB, more than 32"]
        if running.stdin:
            running.stdin.close()


LOCKED = "SELECT count(*) FROM pg_locks WHERE relation = 'feed'::regclass AND mode = 'AccessExclusiveLock' AND granted"


def locked(database_url: str) -> bool:
    return bool(read(database_url, LOCKED)[0][0])


def test_a_lock_is_held_until_the_block_ends(database_url: str) -> None:
    with holding(database_url, "LOCK TABLE feed IN ACCESS EXCLUSIVE MODE"):
        assert locked(database_url)
    eventually(lambda: not locked(database_url))


@pytest.mark.parametrize("address", ["", "_of_nobody"])
def test_what_cannot_be_held_leaves_nothing_open(database_url: str, address: str) -> None:
    """Or else the collector warns of it in whichever test runs then."""
    with pytest.raises(asyncpg.PostgresError), holding(database_url + address, "LOCK TABLE nothing"):
        pass
    gc.collect()


def test_ended_connections_are_all_but_the_own_and_release_their_locks(database_url: str) -> None:
    with holding(database_url, "LOCK TABLE feed IN ACCESS EXCLUSIVE MODE"):
        assert end_connections(database_url) >= 1
        eventually(lambda: not locked(database_url))


@needs("partition", "root")
def test_a_cut_link_carries_nothing_until_it_is_healed() -> None:
    ask = "import httpx, sys; print(httpx.post(sys.argv[1], content=b'x', timeout=float(sys.argv[2])).text)"
    with partition.Partition() as link, echo(host=link.host) as (network, _):

        def reply(seconds: float) -> str:
            command = [*link.prefix, sys.executable, "-c", ask, network.url, str(seconds)]
            return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

        assert reply(60) == "x"
        link.cut()
        assert reply(2) == ""
        link.heal()
        eventually(lambda: reply(5) == "x", step=0.1)


@needs("partition", "root")
def test_a_process_with_a_wrong_clock_waits_as_long_as_any(tmp_path: Path) -> None:
    assert clock.allowed(), "install a C compiler"
    code = "import time; t = time.monotonic(); time.sleep(0.2); print(time.time(), time.monotonic() - t)"
    env = os.environ | clock.skewed(-315_360_000, tmp_path)
    shown, slept = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True).stdout.split()
    assert time.time() - float(shown) == pytest.approx(315_360_000, abs=60)
    assert 0.2 <= float(slept) < 60


def test_a_schedule_follows_from_its_seed() -> None:
    faults = schedule(7, 600, names=EVERYWHERE)
    assert faults == schedule(7, 600, names=EVERYWHERE) != schedule(8, 600, names=EVERYWHERE)
    assert {fault.name for fault in faults} == set(EVERYWHERE)
    assert all(a.at < b.at < 600 for a, b in pairwise(faults))


# ---- the checkers ---------------------------------------------------------------------------------------------------


def event(kind: str, actor: str, was: str | None = None, to: str | None = None, **data: Any) -> dict[str, Any]:
    data |= {"state": to} if to else {}
    return {"type": f"job.{kind}", "actor": actor, "from_state": was, "to_state": to, "data": orjson.dumps(data)}


def leased(session: int, epoch: int) -> dict[str, Any]:
    return event("leased", f"session:{session}", session_id=session, lease_epoch=epoch)


def moved(session: int, was: str, to: str, **data: Any) -> dict[str, Any]:
    return event("state_changed", f"session:{session}", was, to, **data)


STARTED = (leased(1, 1), moved(1, "PREPROCESSED", "RUNNING"))
ENDED = (*STARTED, moved(1, "RUNNING", "RUN_DONE", session_id=None), moved(1, "RUN_DONE", "JOB_FINISHED"))


@pytest.mark.parametrize(
    ("events", "fault"),
    [
        ((leased(1, 1), leased(2, 2)), "leased to session 2 while session 1 holds it"),
        ((leased(1, 1), event("released", "system", session_id=None), leased(2, 1)), "leased under epoch 1 after 1"),
        ((leased(1, 1), moved(2, "PREPROCESSED", "RUNNING")), "started by session:2 while session 1 holds it"),
        ((*STARTED, event("released", "x", session_id=None), moved(1, "RUNNING", "RUN_DONE")),
         "its run was ended by session:1 while session None holds it"),
        ((*STARTED, event("released", "x", session_id=None), leased(2, 2), moved(1, "RUNNING", "RUN_DONE")),
         "its run was ended by session:1 while session 2 holds it"),
        ((*STARTED, moved(1, "RUNNING", "FAILED")), "ended in FAILED while session 1 holds it"),
        ((*ENDED, moved(1, "RUN_DONE", "JOB_FINISHED")), "finished 2 times"),
    ],
)  # fmt: skip
def test_a_wrong_history_of_leases_is_seen(events: tuple[dict[str, Any], ...], fault: str) -> None:
    assert checkers.lease_faults(ENDED) == []
    assert checkers.lease_faults(events) == [fault]


def test_lost_doubled_and_failed_jobs_are_seen(world: World) -> None:
    user = world.user()
    site = user.site()
    app, session = user.app(site, parameters={"serial": {"required": True}}), user.session(site)
    ids = [user.job(app, parameters={"serial": str(n)})["id"] for n in (0, 1, 2, 2)]
    user.finish(session, *user.acquire(session, 3, max_nodes_per_job=1))  # of all, also those not queued yet
    user.finish(session, *user.acquire(session, 1), last="FAILED")
    states = user.states(*ids)
    failed = ids[states.index("FAILED")]
    wrong = checkers.jobs(world.database_url, {0: ids[0], 1: ids[1], 9: 10**9})
    assert sorted(wrong) == sorted(
        ["job 1000000000 (serial 9) is lost", "serial 2 exists 2 times", f"job {failed} (serial 2) is FAILED"]
    )


def test_missing_output_and_unknown_starts_are_seen(world: World, tmp_path: Path) -> None:
    user = world.user()
    site = user.site("outputs")
    app, session = user.app(site, parameters={"serial": {"required": True}}), user.session(site)
    user.job(app, parameters={"serial": "77"})
    user.finish(session, *user.acquire(session, 1))
    assert checkers.outputs(world.database_url, "outputs", tmp_path) == ["the output of serial 77 is None"]
    (tmp_path / "77").mkdir()
    (tmp_path / "77" / "out").write_text("77\n")
    (tmp_path / "77" / "runs").write_text("run\n")
    assert checkers.outputs(world.database_url, "outputs", tmp_path) == []
    assert checkers.starts(world.database_url, "outputs", tmp_path) == []
    (tmp_path / "77" / "runs").write_text("run\n" * 2)
    assert len(checkers.starts(world.database_url, "outputs", tmp_path)) == 1


def test_what_a_viewer_misses_repeats_or_invents_is_seen(world: World) -> None:
    user = world.user()
    user.site()
    with Viewer(world.url, user.token, random.Random(3)) as viewer:
        user.jobs(user.app(), 50)
        wanted = [e["position"] for e in user.events()]
        eventually(lambda: viewer.positions[-1:] == wanted[-1:])

    def faults(*positions: int) -> list[str]:
        return checkers.stream(world.database_url, user.id, positions)

    first, second = wanted[:2]
    assert faults(*viewer.positions) == []
    assert faults(*wanted[1:]) == [f"position {first} was missed"]
    assert faults(first, *wanted) == [f"position {first} came 2 times"]
    assert faults(*wanted, 10**9) == [f"position {10**9} is not in the log"]
    assert faults(second, first, *wanted[2:]) == ["positions came out of order"]
    assert checkers.stream(world.database_url, user.id, wanted[:3], upto=second) == []


def test_a_gap_in_the_log_and_a_changed_row_are_seen(world: World) -> None:
    user = world.user()
    (job,) = user.jobs(user.app(), 1)
    assert checkers.log(world.database_url) == checkers.projections(world.database_url) == []
    with changed(world, "UPDATE job_state SET priority = priority + 1 WHERE id = $1", job):
        assert checkers.projections(world.database_url) == [f"job {job} differs in priority"]
    version = (
        "UPDATE event_log SET version = version + $2 WHERE entity = 'job' AND entity_id = $1 AND type = 'job.created'"
    )
    with changed(world, version, job, 7):
        assert checkers.log(world.database_url)[0].startswith(f"job {job} has ")


@contextmanager
def changed(world: World, statement: str, job: int, *more: int) -> Iterator[None]:
    """What a superuser may do who switches triggers off; undone at the end."""
    back = statement.replace("+", "-")
    world.sql("ALTER TABLE event_log DISABLE TRIGGER append_only")
    try:
        world.sql(statement, job, *more)
        yield
        world.sql(back, job, *more)
    finally:
        world.sql("ALTER TABLE event_log ENABLE ALWAYS TRIGGER append_only")
