"""What counts as a full disk."""

import errno
import os
import sqlite3

import pytest

from storax_agent.files.free_space import FreeSpace, is_full_error
from storax_agent.files.locks import PidLock
from storax_agent.loops.disk import Disk, FullError


def test_a_folder_with_less_room_than_the_site_needs_is_full_and_named(tmp_path):
    changes = []
    space = FreeSpace([tmp_path], 1 << 60, changed=lambda: changes.append(space.reason))
    reason = space.check()
    assert reason.startswith(f"{tmp_path} is full: ")
    assert reason.endswith("MiB are free, and the site needs 1099511627776 (min_free_mb in site.toml)")
    assert space.check() == space.reason_at_end(failed=False)
    space.require(0)
    assert not space.is_full()
    assert changes == [reason, ""]


def test_a_check_writes_nothing_that_stays(tmp_path):
    assert FreeSpace([tmp_path]).check(write=True) == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_quota_shows_when_a_job_fails(tmp_path, monkeypatch, code):
    def refuse(*_arguments):
        raise OSError(code, os.strerror(code))

    space = FreeSpace([tmp_path])
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", refuse)
        assert space.check() == ""
        assert space.reason_at_end(failed=True) == f"{tmp_path} is full: {os.strerror(code)}"
        assert space.is_full()
    assert space.check() == ""
    assert list(tmp_path.iterdir()) == []


def test_the_loop_fails_while_a_folder_is_full(tmp_path):
    space = FreeSpace([tmp_path], 1 << 60)
    with pytest.raises(FullError, match=r"is full: .*; no job is started"):
        Disk(space).step()
    space.require(0)
    assert Disk(space).step() > 0


def test_errors_of_a_full_disk_are_known_and_others_are_not(tmp_path):
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    assert is_full_error(full)
    assert is_full_error(OSError(errno.EDQUOT, "quota"))
    assert not is_full_error(sqlite3.OperationalError("locked"))
    assert not is_full_error(PermissionError(errno.EACCES, "no"))


def test_a_lock_keeps_the_room_of_its_pid(tmp_path):
    path = tmp_path / "lock"
    for _ in range(2):
        lock = PidLock(path)
        lock.take()
        held = path.stat().st_size
        lock.release()
        assert path.stat().st_size == held > 0


def test_the_least_room_is_that_of_the_last_check_so_who_reads_it_touches_no_disk(tmp_path):
    space = FreeSpace([tmp_path, tmp_path / "gone"])
    assert space.free_mb is None
    space.check()
    assert space.free_mb > 0
    gone = FreeSpace([tmp_path / "gone"])
    gone.check()
    assert gone.free_mb is None
