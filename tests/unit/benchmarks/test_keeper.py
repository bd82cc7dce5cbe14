"""The benchmarks leave no process of another system behind, not even a detached one."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from house.repository import ROOT
from waiting import eventually

KEEPER = ROOT / "benchmarks" / "peers" / "keeper.py"

# A process in a session of its own, whose parent has ended, and which asks for no environment to be found by.
DETACHED = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve("/bin/sh", ["renamed", "-c", "trap '' TERM; echo $$ > new; mv new pid; while :; do sleep 0.1; done"], {})
    os._exit(0)
os.wait()
while not os.path.exists("pid"):
    time.sleep(0.01)
print("detached", flush=True)
sys.stdin.read()
"""


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.fixture
def start(tmp_path):
    """Run a command and wait for the process that it detaches; end both after the test."""
    started = []

    def run(*argv: str | Path) -> tuple["subprocess.Popen[str]", int]:
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(argv, cwd=tmp_path, stdin=pipe, stdout=pipe, text=True))
        assert started[0].stdout.readline() == "detached\n"
        return started[0], int((tmp_path / "pid").read_text())

    yield run
    with suppress(FileNotFoundError, ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    for one in started:
        one.kill()
        one.wait()
        one.stdin.close()
        one.stdout.close()


KEPT = (sys.executable, KEEPER, sys.executable, "-c", DETACHED)


def test_a_detached_process_ends_when_the_keepers_input_closes(start):
    keeper, detached = start(*KEPT)
    assert _alive(detached)
    keeper.stdin.close()
    keeper.wait(60)
    assert not _alive(detached)


def test_a_detached_process_ends_when_the_keeper_is_terminated(start):
    keeper, detached = start(*KEPT)
    keeper.terminate()
    keeper.wait(60)
    assert not _alive(detached)


def test_a_detached_process_ends_when_the_benchmark_is_killed(start):
    argv = [str(word) for word in KEPT]
    bench, detached = start(
        sys.executable, "-c", f"import subprocess, time; subprocess.Popen({argv!r}); time.sleep(60)"
    )
    bench.kill()
    bench.wait()
    eventually(lambda: not _alive(detached))
