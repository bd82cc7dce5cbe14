"""Every transfer service keeps the same promises: local folders, a real rsync over a real sshd, a real S3 server.

The services are called as the agent's loop calls them: batches of one lane.
"""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from msgspec import structs

from conformance.transfer_case import BucketEnd, Case, FolderEnd
from fakes.processes import alive
from fakes.s3 import BUCKET, S3Server
from fakes.sshd import ORDINARY_ID, Sshd
from needs import needs
from proxy import Proxy
from storax_agent.transfers.base import Moved, TransferError, Watch, lane_of
from storax_agent.transfers.separate_process import service as separate_service
from storax_agent.transfers.separate_process.service import HelperService
from waiting import eventually

ODD_NAMES = ["two words", "new\nline", "ünïcødé ✓", "-rf", "a'b\"c", "$(touch canary)", "; touch canary;", "back\\slash",
             "*?[a]", "~", "tab\there", "#hash", "\\#012", "a:b", "%20"]  # fmt: skip


@pytest.fixture(scope="module")
def sshd_self():
    with Sshd() as running:
        yield running


@pytest.fixture(scope="module")
def sshd_ordinary():
    with Sshd(ordinary=True) as running:
        yield running


@pytest.fixture(scope="module")
def s3_server(tmp_path_factory):
    with S3Server(tmp_path_factory.mktemp("s3")) as running:
        yield running


def folder_of(sshd: Sshd) -> FolderEnd:
    owner = ORDINARY_ID if sshd.other_user else None
    shutil.rmtree(sshd.base)
    sshd.base.mkdir()
    if owner:
        os.chown(sshd.base, owner, owner)
    return FolderEnd(sshd.base, sshd.location(), owner=owner)


# Where root runs the tests, one more sshd is an ordinary user's; elsewhere the first is that already.
KINDS = {"local": (), "rsync": ("ssh",), "rsync-ordinary-user": ("ssh", "root"), "s3": ()}


def pytest_generate_tests(metafunc):
    """Give a test each kind of location, or those that its mark ``kinds`` names."""
    if "case" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("kinds")
        kinds = [k for k in KINDS if not mark or (k.startswith(mark.args) and k != mark.kwargs.get("but"))]
        params = [pytest.param(kind, marks=[needs(*KINDS[kind])] if KINDS[kind] else []) for kind in kinds]
        metafunc.parametrize("case", params, indirect=True)


@pytest.fixture
def case(request, tmp_path):
    kind, data = request.param, tmp_path / "da ta"
    if kind == "local":
        (tmp_path / "sto re").mkdir()
        end = FolderEnd(tmp_path / "sto re", {"url": f"file://{tmp_path}/sto%20re"})
    elif kind == "s3":
        end = BucketEnd(request.getfixturevalue("s3_server"))
        for name in end.names():
            end.drop(name)
    else:
        end = folder_of(request.getfixturevalue("sshd_self" if kind == "rsync" else "sshd_ordinary"))
    return Case(kind, tmp_path, end, data)


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# ---- files arrive, whatever they are called ------------------------------------------------------------------------


def test_a_file_comes_in_and_goes_out_with_its_checksum(case):
    case.end.put("in/a.bin", content := os.urandom(300_000))
    came = case.one("in", "/in/a.bin", "deep/a.bin")
    assert (came.state, came.info) == ("done", {"files": 1, "bytes": 300_000, "sha256": sha(content)})
    assert (case.workdir / "deep/a.bin").read_bytes() == content
    went = case.one("out", "/out/new/b.bin", "deep/a.bin")
    assert (went.state, went.info["sha256"]) == ("done", sha(content))
    assert case.end.get("out/new/b.bin") == content
    assert case.local() == {"job/deep/a.bin": content}, "something was left in the data folder"


def test_an_empty_file_is_a_file(case):
    case.end.put("empty", b"")
    assert case.one("in", "/empty", "empty").state == "done"
    assert case.one("out", "/again", "empty").state == "done"
    assert case.end.get("again") == b""


def test_any_name_is_only_a_name(case, monkeypatch):
    monkeypatch.chdir(case.folder)
    # moto answers 404 for a key with a newline, before any code of ours could do wrong.
    names = [name for name in ODD_NAMES if not (case.kind == "s3" and "\n" in name)]
    for number, name in enumerate(names):
        case.end.put(f"in/{name}", b"%d" % number)
    came = case.move(*[case.item("in", f"/in/{name}", f"got/{name}") for name in names])
    assert [one.info for one in came if one.state != "done"] == []
    went = case.move(*[case.item("out", f"/out/{name}", f"got/{name}") for name in names])
    assert [one.info for one in went if one.state != "done"] == []
    for number, name in enumerate(names):
        assert case.end.get(f"out/{name}") == (case.workdir / "got" / name).read_bytes() == b"%d" % number
    assert not list(case.folder.rglob("canary"))
    assert "canary" not in case.end.names()


