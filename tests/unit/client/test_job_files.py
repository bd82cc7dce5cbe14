"""Output of jobs reads the same from the disk of the site's machine and through the server from any other."""

import os

import httpx
import pytest

from fakes.rest import Script, client_of, job, problem
from storax import Job, errors
from storax._jobs import files
from storax._orm.rows import from_object
from storax.models.site import Site

OUTPUT = "".join(f"line {number}\n" for number in range(1000)).encode() + b"\xff end"


@pytest.fixture(params=["here", "elsewhere"])
def output(request, tmp_path, monkeypatch):
    """The stdout of a job, in small windows; on this machine or behind a server."""
    monkeypatch.setattr(files, "LARGEST", 100)
    script = Script().on("GET", "/jobs/12", job(12, workdir="runs/1"))
    site = dict.fromkeys(Site._columns) | {"id": 1, "name": "cluster", "path": str(tmp_path)}
    script.on("GET", "/sites/1", site)
    script.on("GET", "/jobs/12/file", served)
    if request.param == "here":
        (tmp_path / "data/runs/1").mkdir(parents=True)
        (tmp_path / "data/runs/1/job.out").write_bytes(OUTPUT)
        (tmp_path / "site.toml").write_text("site_id = 1\n")
    with client_of(script):
        yield Job.objects.get(id=12).file("job.out")
    assert (request.param == "here") == (not [r for r in script.requests if r.path.endswith("/file")])


def served(request):
    """Answer a window as the server does."""
    if request.params["path"] != "job.out":
        return problem(404, "not_found", "no such file")
    offset, size = int(request.params["offset"]), int(request.params["size"])
    begin = max(0, len(OUTPUT) + offset) if offset < 0 else offset
    headers = {"x-storax-file-offset": str(begin), "x-storax-file-size": str(len(OUTPUT)), "x-storax-file-id": "1"}
    headers["content-type"] = "application/octet-stream"
    return httpx.Response(200, content=OUTPUT[begin : begin + size], headers=headers)


@pytest.mark.parametrize("lines", [0, 1, 2, 50, 999, 1001, 5000])
def test_the_last_lines_are_exactly_those(output, lines):
    assert b"".join(output.read(output.begin_of_last(lines))) == b"".join(OUTPUT.splitlines(keepends=True)[-lines:])


def test_a_tail_is_bounded_and_may_span_windows(output):
    assert output.tail(250) == OUTPUT[-250:]
    assert output.tail(10**6) == OUTPUT


def test_stdout_is_text_whatever_the_bytes(output):
    assert files.text_of(output.tail(5)) == "\ufffd end"


def test_a_missing_file_is_no_file(output):
    missing = files.JobFile(output._client, 12, "runs/1", output._site, "job.err")
    assert (output.exists(), missing.exists()) == (True, False)
    with pytest.raises(errors.NoFile, match=r"Job 12 has no file job\.err"):
        missing.window()


def test_a_pipe_on_this_machine_is_no_file_and_nobody_waits_for_its_writer(tmp_path):
    (tmp_path / "site.toml").write_text("site_id = 1\n")
    (tmp_path / "data/w").mkdir(parents=True)
    os.mkfifo(tmp_path / "data/w/job.err")
    with client_of(Script()) as client:
        site = from_object(Site, dict.fromkeys(Site._columns) | {"id": 1, "path": str(tmp_path)}, client)
        with pytest.raises(errors.NoFile, match=r"job\.err of job 12 is a folder, a pipe or the like"):
            files.JobFile(client, 12, "w", site, "job.err").tail(10)
