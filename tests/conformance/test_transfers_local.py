"""What local copies promise beyond the conformance of all transfers: they go on where they broke off, and leave nothing."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import astuple

from conformance.transfer_case import Case, FolderEnd
from storax_agent.transfers.base import Watch
from storax_agent.transfers.copies import part_name

# An agent that is killed when 14 MiB of a copy are there: DATA STORE ITEM FOLDER.
KILLED = """
import json, os, signal, sys
from pathlib import Path
from storax_agent.transfers.base import Item, Watch
from storax_agent.transfers.local import LocalTransfer
class Kill:
    def is_set(self):
        if sum(path.stat().st_size for path in Path(sys.argv[4]).rglob("*.part")) >= 14 << 20:
            os.kill(os.getpid(), signal.SIGKILL)
        return False
LocalTransfer(Path(sys.argv[2]), data=Path(sys.argv[1])).submit([Item(*json.loads(sys.argv[3]))], Watch(stop=Kill()))
"""


@pytest.fixture
def case(tmp_path):
    (tmp_path / "sto re").mkdir()
    return Case(
        "local", tmp_path, FolderEnd(tmp_path / "sto re", {"url": f"file://{tmp_path}/sto%20re"}), tmp_path / "da ta"
    )


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class StopAt:
    """A stop that is set when what is on its way below ``folder`` has so many bytes."""

    def __init__(self, folder, size):
        self.folder, self.size = folder, size

    def is_set(self):
        return sum(path.stat().st_size for path in self.folder.rglob("*.part")) >= self.size


def written() -> int:
    """Bytes that this process has written so far."""
    return int(Path("/proc/self/io").read_text().split("wchar: ")[1].split()[0])


@pytest.mark.parametrize("how", ["stop", "kill"])
@pytest.mark.parametrize("direction", ["in", "out"])
def test_a_local_copy_that_broke_off_goes_on_and_leaves_nothing(case, direction, how):
    """Stopped midway, or its process killed: what is there of it is not written again."""
    content = os.urandom(24 << 20)
    case.end.put("big", content)
    (case.workdir / "big").write_bytes(content)
    item = case.item(direction, "/big" if direction == "in" else "/new", "got" if direction == "in" else "big")
    folder = case.workdir if direction == "in" else case.end.base
    if how == "stop":
        (first,) = case.service().submit([item], Watch(stop=StopAt(folder, 14 << 20)))
        assert (first.state, first.info) == ("again", {"error": "stopped"})
    else:
        arguments = [case.data, case.end.base, json.dumps(astuple(item)), folder]
        assert subprocess.run([sys.executable, "-c", KILLED, *map(str, arguments)]).returncode == -signal.SIGKILL
    assert [path.stat().st_size >= (14 << 20) for path in folder.glob(".storax-*.part")] == [True]
    before = written()
    (done,) = case.service().statuses([item], Watch())
    assert (done.state, done.info["sha256"]) == ("done", sha(content)), done
    assert written() - before < (12 << 20), "it was copied from the beginning"
    assert (folder / ("got" if direction == "in" else "new")).read_bytes() == content
    assert list(folder.glob(".storax-*")) == []


def test_a_local_copy_does_not_believe_what_is_left_and_forgets_what_nobody_wants(case):
    content = os.urandom(4 << 20)
    case.end.put("d/big", content)
    (case.workdir / "got").mkdir()
    item = case.item("in", "/d", "got", recursive=True)
    left = case.workdir / "got" / part_name(item.id, "big")
    for wrong in (os.urandom(3 << 20), content[: 2 << 20] + os.urandom(3 << 20), content + b"more"):
        left.write_bytes(wrong)
        (case.workdir / "got/big").unlink(missing_ok=True)
        assert case.service().statuses([item], Watch())[0].state == "done"
        assert (case.workdir / "got/big").read_bytes() == content
        assert not left.exists()
    victim = case.folder / "another's"
    victim.write_bytes(b"kept")
    os.link(victim, left)
    assert case.move(item)[0].state == "done"
    assert victim.read_bytes() == b"kept", "written through a link"
    left.write_bytes(b"x")
    (other := left.with_name(part_name(item.id + 1, "big"))).write_bytes(b"x")
    case.service().cancel([item])
    assert (left.exists(), other.exists()) == (False, True)


def test_whole_files_of_a_folder_that_broke_off_are_not_copied_again(case):
    for name in "abc":
        case.end.put(f"d/{name}", os.urandom(1 << 20))
    item = case.item("in", "/d", "got", recursive=True)
    assert case.move(item)[0].state == "done"
    (case.workdir / "got/b").write_bytes(b"other")
    before = written()
    (done,) = case.service().statuses([item], Watch())
    assert (done.state, done.info["files"], done.info["bytes"]) == ("done", 3, 3 << 20)
    assert written() - before < 3 << 19
    assert (case.workdir / "got/b").read_bytes() == case.end.get("d/b")


def test_a_named_link_stands_for_what_it_leads_to_inside_its_folder(case):
    (case.end.base / "deep").mkdir()
    case.end.put("deep/real", b"content")
    (case.end.base / "link").symlink_to("deep/next")
    (case.end.base / "deep/next").symlink_to("../deep/./real")
    assert case.one("in", "/link", "got").state == "done"
    assert (case.workdir / "got").read_bytes() == b"content"
    assert not (case.workdir / "got").is_symlink()
    case.end.base.with_name("secret").write_bytes(b"secret")
    for target in ("../secret", "deep/../../secret", str(case.end.base.with_name("secret")), "odd"):
        (case.end.base / "odd").unlink(missing_ok=True)
        (case.end.base / "odd").symlink_to(target)
        one = case.one("in", "/odd", "other")
        assert (one.state, "symlink or a special file" in one.info["error"]) == ("error", True), one
    assert not (case.workdir / "other").exists()


def test_a_local_copy_tells_its_bytes(case):
    case.end.put("big", os.urandom(3 << 20))
    item, reports = case.item("in", "/big", "got"), []
    case.move(item, watch=Watch(reports.extend))
    assert [(one.id, one.state) for one in reports[:1]] == [(item.id, "active")]
    assert 0 < reports[0].info["bytes"] <= 3 << 20