def test_folders_move_where_their_slot_says_so(case):
    for name in ("tree/a", "tree/deep/b", "tree/deep/er/c d"):
        case.end.put(name, name.encode())
    assert case.one("in", "/tree", "flat").state in ("error", "again")  # S3 has no folders: an object is missing
    came = case.one("in", "/tree", "tree", recursive=True)
    assert (came.state, came.info["files"]) == ("done", 3), came
    assert (case.workdir / "tree/deep/er/c d").read_bytes() == b"tree/deep/er/c d"
    assert "not recursive" in case.one("out", "/kept", "tree").info["error"]
    went = case.one("out", "/kept", "tree", recursive=True)
    assert (went.state, went.info["files"]) == ("done", 3), went
    assert case.end.get("kept/deep/b") == b"tree/deep/b"


def test_one_file_may_come_into_many_jobs(case):
    case.end.put("shared", b"same")
    items = [case.item("in", "/shared", "x", workdir=f"job/{n}") for n in range(5)]
    assert {one.state for one in case.move(*items)} == {"done"}
    (case.data / "job/0/x").write_bytes(b"changed by its job")
    assert [(case.data / f"job/{n}/x").read_bytes() for n in range(1, 5)] == [b"same"] * 4


def test_what_is_there_is_replaced(case):
    (case.workdir / "x").write_bytes(b"old")
    case.end.put("x", b"new")
    case.end.put("y", b"old")
    assert case.one("in", "/x", "x").state == "done"
    assert case.one("out", "/y", "x").state == "done"
    assert (case.workdir / "x").read_bytes() == case.end.get("y") == b"new"


# ---- nothing outside is touched ------------------------------------------------------------------------------------


@pytest.mark.parametrize("local", ["../x", "up/x", "up", "link", "/etc/hostname", "loop/x", "a/../../x", ""])
@pytest.mark.parametrize("direction", ["in", "out"])
def test_no_local_path_leaves_the_workdir(case, direction, local):
    outside = case.folder / "outside"
    outside.mkdir()
    (outside / "x").write_bytes(b"secret")
    (case.data / "x").write_bytes(b"other job")
    (case.workdir / "up").symlink_to(outside)
    (case.workdir / "loop").symlink_to("loop")
    (case.workdir / "link").symlink_to(outside / "x")
    case.end.put("file", b"in")
    moved = case.one(direction, "/file", local)
    if (direction, local) not in (("in", "link"), ("in", "up")):  # a link itself may be replaced, never followed
        assert moved.state == "error", moved
    assert {path.name: path.read_bytes() for path in outside.iterdir()} == {"x": b"secret"}
    assert (case.data / "x").read_bytes() == b"other job"
    assert case.end.get("file") == b"in"


@pytest.mark.parametrize("remote", ["/../x", "/a/../../x", "/", "//", "/nul\0"])
@pytest.mark.parametrize("direction", ["in", "out"])
def test_no_remote_path_leaves_the_location(case, direction, remote):
    (case.workdir / "x").write_bytes(b"x")
    before = case.end.names()
    assert case.one(direction, remote, "x").state == "error"
    assert case.end.names() == before


@pytest.mark.kinds("local", "rsync")
def test_links_and_devices_do_not_move(case):
    (case.end.base / "link").symlink_to("/etc/passwd")
    os.mkfifo(case.end.base / "pipe")
    os.mkfifo(case.workdir / "pipe")
    for one in [case.one("in", "/link", "x"), case.one("in", "/pipe", "y"), case.one("out", "/z", "pipe")]:
        assert (one.state, "symlink or a special file" in one.info["error"]) == ("error", True), one
    assert list(case.workdir.iterdir()) == [case.workdir / "pipe"]


