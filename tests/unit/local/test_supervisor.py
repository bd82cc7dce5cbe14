"""The supervisor with stand-in processes: what dies is started again, what lives is adopted, all stop in order."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from storax._runtime.processes import identify, orphans
from storax.local import control
from storax.local.folder import Folder
from storax.local.state import Stack
from waiting import eventually

# A stand-in part: says when it is told to stop, in a file that all parts share.
STAND_IN = """
import pathlib, signal, sys, time
def stop(number, _):
    with open(sys.argv[1], "a") as file:
        file.write(sys.argv[2] + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
pathlib.Path(sys.argv[1] + "." + sys.argv[2]).touch()
time.sleep(120)
"""

SUPERVISE = """
import json, pathlib, sys
from storax.local.folder import Folder
from storax.local.stack_parts import Part
from storax._runtime.processes import identify
from storax.local.state import Stack
from storax.local.supervisor import Supervisor
folder, config = Folder(pathlib.Path(sys.argv[1])), json.loads(sys.argv[2])
held = folder.lock()
assert held is not None, "somebody has the folder"
def part(name, code, log, rank, owner=None, **more):
    up = pathlib.Path(log + "." + name)
    return Part(name, (sys.executable, "-c", code, log, name), rank=rank, before=lambda: up.unlink(missing_ok=True),
                ready=lambda: up.exists(), grace=60, **more)
parts = [part(**{**each, "needs": tuple(each.get("needs", ()))}) for each in config["parts"]]
owner = identify(config["owner"]) if config.get("owner") else None
Supervisor(parts, folder=folder, stack=folder.read() or Stack(version="1"), owner=owner).run()
"""


@dataclass
class Bench:
    """A data folder, and supervisors that run in it."""

    folder: Folder
    log: Path
    children: list[subprocess.Popen[str]]

    def parts(self, **ranks: int) -> list[dict[str, object]]:
        return [{"name": name, "code": STAND_IN, "log": str(self.log), "rank": rank} for name, rank in ranks.items()]

    def supervise(self, parts: list[dict[str, object]], **more: object) -> subprocess.Popen[str]:
        config = json.dumps({"parts": parts, **more})
        command = [sys.executable, "-c", SUPERVISE, str(self.folder.path), config]
        self.children.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        return self.children[-1]

    @property
    def stack(self) -> Stack:
        return self.folder.read() or Stack()

    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self.stack.alive().items()}

    def wait_up(self, process: subprocess.Popen[str]) -> None:
        eventually(
            lambda: (s := self.stack.supervisor) is not None and s.pid == process.pid and control.is_up(self.stack)
        )

    def stopped(self) -> list[str]:
        return self.log.read_text().split() if self.log.exists() else []


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    folder = Folder(tmp_path / "data")
    folder.prepare()
    bench_ = Bench(folder, tmp_path / "stopped", [])
    yield bench_
    for process in bench_.children:
        process.terminate()
        process.communicate(timeout=60)
    control.down(folder.path)


def test_parts_stop_in_order_of_their_rank(bench: Bench) -> None:
    supervisor = bench.supervise(bench.parts(pg=3, valkey=2, api=1, agent=0))
    bench.wait_up(supervisor)
    assert set(bench.pids()) == {"pg", "valkey", "api", "agent"}
    supervisor.terminate()
    supervisor.communicate(timeout=60)
    assert supervisor.returncode == 0
    assert bench.stopped() == ["agent", "api", "valkey", "pg"]
    assert bench.stack.phase == "stopped"
    assert bench.pids() == {}


def test_a_killed_part_is_started_again_and_the_others_are_left_alone(bench: Bench) -> None:
    bench.wait_up(bench.supervise(bench.parts(a=1, b=1)))
    before = bench.pids()
    os.kill(before["a"], signal.SIGKILL)
    eventually(lambda: bench.pids().get("a", before["a"]) != before["a"] and control.is_up(bench.stack))
    assert bench.pids()["b"] == before["b"]
    assert bench.stack.parts["a"].restarts == 1


def test_after_kill_9_of_the_supervisor_the_next_adopts_what_lives_and_starts_the_rest(bench: Bench) -> None:
    first = bench.supervise(bench.parts(a=1, b=1))
    bench.wait_up(first)
    before = bench.pids()
    first.kill()
    first.communicate()
    assert bench.pids() == before
    os.kill(before["b"], signal.SIGKILL)
    bench.wait_up(bench.supervise(bench.parts(a=1, b=1)))
    assert bench.pids()["a"] == before["a"]
    assert bench.pids()["b"] != before["b"]
    os.kill(before["a"], signal.SIGKILL)  # an adopted process is no child, and is watched all the same
    eventually(lambda: bench.pids().get("a", before["a"]) != before["a"] and control.is_up(bench.stack))


def test_down_stops_what_a_killed_supervisor_left(bench: Bench) -> None:
    first = bench.supervise(bench.parts(pg=3, api=1))
    bench.wait_up(first)
    first.kill()
    first.communicate()
    assert control.down(bench.folder.path)
    assert bench.stopped() == ["api", "pg"]
    assert not control.down(bench.folder.path)


def test_a_part_that_is_no_longer_wanted_is_stopped(bench: Bench) -> None:
    first = bench.supervise(bench.parts(a=1, agent=0))
    bench.wait_up(first)
    first.kill()
    first.communicate()
    bench.wait_up(bench.supervise(bench.parts(a=1)))
    assert set(bench.pids()) == {"a"}
    assert bench.stopped() == ["agent"]


def test_a_process_that_was_never_written_down_is_found_and_stopped(bench: Bench) -> None:
    first = bench.supervise(bench.parts(a=1))
    bench.wait_up(first)
    first.kill()
    first.communicate()
    stack = bench.stack
    lost, command = stack.parts["a"].process, stack.parts["a"].argv
    stack.parts["a"].process = None
    bench.folder.write(stack)
    assert orphans(stack.id, commands=[command]) == [lost]
    bench.wait_up(bench.supervise(bench.parts(a=1)))
    assert lost is not None
    assert not lost.alive()


def test_a_failed_start_stops_what_was_started_and_says_why(bench: Bench) -> None:
    broken = {**bench.parts(broken=1)[0], "code": "raise SystemExit('no such luck')", "needs": ["a"]}
    supervisor = bench.supervise([*bench.parts(a=1), broken])
    supervisor.communicate(timeout=60)
    assert supervisor.returncode == 1
    assert bench.stack.phase == "failed"
    assert "broken ended at its start with status 1" in bench.stack.error
    assert "no such luck" in bench.stack.error
    assert bench.pids() == {}
    assert bench.stopped() == ["a"]


def test_a_failed_start_leaves_what_was_adopted(bench: Bench) -> None:
    first = bench.supervise(bench.parts(a=1))
    bench.wait_up(first)
    first.kill()
    first.communicate()
    before = bench.pids()
    broken = {**bench.parts(broken=1)[0], "code": "raise SystemExit(1)", "needs": ["a"]}
    bench.supervise([*bench.parts(a=1), broken]).communicate(timeout=60)
    assert bench.pids() == before


def test_the_stack_ends_with_its_owner(bench: Bench) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as owner:
        assert identify(owner.pid)
        supervisor = bench.supervise(bench.parts(a=1), owner=owner.pid)
        bench.wait_up(supervisor)
        owner.kill()
        supervisor.communicate(timeout=60)
    assert bench.stopped() == ["a"]


def test_a_stop_while_starting_stops_what_runs(bench: Bench) -> None:
    never = {**bench.parts(slow=1)[0], "code": "import time; time.sleep(60)", "needs": ["a"]}
    supervisor = bench.supervise([*bench.parts(a=1), never])
    eventually(lambda: "slow" in bench.pids())
    supervisor.terminate()
    supervisor.communicate(timeout=60)
    assert bench.stopped() == ["a"]
    assert bench.pids() == {}
    assert bench.stack.phase == "stopped"
