"""Which files a job writes to when others use its workdir, and where its output is found later."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from storax._runtime.output_files import PLAIN, hook_log_of, name_of
from storax_agent.launch.spawner.output_names import OutputNames, name_as_latest
from storax_agent.launch.work import Lease
from storax_agent.prepare.functions import worker
from storax_agent.prepare.functions.worker_hook_log import heading, open_log


class Workdir:
    """A workdir, and the spawners that start jobs in it. What a job writes is its id and attempt."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.handle = os.open(path, os.O_RDONLY)
        self.spawner = OutputNames()

    def claim(self, job: int, *, attempt: int = 1, epoch: int = 1, spawner: OutputNames | None = None):
        return (spawner or self.spawner).claim(self.handle, Lease(job, epoch, attempt), "w")

    def run(self, job: int, *, attempt: int = 1, silent: bool = False, spawner: OutputNames | None = None) -> None:
        names = self.claim(job, attempt=attempt, spawner=spawner)
        if not silent:
            for name in names:
                (self.path / name).write_text(f"{job}.{attempt}")
            os.fchdir(self.handle)
            name_as_latest(names)

    def of(self, job: int, stream: int = 0) -> str:
        path = self.path / name_of(job, stream, lambda name: (self.path / name).exists())
        return path.read_text() if path.exists() else ""

    @property
    def plain(self) -> str:
        return (self.path / "job.out").read_text()