@pytest.mark.kinds("local", "rsync", "s3")
def test_a_folder_moves_without_what_cannot_move_and_names_it(case):
    """Links that lead out, pipes and sockets are left out; links inside the folder move where the target has links."""
    (case.workdir / "tree/deep").mkdir(parents=True)
    (case.workdir / "tree/deep/r").write_bytes(b"result")
    (case.workdir / "tree/latest").symlink_to("deep/r")
    (case.workdir / "tree/deep/up").symlink_to("../latest")
    (case.workdir / "tree/deep/out").symlink_to("../../secret")
    (case.workdir / "tree/round").symlink_to("latest/../../..")
    (case.workdir / "tree/passwd").symlink_to("/etc/passwd")
    os.mkfifo(case.workdir / "tree/pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(case.workdir / "tree/sock"))
    went = case.one("out", "/kept", "tree", recursive=True)
    assert (went.state, went.info["files"]) == ("done", 1), went
    outside = ["deep/out (link to ../../secret)", "passwd (link to /etc/passwd)", "pipe (pipe)",
               "round (link to latest/../../..)", "sock (socket)"]  # fmt: skip
    inner = ["deep/up (link to ../latest)", "latest (link to deep/r)"] if case.kind == "s3" else []
    assert sorted(went.info["left_out"]) == sorted(outside + inner)
    assert case.end.get("kept/deep/r") == b"result"
    if case.kind == "s3":
        return
    base = case.end.base / "kept"
    assert [str((base / name).readlink()) for name in ("latest", "deep/up")] == ["deep/r", "../latest"]
    (base / "passwd").symlink_to("/etc/passwd")
    os.mkfifo(base / "deep/pipe")
    came = case.one("in", "/kept", "back", recursive=True)
    assert (came.state, came.info["files"]) == ("done", 1), came
    assert [entry.split(" (")[0] for entry in sorted(came.info["left_out"])] == ["deep/pipe", "passwd"]
    assert (case.workdir / "back/latest").read_bytes() == b"result"
    assert not (case.workdir / "back/passwd").is_symlink()


def test_a_file_keeps_its_time_both_ways(case):
    (case.workdir / "x").write_bytes(b"x" * 100_000)
    os.utime(case.workdir / "x", (10**9, 10**9))
    assert case.one("out", "/x", "x").state == "done"
    assert case.one("in", "/x", "back").state == "done"
    assert (case.workdir / "back").stat().st_mtime == 10**9


# ---- one that fails does not hold up the others --------------------------------------------------------------------


def test_a_missing_source_is_named_and_the_others_arrive(case):
    for number in range(6):
        case.end.put(f"have/{number}", b"x")
        (case.workdir / f"have{number}").write_bytes(b"y")
    remote = ["/have/0", "/none/a b", "/have/1", "/have/2", "/no\nne", "/have/3", "/have/4", "/have/5"]
    came = case.move(*[case.item("in", path, f"got/{n}") for n, path in enumerate(remote)])
    assert [one.state for one in came] == ["done", "again", "done", "done", "again", "done", "done", "done"]
    assert came[1].own, "the location is in good order"
    assert "there:/none/a b" in came[1].info["error"]
    local = ["have0", "none", "have1", "deep/none", "have2"]
    went = case.move(*[case.item("out", f"/out/{n}", path) for n, path in enumerate(local)])
    assert [one.state for one in went] == ["done", "again", "done", "again", "done"]
    assert went[1].own
    assert "No such file" in went[1].info["error"]
    assert [n for n in case.end.names() if n.startswith("out/")] == ["out/0", "out/2", "out/4"]


def test_a_copy_that_was_spoiled_is_noticed_and_made_again(case):
    (case.workdir / "x").write_bytes(b"right")
    item = case.item("out", "/x", "x")
    assert case.move(item)[0].state == "done"
    case.end.spoil("x", b"wrong")
    assert case.move(item)[0].state == "done"
    assert case.end.get("x") == b"right"


@pytest.mark.kinds("rsync")
def test_a_host_whose_disk_changes_what_is_written_is_found_out(case, request):
    sshd = request.getfixturevalue("sshd_self" if case.kind == "rsync" else "sshd_ordinary")
    (case.workdir / "x").write_bytes(b"right")
    item = case.item("out", "/x", "x")
    sshd.faulty(f"printf wrong > '{sshd.base}/x'")
    try:
        first = case.move(item)[0]
        assert (first.state, "differs from its source" in first.info["error"]) == ("again", True), first
        assert case.end.get("x") == b"wrong"
        assert case.move(item)[0].state == "done"
    finally:
        sshd.sound()
    assert case.end.get("x") == b"right"


@pytest.mark.kinds("rsync", "s3")
def test_what_a_killed_agent_left_in_the_stage_is_not_believed(case):
    """Other bytes of the same length, where the file would wait: the copy is compared, and made again."""
    case.end.put("x", b"right")
    item = case.item("in", "/x", "x")
    tree = case.folder / "scratch"
    case.one("in", "/none", "none")  # makes the location's folder
    (tree := next(tree.iterdir()) / lane_of(item) / "tree").mkdir(parents=True, exist_ok=True)
    if case.kind == "s3":
        etag = case.end._client.head_object(Bucket=BUCKET, Key="pre fix/x")["ETag"]
        left = f".{sha(chr(0).join(('x', 'pre fix/x', etag)).encode())[:32]}.part"
    else:
        left = "x"
    (tree / left).write_bytes(b"wrong")
    if case.kind == "s3":
        assert case.move(item)[0].state == "again"
    assert case.move(item)[0].state == "done"
    assert (case.workdir / "x").read_bytes() == b"right"


@pytest.mark.kinds("rsync")
def test_a_source_that_vanishes_midway_is_an_error_of_its_own(case, request):
    case.end.put("big", os.urandom(6 << 20))
    case.end.put("small", b"x")
    with through_proxy(case, request) as (proxy, changed):
        proxy.slow(3 << 20)
        items = [case.item("in", f"/{name}", name) for name in ("big", "small")]
        moves: list[Moved] = []
        mover = threading.Thread(target=lambda: moves.extend(case.move(*items, **changed)))
        mover.start()
        eventually(lambda: proxy.carried > (2 << 20))
        case.end.drop("big")
        mover.join(60)
    assert [(one.state, one.own) for one in moves] == [("again", True), ("done", False)], moves
    assert "there:/big" in moves[0].info["error"]


@pytest.mark.parametrize("wrong", [{"profile": "nobody"}, {"endpoint_url": "nowhere"}], ids=str)
@pytest.mark.kinds("s3")
def test_settings_that_no_client_can_be_made_of_are_named(case, wrong):
    with pytest.raises(TransferError, match=r"nobody|nowhere"):
        case.service(**wrong).check()
    with pytest.raises(TransferError, match=r"nobody|nowhere"):
        case.one("in", "a", "a", **wrong)


@pytest.fixture
def tiny(tmp_path):
    """A file system of 2 MB."""
    place = tmp_path / "tiny"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], check=True)
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_of_the_site_ends_that_file_alone(case, tiny):
    (case.data / "job").rmdir()
    case.data.rmdir()
    (tiny / "job").mkdir()
    case.data.symlink_to(tiny)
    ends_one_file_alone(case)


