"""A process is known by pid and start time, and only our own are stopped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from storax._runtime.processes import MARK, Process, end, identify, orphans, wait_gone
from waiting import eventually

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(SLEEP, env={MARK: "teststack:sleeper"})
    yield process
    process.kill()
    process.wait()


def known(process: subprocess.Popen[bytes]) -> Process:
    identified = identify(process.pid)
    assert identified is not None
    return identified


def test_a_zombie_is_dead(sleeper: subprocess.Popen[bytes]) -> None:
    process = known(sleeper)
    assert process.alive()
    os.kill(process.pid, signal.SIGKILL)
    assert wait_gone([process], timeout=60) == []
    assert not process.alive()
    assert identify(process.pid) is None


def test_a_process_lives_as_long_as_any_of_its_threads() -> None:
    script = """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(60,)).start()
print(flush=True)
ctypes.CDLL(None).pthread_exit(None)  # of the first thread
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        process = known(child)
        eventually(lambda: Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
        left = wait_gone([process], timeout=0.1)
        child.kill()
        assert left == [process]
        assert wait_gone([process], timeout=60) == []


def test_a_reused_pid_is_not_taken_for_ours(sleeper: subprocess.Popen[bytes]) -> None:
    process = known(sleeper)
    earlier = Process(pid=process.pid, start=process.start + "1")
    assert not earlier.alive()
    earlier.send(signal.SIGKILL)
    time.sleep(0.05)
    assert sleeper.poll() is None


def test_a_process_that_ignores_the_signal_is_killed() -> None:
    script = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        end([known(process)], grace=0.1)
        assert process.wait(60) == -signal.SIGKILL


def test_orphans_are_those_of_the_stack_that_run_its_commands(sleeper: subprocess.Popen[bytes]) -> None:
    process = known(sleeper)
    eventually(lambda: orphans("teststack", commands=[SLEEP]) == [process])
    assert orphans("teststack", commands=[["a users' job"]]) == []
    assert orphans("otherstack", commands=[SLEEP]) == []


def test_uptime_counts_seconds_since_the_start() -> None:
    begun = time.monotonic()
    with subprocess.Popen(SLEEP) as process:
        try:
            time.sleep(0.3)
            up = known(process).uptime()
            assert 0.2 < up < time.monotonic() - begun + 0.1
        finally:
            process.kill()