@pytest.fixture
def workdir(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Workdir(tmp_path / "w")


def test_a_job_that_has_its_workdir_alone_writes_the_plain_names(workdir):
    workdir.run(7)
    workdir.run(7, attempt=2)
    assert sorted(path.name for path in workdir.path.iterdir()) == ["job.err", "job.err.1", "job.out", "job.out.1"]
    assert (workdir.plain, (workdir.path / "job.out.1").read_text()) == ("7.2", "7.1")


def test_a_job_leased_anew_for_the_same_attempt_begins_its_files_anew(workdir):
    workdir.run(7)
    assert workdir.claim(7, epoch=2) == PLAIN
    assert list(workdir.path.iterdir()) == []


@pytest.mark.parametrize("restarts", [False, True])
def test_each_job_of_a_shared_workdir_keeps_its_output_and_the_plain_name_is_the_latest(workdir, restarts):
    for job in (1, 2, 3):
        workdir.run(job, spawner=OutputNames() if restarts else None)
        assert workdir.plain == f"{job}.1"
    workdir.run(2, attempt=2)
    assert [workdir.of(job, stream) for job in (1, 2, 3) for stream in (0, 1)] == ["1.1"] * 2 + ["2.2"] * 2 + [
        "3.1"
    ] * 2
    assert (workdir.plain, (workdir.path / "job.2.out.1").read_text()) == ("2.2", "2.1")


def test_output_that_comes_after_another_job_began_stays_apart(workdir):
    first = workdir.claim(1)
    with (workdir.path / first[0]).open("w") as file:
        file.write("one ")
        file.flush()
        workdir.run(2)
        file.write("more")
    assert (workdir.of(1), workdir.of(2)) == ("one more", "2.1")


def test_a_job_that_wrote_nothing_has_no_output_of_another(workdir):
    workdir.run(1, silent=True)
    workdir.run(2)
    assert (workdir.of(1), workdir.of(2)) == ("", "2.1")


def test_the_output_of_the_first_job_survives_a_removal_of_the_plain_name(workdir):
    workdir.run(1)
    workdir.run(2)
    (workdir.path / "job.out").unlink()
    workdir.run(3, spawner=OutputNames())
    assert [workdir.of(job) for job in (1, 2, 3)] == ["1.1", "2.1", "3.1"]


def test_what_has_the_name_of_an_output_and_is_no_file_is_named(workdir):
    (workdir.path / "job.err").mkdir()
    with pytest.raises(OSError, match=r"is no file.*job\.err"):
        workdir.claim(1)


def test_spawners_that_start_jobs_in_the_same_moment_do_not_share_a_file(workdir):
    second = OutputNames()
    assert workdir.claim(1, spawner=OutputNames()) == PLAIN == workdir.claim(2, spawner=second)
    (workdir.path / "job.out").write_text("one")
    names = second.claim(workdir.handle, Lease(2, 1, 1), "w", contested=True)
    assert names == ("job.2.out", "job.2.err")
    assert workdir.of(1) == "one"


CALLS = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from worker_output import Output
from worker_messages import Call
output = Output()
def begin(job): output.begin(os.open(".", os.O_RDONLY), Call(f"{job}.1.1", "run", {}, {}))
def wait_for_files():
    while not output._spilt: time.sleep(0.01)
    with output._lock: pass
"""


def test_a_function_whose_first_output_comes_after_that_of_another_job_writes_its_own_file(workdir):
    workdir.claim(1)
    script = (
        "begin(1); open('job.out', 'w').write('two'); os.link('job.out', 'job.2.out'); open('job.first.out', 'w')\n"
        "os.write(1, b'one'); output.end()\n"
    )
    argv = [sys.executable, "-c", CALLS + script, str(Path(worker.__file__).parent)]
    subprocess.run(argv, cwd=workdir.path, check=True)
    assert (workdir.of(1), workdir.of(2), workdir.plain) == ("one", "two", "two")


def test_a_function_goes_on_in_its_file_when_another_job_has_taken_the_name(workdir):
    script = (
        "begin(1); os.write(1, b'one '); wait_for_files(); os.rename('job.out', 'job.first.out')\n"
        "os.rename('job.err', 'job.first.err'); open('job.out', 'w').write('two')\n"
        "os.write(1, b'more'); os.write(2, b'err'); output.end()\n"
    )
    argv = [sys.executable, "-c", CALLS + script, str(Path(worker.__file__).parent)]
    subprocess.run(argv, cwd=workdir.path, check=True)
    assert (workdir.of(1), workdir.of(1, 1), workdir.plain) == ("one more", "err", "two")


def test_what_a_function_writes_while_its_output_goes_to_its_files_is_kept(workdir):
    script = (
        "dup2 = os.dup2\n"
        "def late(file, number):\n"
        "    if file not in output._held: os.write(number, b'late ')\n"
        "    dup2(file, number)\n"
        "os.dup2 = late; begin(1); os.write(1, b'one '); wait_for_files(); os.write(1, b'more'); output.end()\n"
        "os.dup2 = dup2; begin(2); os.write(1, b'two'); output.end()\n"
    )
    argv = [sys.executable, "-c", CALLS + script, str(Path(worker.__file__).parent)]
    subprocess.run(argv, cwd=workdir.path, check=True)
    assert (workdir.of(1), workdir.of(1, 1), workdir.of(2)) == ("one late more", "late ", "two")


class HookLogs:
    """A workdir in which hooks of jobs write the number of their call."""

    def __init__(self, path: Path) -> None:
        self.path, self.calls = path, 0
        self.handle = os.open(path, os.O_RDONLY)

    def call(self, job: int) -> None:
        self.calls += 1
        file = open_log(self.handle, str(job))
        os.write(file, f"{heading('preprocess', str(job))}{self.calls}\n".encode())
        os.close(file)

    def of(self, job: int) -> str:
        lines = (self.path / hook_log_of(job, lambda name: (self.path / name).exists())).read_text().splitlines()
        assert set(lines[::2]) == {f"--- preprocess of job {job}"}
        return "".join(lines[1::2])

    @property
    def names(self) -> list[str]:
        return sorted(path.name for path in self.path.iterdir())


@pytest.fixture
def hooks(tmp_path):
    return HookLogs(tmp_path)


def test_the_hooks_of_a_job_alone_in_its_workdir_share_the_plain_name(hooks):
    hooks.call(7)
    hooks.call(7)
    assert (hooks.names, hooks.of(7)) == (["hooks.log"], "12")


def test_hooks_of_jobs_that_share_a_workdir_write_logs_of_their_own_and_the_plain_name_is_the_latest(hooks):
    for job in (1, 2, 1, 2, 3, 2, 1):
        hooks.call(job)
    assert hooks.names == ["hooks.2.log", "hooks.3.log", "hooks.first.log", "hooks.log"]
    assert [hooks.of(job) for job in (1, 2, 3)] == ["137", "246", "5"]
    assert (hooks.path / "hooks.log").samefile(hooks.path / "hooks.2.log")


def test_the_first_log_of_hooks_survives_a_removal_of_the_plain_name(hooks):
    hooks.call(1)
    hooks.call(2)
    (hooks.path / "hooks.log").unlink()
    hooks.call(3)
    hooks.call(1)
    assert [hooks.of(job) for job in (1, 2, 3)] == ["14", "2", "3"]


def test_a_log_that_another_job_has_just_begun_is_not_taken(hooks):
    (hooks.path / "hooks.log").touch()
    hooks.call(2)
    assert (hooks.of(2), (hooks.path / "hooks.first.log").read_text()) == ("1", "")


def test_a_link_in_the_place_of_a_log_is_never_followed(hooks, tmp_path_factory):
    target = tmp_path_factory.mktemp("other") / "file"
    target.write_text("theirs of job 2\n")
    (hooks.path / "hooks.log").symlink_to(target)
    hooks.call(2)
    assert (hooks.of(2), target.read_text()) == ("1", "theirs of job 2\n")
