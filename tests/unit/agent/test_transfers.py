"""What the transfer rooms promise beyond the conformance suite: settings of locations, faults of a disk, names."""

import hashlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from storax_agent.settings.locations import EXAMPLE, AnyLocation, FileLocation, S3Location, SshLocation
from storax_agent.transfers import files as module
from storax_agent.transfers.base import Item, TransferError, Watch, lane_of
from storax_agent.transfers.local import LocalTransfer
from storax_agent.transfers.rsync_run import Done, Rsync, escaped
from storax_agent.transfers.services import Locations
from storax_agent.transfers.stage import is_shared

ID = "6c54cade-bde5-45c1-bdea-f4bd71dba2cc"


@pytest.fixture
def place(tmp_path):
    for name in ("data/job", "store"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


def item(direction="in", remote="/a", local="a", *, recursive=False):
    return Item(1, direction, "here", remote, "job", local, recursive)


def test_a_file_keeps_its_mode(place):
    (place / "store/a").write_bytes(b"x" * 3_000_000)
    (place / "store/a").chmod(0o750)
    (moved,) = LocalTransfer(place / "store", data=place / "data").submit([item()], Watch())
    assert moved.info == {"files": 1, "bytes": 3_000_000, "sha256": hashlib.sha256(b"x" * 3_000_000).hexdigest()}
    assert (place / "data/job/a").stat().st_mode & 0o777 == 0o750


def test_a_faulty_disk_is_noticed_and_the_old_file_stays(place, monkeypatch):
    (place / "store/a").write_text("new")
    (place / "data/job/a").write_text("old")
    monkeypatch.setattr(module.os, "fsync", lambda fd: module.os.pwrite(fd, b"X", 0))
    (moved,) = LocalTransfer(place / "store", data=place / "data").submit([item()], Watch())
    assert (moved.state, "differs from what was read" in moved.info["error"]) == ("again", True)
    assert (place / "data/job/a").read_text() == "old"
    assert [path.name for path in (place / "data/job").iterdir()] == ["a"]


def test_an_alias_that_is_not_configured_names_those_that_are(place):
    known = Locations({"lab": FileLocation(url="file:///x")}, data=place, scratch=place)
    with pytest.raises(TransferError, match=r"'there' is not in \[transfer_locations\].*\(there: lab\)"):
        known.service("there")


READ = TypeAdapter(AnyLocation).validate_python


@pytest.mark.parametrize(
    ("location", "kind"),
    [
        ("file:///a%20b", FileLocation),
        ("ssh://u@h:22/base", SshLocation),
        ({"url": "ssh://h/base", "identity_file": "/k"}, SshLocation),
        ("ssh://[::1]/base", SshLocation),
        ({"url": "s3://bucket/x", "endpoint_url": "http://127.0.0.1:1"}, S3Location),
    ],
)
def test_the_scheme_says_which_kind_a_location_is(location, kind):
    assert isinstance(READ(location), kind)


@pytest.mark.parametrize(
    "location",
    [
        "", "relative", "http://x/y", "file://host/x", "ssh://", "ssh://-oProxyCommand=x/y", "ssh://-l@h/y",
        "ssh://u:password@h/y", "ssh://h:port/y", "ssh://a b/y", "s3://", "s3://key:secret@bucket/", {"url": 5}, {}, 5,
        {"url": "file:///x", "identity_file": "/k"}, {"url": "ssh://h/", "identity_file": "/a'b"},
        {"url": "ssh://h/", "identity_file": "k"}, "globus://not-an-id/",
    ],
    ids=str,
)  # fmt: skip
def test_a_location_that_cannot_be_meant_is_refused(location):
    with pytest.raises(ValidationError):
        READ(location)


def test_the_same_remote_path_is_always_in_the_same_lane():
    assert lane_of(item(local="x")) == lane_of(item(local="y"))
    assert lane_of(item()) != lane_of(item("out"))
    assert lane_of(item()) != lane_of(item(recursive=True))
    assert len({lane_of(item(remote=f"/{n}")) for n in range(50)}) == 2


def test_names_are_compared_as_rsync_prints_them():
    assert escaped("a b") == "a b"
    assert escaped("new\nline") == "new\\#012line"
    assert escaped("\\#012") == "\\#134#012"
    done = Done(23, ['rsync: [sender] link_stat "/b/x y" failed: No such file or directory (2)'], [])
    assert done.is_own(done.about("/b", "x y"))
    assert (done.about("/b", "x"), done.about("/b", "y")) == ("", "")


def test_ssh_asks_nobody_and_checks_the_host(place):
    shell = Rsync(SshLocation(url="ssh://u@h/b", identity_file=Path("/k x"), known_hosts=Path("/h x")), {})._shell()
    for word in ("BatchMode=yes", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes", "'/k x'", '"/h x"'):
        assert word in shell


def test_what_init_writes_of_locations_is_right_once_the_marks_are_taken_away():
    lines = [line.removeprefix("#").strip() for line in EXAMPLE.splitlines()[1:]]
    table = tomllib.loads("\n".join(lines).replace("COLLECTION-ID", ID).replace("CLIENT-ID", ID))
    kinds = {alias: type(READ(value)).__name__ for alias, value in table["transfer_locations"].items()}
    assert kinds == {
        "archive": "FileLocation", "lab": "SshLocation", "bucket": "S3Location", "campus": "GlobusLocation",
    }  # fmt: skip


def test_an_agent_without_such_locations_imports_no_library_of_theirs():
    code = "import sys, storax_agent.serve; print(sorted({n.split('.')[0] for n in sys.modules} & "
    code += "{'boto3', 'botocore', 'globus_sdk', 'requests'}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_a_path_is_shared_with_what_it_holds_and_what_holds_it():
    assert is_shared("a/b", ["x", "a"])
    assert is_shared("a", ["a/b"])
    assert is_shared("a", ["a"])
    assert not is_shared("a", ["ab", "b/a"])
