"""A lock has one holder, belongs to forked children too, and ends with the last of them, however they end."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from storax._runtime.locks import lock
from waiting import eventually

HOLD = """
import pathlib, sys, time
from storax._runtime.locks import lock
assert lock(pathlib.Path(sys.argv[1])) is not None
print(flush=True)
time.sleep(600)
"""

FORK = """
import os, pathlib, sys
from storax._runtime.locks import lock
assert lock(pathlib.Path(sys.argv[1])) is not None
if os.fork() == 0:
    sys.stdin.read()  # until the test closes it
"""


def test_a_lock_has_one_holder_and_is_free_after_it_is_closed(tmp_path: Path) -> None:
    handle = lock(tmp_path / "lock")
    assert handle is not None
    assert lock(tmp_path / "lock") is None
    os.close(handle)
    assert lock(tmp_path / "lock") is not None


def test_a_lock_ends_with_a_holder_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert lock(tmp_path / "lock") is None
        holder.send_signal(signal.SIGKILL)
    assert lock(tmp_path / "lock") is not None


def test_a_forked_child_keeps_the_lock_of_its_parent(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FORK, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdin is not None
        assert parent.wait(60) == 0
        assert lock(tmp_path / "lock") is None
        parent.stdin.close()
        eventually(lambda: lock(tmp_path / "lock") is not None)


def test_a_program_that_is_started_does_not_inherit_the_lock(tmp_path: Path) -> None:
    handle = lock(tmp_path / "lock")
    assert handle is not None
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, close_fds=False):
        os.close(handle)
        # The kernel lets the parent of a vfork go on a moment before it closes the files of the new program.
        eventually(lambda: lock(tmp_path / "lock") is not None)


def test_waiting_ends_when_the_holder_releases_the_lock(tmp_path: Path) -> None:
    handle = lock(tmp_path / "lock")
    assert handle is not None
    timer = threading.Timer(0.1, os.close, [handle])
    timer.start()
    assert lock(tmp_path / "lock", wait=True) is not None
    timer.join()


def test_the_content_of_the_file_stays(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("123\n")
    assert lock(tmp_path / "lock") is not None
    assert (tmp_path / "lock").read_text() == "123\n"