@pytest.mark.kinds("rsync", "s3")  # a local copy has no scratch folder
def test_a_full_disk_of_the_scratch_folder_ends_that_file_alone(case, tiny):
    (case.folder / "scratch").symlink_to(tiny)
    ends_one_file_alone(case)


def ends_one_file_alone(case):
    names = ["big", *(f"small{n}" for n in range(6))]
    for name in names:
        case.end.put(name, os.urandom(5_000_000) if name == "big" else b"x")
    big, *small = case.move(*[case.item("in", f"/{name}", name) for name in names])
    assert (big.state, big.own, {one.state for one in small}) == ("again", True, {"done"}), (big, small)
    assert "No space left" in big.info["error"]
    assert sorted(path.name for path in case.workdir.iterdir()) == names[1:]


@pytest.mark.kinds("local", "rsync", but="rsync-ordinary-user")  # its mount namespace does not see this mount
def test_a_full_disk_there_ends_that_file_alone(case, tiny):
    (case.workdir / "big").write_bytes(os.urandom(5_000_000))
    for n in range(4):
        (case.workdir / f"small{n}").write_bytes(b"x")
    tiny.chmod(0o777)
    subprocess.run(["mount", "--bind", str(tiny), str(case.end.base)], check=True)
    try:
        moved = case.move(
            *[case.item("out", f"/{name}", name) for name in ("small0", "small1", "big", "small2", "small3")]
        )
    finally:
        subprocess.run(["umount", "-l", str(case.end.base)], check=True)
    assert [one.state for one in moved] == ["done", "done", "again", "done", "done"], moved
    assert moved[2].own
    assert "No space left" in moved[2].info["error"]


# ---- the network, the server, the keys -----------------------------------------------------------------------------


