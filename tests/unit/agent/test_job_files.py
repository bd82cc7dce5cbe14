"""The agent reads windows of jobs' files, and nothing outside of a job's workdir."""

import base64
import os

import pytest

from storax_agent.files.safe_path import PathError
from storax_agent.files.windows import LARGEST, read_window, workdir_of
from storax_agent.loops.job_files import JobFiles, reply_to


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    (folder / "runs/1").mkdir(parents=True)
    (folder / "runs/1/job.out").write_bytes(b"0123456789")
    (folder / "runs/2").mkdir()
    (folder / "runs/2/secret").write_text("of another job")
    (tmp_path / "token").write_text("stx_secret")
    return folder


def read(data, path, **window):
    with workdir_of(data, "runs/1") as workdir:
        return read_window(workdir, path, **window)


@pytest.mark.parametrize(
    ("offset", "size", "window"),
    [(0, 4, (b"0123", 0, 10)), (8, 4, (b"89", 8, 10)), (-3, 9, (b"789", 7, 10)), (-99, 2, (b"01", 0, 10)),
     (99, 4, (b"", 99, 10)), (0, 0, (b"", 0, 10))],
)  # fmt: skip
def test_a_window_is_what_was_asked_for(data, offset, size, window):
    known = read(data, "job.out", offset=offset, size=size)
    assert (known.data, known.offset, known.size) == window


def test_a_window_is_at_most_one_mib(data):
    (data / "runs/1/big").write_bytes(b"x" * (LARGEST + 1))
    assert len(read(data, "big", offset=0, size=1 << 40).data) == LARGEST


@pytest.mark.parametrize("path", ["../2/secret", "/etc/passwd", "../../../token", "link", "folder/secret", "pipe", "."])
def test_nothing_outside_of_the_workdir_is_read(data, path):
    (data / "runs/1/link").symlink_to(data.parent / "token")
    (data / "runs/1/folder").symlink_to(data / "runs/2")
    os.mkfifo(data / "runs/1/pipe")
    with pytest.raises(PathError):
        read(data, path, offset=0, size=10)


def test_a_reply_has_the_window_or_the_reason(data):
    request = {"id": "r", "job_id": 7, "workdir": "runs/1", "path": "job.out", "offset": 0, "size": 99, "attempt": 1}
    inode = (data / "runs/1/job.out").stat().st_ino
    assert reply_to(request, data) == {
        "id": "r", "data": base64.b64encode(b"0123456789").decode(), "offset": 0, "size": 10, "inode": inode,
    }  # fmt: skip
    missing = reply_to({**request, "path": "job.err"}, data)
    assert missing == {"id": "r", "missing": True, "error": "job 7 has no file runs/1/job.err"}
    assert "goes up" in reply_to({**request, "path": "../2/secret"}, data)["error"]


def test_a_log_of_hooks_is_that_of_the_job_also_in_a_shared_workdir(data):
    request = {"id": "r", "workdir": "runs/1", "path": "hooks.log", "offset": 0, "size": 99, "attempt": 0}

    def read(job_id):
        return base64.b64decode(reply_to({**request, "job_id": job_id}, data)["data"]).decode()

    (data / "runs/1/hooks.log").write_text("one")
    assert read(1) == "one"
    for name, text in {"hooks.first.log": "one", "hooks.12.log": "twelve", "hooks.log": "thirteen"}.items():
        (data / "runs/1" / name).write_text(text)
    assert [read(1), read(12)] == ["one", "twelve"]


def test_an_output_is_that_of_the_job_also_in_a_shared_workdir(data):
    for name in ("job.first.out", "job.12.out"):
        (data / "runs/1" / name).write_text(name)
    (data / "runs/3").mkdir()
    (data / "runs/3/job.err").write_text("alone")

    def output(job_id, folder, attempt, stream="stdout"):
        request = {"id": "r", "job_id": job_id, "workdir": folder, "path": None, "stream": stream, "attempt": attempt}
        reply = reply_to({**request, "offset": 0, "size": 99}, data)
        return base64.b64decode(reply["data"]).decode() if "data" in reply else reply["error"]

    assert output(12, "runs/1", 1) == "job.12.out"
    assert output(7, "runs/1", 1) == "job.first.out"
    assert output(13, "runs/1", 0) == "job 13 has no file runs/1/job.13.out", "it has not run yet"
    assert output(7, "runs/3", 1, "stderr") == "alone"


def test_an_older_server_is_left_alone_for_minutes(data):
    from storax.errors import NotFound

    class Older:
        def file_requests(self, _site, *, wait):
            raise NotFound(f"no route, waited {wait}")

    assert JobFiles(Older(), 1, data=data).step() > 60
