"""``storax job logs``: output of a job, from the disk of its site or through the server."""

import os
import threading

import httpx
import pytest

from fakes.rest import job, problem, rows
from storax import Job, Site
from storax._runtime.output_files import name_of
from storax.cli.job.follow import _follow


def test_a_log_elsewhere_is_read_through_the_server(shell, tmp_path):
    shell.script.on("GET", "/jobs/12", job(12, workdir="runs/1", attempt=1))
    far = dict.fromkeys(Site._columns) | {"id": 1, "name": "cluster", "path": "/far/away"}
    shell.script.on("GET", "/sites/1", far)
    away = problem(409, "conflict", "the agent of site cluster does not answer", hint="Start it.")
    shell.script.on("GET", "/jobs/12/file", away)
    ran = shell("job", "logs", "12")
    assert (ran.status, ran.err) == (5, "error: The agent of site cluster does not answer.\n  Start it.\n")
    headers = {"x-storax-file-offset": "0", "x-storax-file-size": "4", "x-storax-file-id": "1"}
    shell.script.on("GET", "/jobs/12/file", httpx.Response(200, content=b"a\nb\n", headers=headers))
    assert shell("job", "logs", "12").out == "a\nb\n"
    assert shell("job", "logs", "12", "--path").out == "/far/away/data/runs/1/job.out\n"


def test_a_log_on_this_machine_is_read_from_its_disk(shell, tmp_path):
    shell.script.on("GET", "/jobs/12", job(12, workdir="runs/1", attempt=1))
    folder = tmp_path / "data" / "runs" / "1"
    folder.mkdir(parents=True)
    (tmp_path / "site.toml").write_text("site_id = 1\n")
    here = dict.fromkeys(Site._columns) | {"id": 1, "name": "laptop", "path": str(tmp_path)}
    shell.script.on("GET", "/sites/1", here)
    assert "has no output" in shell("job", "logs", "12").err
    (folder / "job.out").write_text("a\nb\nc\n")
    assert shell("job", "logs", "12").out == "a\nb\nc\n"
    assert shell("job", "logs", "12", "-n", "2").out == "b\nc\n"
    os.mkfifo(folder / "pipe")
    ran = shell("job", "logs", "12", "--file", "pipe")
    assert (ran.status, "pipe of job 12 is a folder, a pipe or the like" in ran.err) == (3, True)


def test_the_log_of_a_job_that_shares_its_workdir_is_its_own(shell, tmp_path):
    site = dict.fromkeys(Site._columns) | {"id": 1, "name": "here", "path": str(tmp_path)}
    shell.script.on("GET", "/sites/1", site)
    folder = tmp_path / "data" / "runs" / "1"
    folder.mkdir(parents=True)
    (tmp_path / "site.toml").write_text("site_id = 1\n")
    for name, text in {"job.first.out": "one", "job.12.out": "twelve", "job.out": "twelve"}.items():
        (folder / name).write_text(text)
    shell.script.on("POST", "/jobs/query", {**rows(Job), "count": 0})  # none has run meanwhile
    logs = {}
    for number, attempt in ((1, 1), (12, 1), (13, 0)):
        shell.script.on("GET", f"/jobs/{number}", job(number, workdir="runs/1", attempt=attempt))
        logs[number] = shell("job", "logs", str(number))
    assert (logs[1].out, logs[12].out) == ("one", "twelve")
    assert (logs[13].status, logs[13].out) == (3, "")  # it has not run yet


class Running:
    """A job that ends when its event is set."""

    id = 1

    def __init__(self):
        self.over = threading.Event()

    def wait(self):
        self.over.wait(30)


@pytest.mark.parametrize("kept", ["job.first.out", "job.out.1"])
def test_a_log_is_followed_into_the_jobs_own_file_and_that_of_its_next_attempt(tmp_path, capfdbinary, kept):
    running, plain = Running(), tmp_path / "job.out"
    plain.write_text("one ")
    with plain.open("rb") as opened, plain.open("a") as writer:

        def find():  # the follower has read all there is: only now the job writes more, and its file is renamed
            if not running.over.is_set():
                plain.rename(tmp_path / kept)
                writer.write("more ")
                writer.flush()
                plain.write_text("next")  # of another job in the first case, of the second attempt in the other
                running.over.set()
            return tmp_path / name_of(1, 0, lambda name: (tmp_path / name).exists())

        _follow(running, opened, find)
    assert capfdbinary.readouterr().out == (b"one more " if kept == "job.first.out" else b"one more next")