@pytest.mark.parametrize("direction", ["in", "out"])
@pytest.mark.kinds("rsync", "s3")
def test_what_was_moved_before_a_break_is_not_moved_again(case, request, direction, tmp_path):
    """Broken off in the middle by its stop, as by a kill, a large file goes on where it was."""
    content = os.urandom(24 << 20)
    (case.workdir / "big").write_bytes(content)
    case.end.put("big", content)
    item = case.item(direction, "/big" if direction == "in" else "/new", "got" if direction == "in" else "big")
    with through_proxy(case, request) as (proxy, changed):
        proxy.slow(16 << 20)
        service = small_parts(case.service(**changed))
        watch = Watch()
        mover = threading.Thread(target=lambda: first.extend(service.submit([item], watch)))
        first: list[Moved] = []
        mover.start()
        eventually(lambda: proxy.carried > (14 << 20))
        proxy.slow(1 << 20)  # so that it is not done before it is stopped
        watch.stop.set()
        mover.join(60)
        assert [one.state for one in first] == ["again"], first
        proxy.slow(None)
        before = proxy.carried
        (done,) = small_parts(case.service(**changed)).statuses([item], Watch())
        assert (done.state, done.info["sha256"]) == ("done", sha(content)), done
        assert proxy.carried - before < (20 << 20), "it was moved from the beginning"
    if direction == "out":
        assert case.end.get("new") == content


def helpers_of(parent):
    """The processes of ``transfers/separate_process/main.py`` that ``parent`` has started and that live."""
    pids = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (place / "stat").read_text().rpartition(")")[2].split()
            mine = int(fields[1]) == parent and fields[0] != "Z"
            if mine and b"storax_agent.transfers.separate_process.main" in (place / "cmdline").read_bytes():
                pids.append(int(place.name))
    return pids


# What an agent does with a store, in a process that the test's own imports do not disturb: DATA SCRATCH LOCATION.
ALONE = """
import json, sys, time
from pathlib import Path
import storax_agent.serve
from storax_agent.transfers.base import Item, Watch
from storax_agent.settings.locations import _location
from storax_agent.transfers.services import Locations
data, scratch, place = Path(sys.argv[1]), Path(sys.argv[2]), _location(json.loads(sys.argv[3]))
service = Locations({"far": place}, data=data, scratch=scratch).service("far")
print(service.submit([Item(1, "out", "far", "/x", "job", "x", False)], Watch())[0].state)
print(sorted({name.split(".")[0] for name in sys.modules} & {"boto3", "botocore", "s3transfer"}))
"""


def alone(case, **changed):
    arguments = [str(case.data), str(case.folder / "scratch"), json.dumps({**case.end.declared, **changed})]
    return subprocess.Popen([sys.executable, "-c", ALONE, *arguments], stdout=subprocess.PIPE, text=True)


@pytest.mark.kinds("s3")
def test_an_agent_that_has_used_a_store_has_not_imported_its_library(case):
    (case.workdir / "x").write_bytes(b"x")
    agent = alone(case)
    assert agent.communicate(timeout=60)[0] == "done\n[]\n"


@pytest.mark.kinds("s3")
def test_a_helper_ends_with_its_agent(case, request):
    (case.workdir / "x").write_bytes(os.urandom(8 << 20))
    with through_proxy(case, request) as (proxy, changed):
        proxy.slow(1 << 20)
        agent = alone(case, **changed)
        eventually(lambda: proxy.carried > (1 << 20))
        (helper,) = helpers_of(agent.pid)
        agent.kill()
        agent.communicate()
        eventually(lambda: not alive(helper))


@pytest.mark.kinds("s3")
def test_a_helper_that_dies_midway_is_followed_by_another_that_goes_on(case, request):
    content = os.urandom(24 << 20)
    (case.workdir / "big").write_bytes(content)
    item = case.item("out", "/new", "big")
    with through_proxy(case, request) as (proxy, changed):
        proxy.slow(16 << 20)
        service, others = small_parts(case.service(**changed)), set(helpers_of(os.getpid()))
        first: list[Moved] = []
        mover = threading.Thread(target=lambda: first.extend(service.submit([item], Watch())))
        mover.start()
        eventually(lambda: proxy.carried > (14 << 20))
        proxy.slow(1 << 20)  # so that it is not done before it is stopped
        (helper,) = set(helpers_of(os.getpid())) - others  # which are idle, and end meanwhile
        os.kill(helper, signal.SIGKILL)
        mover.join(60)
        assert [one.state for one in first] == ["again"], first
        assert "ended with code -9" in first[0].info["error"]
        proxy.slow(None)
        before = proxy.carried
        assert service.submit([item], Watch())[0].state == "done"
        assert proxy.carried - before < (20 << 20), "it was moved from the beginning"
    assert case.end.get("new") == content


