"""Files arrive whole or not at all, and never outside the folders they belong to."""

import hashlib
import os

import pytest

from storax_agent.transfers import local as module
from storax_agent.transfers.base import Item
from storax_agent.transfers.local import LocalTransfer


@pytest.fixture
def place(tmp_path):
    for name in ("data/job", "store", "outside"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


def move(place, direction, remote, local, *, recursive=False, alias="here"):
    service = LocalTransfer({"here": f"file://{place}/store", "web": "https://x/y"}, data=place / "data")
    (moved,) = service.submit([Item(1, direction, alias, remote, "job", local, recursive)])
    return moved


def test_a_file_comes_in_with_its_checksum_and_mode(place):
    (place / "store/a b.txt").write_bytes(b"x" * 3_000_000)
    (place / "store/a b.txt").chmod(0o750)
    moved = move(place, "in", "/a b.txt", "in/one.txt")
    assert moved.state == "done"
    assert moved.info == {"files": 1, "bytes": 3_000_000, "sha256": hashlib.sha256(b"x" * 3_000_000).hexdigest()}
    assert (place / "data/job/in/one.txt").stat().st_mode & 0o777 == 0o750
    assert [path.name for path in (place / "data/job/in").iterdir()] == ["one.txt"]


def test_a_folder_goes_out_when_its_slot_is_recursive(place):
    (place / "data/job/out/deep").mkdir(parents=True)
    for name in ("a", "deep/b"):
        (place / "data/job/out" / name).write_text(name)
    assert "not recursive" in move(place, "out", "/kept", "out").info["error"]
    moved = move(place, "out", "/kept", "out", recursive=True)
    assert (moved.state, moved.info["files"]) == ("done", 2)
    assert (place / "store/kept/deep/b").read_text() == "deep/b"
    assert move(place, "out", "/kept", "out", recursive=True).state == "done"


@pytest.mark.parametrize(
    ("remote", "local"), [("/../secret", "x"), ("/link/secret", "x"), ("/file", "../x"), ("/file", "up/x"), ("/", "x")]
)
@pytest.mark.parametrize("direction", ["in", "out"])
def test_no_path_leads_out(place, direction, remote, local):
    (place / "secret").write_text("secret")
    (place / "outside/secret").write_text("secret")
    (place / "store/link").symlink_to("../outside")
    (place / "store/file").write_text("x")
    (place / "data/job/x").write_text("x")
    (place / "data/job/up").symlink_to("../../outside")
    assert move(place, direction, remote, local, recursive=True).state == "error"
    assert {path.name for path in (place / "outside").iterdir()} == {"secret"}
    assert not (place / "x").exists()
    assert (place / "secret").read_text() == "secret"


def test_links_and_devices_are_not_copied(place):
    (place / "store/link").symlink_to("/etc/passwd")
    os.mkfifo(place / "store/pipe")
    for name in ("link", "pipe"):
        assert "symlink or a special file" in move(place, "in", f"/{name}", "x", recursive=True).info["error"]
    assert list((place / "data/job").iterdir()) == []


def test_what_is_missing_or_unknown_is_named(place):
    assert move(place, "in", "/none", "x").info["error"] == "here:/none to x: No such file or directory"
    assert "'there' is not in [transfer_locations]" in move(place, "in", "/a", "x", alias="there").info["error"]
    assert "file:///folder locations only" in move(place, "in", "/a", "x", alias="web").info["error"]


def test_a_faulty_disk_is_noticed_and_the_old_file_stays(place, monkeypatch):
    (place / "store/a").write_text("new")
    (place / "data/job/a").write_text("old")
    monkeypatch.setattr(module.os, "fsync", lambda fd: os.pwrite(fd, b"X", 0))
    moved = move(place, "in", "/a", "a")
    assert "differs from what was read" in moved.info["error"]
    assert (place / "data/job/a").read_text() == "old"
    assert [path.name for path in (place / "data/job").iterdir()] == ["a"]