@pytest.mark.kinds("s3")
def test_an_idle_helper_is_used_again_and_ends_after_a_while(case, monkeypatch):
    monkeypatch.setattr(separate_service, "IDLE_SEC", 5.0)
    case.end.put("y", b"y")
    service, before = case.service(), set(helpers_of(os.getpid()))
    seen = set()
    for name in ("one", "two"):
        assert service.submit([case.item("in", "/y", name)], Watch())[0].state == "done"
        seen |= set(helpers_of(os.getpid())) - before
    assert len(seen) == 1
    eventually(lambda: not seen & set(helpers_of(os.getpid())))
    assert service.submit([case.item("in", "/y", "three")], Watch())[0].state == "done"


def small_parts(service):
    if isinstance(service, HelperService):
        service._configuration = structs.replace(service._configuration, part_bytes=5 << 20)
    return service


@contextlib.contextmanager
def through_proxy(case: Case, request):
    """The location behind a relay that can be cut."""
    if case.kind == "s3":
        with Proxy(case.end.server.url) as proxy:
            yield proxy, {"endpoint_url": proxy.url}
        return
    sshd = request.getfixturevalue("sshd_self" if case.kind == "rsync" else "sshd_ordinary")
    with Proxy(f"ssh://127.0.0.1:{sshd.port}") as proxy:
        port = int(proxy.url.rpartition(":")[2])
        sshd.know(sshd.folder / "host_key.pub", port=port)
        yield proxy, {"url": sshd.location(port=port)["url"]}


@pytest.mark.kinds("rsync", "s3")
def test_a_server_that_is_away_is_tried_again_later(case, request):
    (case.workdir / "x").write_bytes(b"x")
    case.end.put("y", b"y")
    with through_proxy(case, request) as (proxy, changed):
        proxy.cut()
        came, went = case.move(case.item("in", "/y", "y"), case.item("out", "/x", "x"), **changed)
        assert (came.state, went.state) == ("again", "again"), (came, went)
        assert "\n" not in came.info["error"]
        proxy.heal()
        assert {one.state for one in case.move(case.item("in", "/y", "y"), case.item("out", "/x", "x"), **changed)} == {
            "done"
        }
    assert case.end.get("x") == b"x"


@pytest.mark.kinds("rsync", "s3")
def test_wrong_credentials_are_an_error_at_once(case, request, tmp_path):
    case.end.put("y", b"y")
    if case.kind == "s3":
        changed = {"credentials_file": str(tmp_path / "none")}
        reason = "credentials"
    else:
        sshd = request.getfixturevalue("sshd_self" if case.kind == "rsync" else "sshd_ordinary")
        changed, reason = sshd.location(key="other_key"), "refuses the key"
    moved = case.one("in", "/y", "y", **changed)
    assert (moved.state, reason in moved.info["error"]) == ("error", True), moved
    with pytest.raises(Exception, match=reason):
        case.service(**changed).check()


@pytest.mark.kinds("rsync")
def test_a_host_with_another_key_is_not_talked_to(case, request):
    sshd = request.getfixturevalue("sshd_self" if case.kind == "rsync" else "sshd_ordinary")
    case.end.put("y", b"y")
    sshd.know(sshd.folder / "other_key.pub")
    try:
        moved = case.one("in", "/y", "y")
    finally:
        sshd.know(sshd.folder / "host_key.pub")
    assert (moved.state, "host's key is unknown or another" in moved.info["error"]) == ("error", True), moved


@pytest.mark.kinds("rsync")
def test_a_batch_of_a_hundred_is_two_logins(case, request):
    sshd = request.getfixturevalue("sshd_self" if case.kind == "rsync" else "sshd_ordinary")
    items = []
    for n in range(400):
        item = case.item("in", f"/many/{n}", f"{n}")
        if lane_of(item).endswith("0") and len(items) < 100:
            case.end.put(f"many/{n}", b"%d" % n)
            items.append(item)
    before = sshd.logins
    assert {one.state for one in case.move(*items)} == {"done"}
    assert (len(items), sshd.logins - before) == (100, 2)


def test_a_check_says_what_is_wrong(case):
    assert case.service().check()
    wrong = {"local": "file:///no/such/folder", "s3": "s3://no-such-bucket-here/"}.get(case.kind)
    with pytest.raises(Exception, match=r"not a folder|no such|No such file"):
        case.service(url=wrong or case.end.declared["url"] + "/nowhere").check()
