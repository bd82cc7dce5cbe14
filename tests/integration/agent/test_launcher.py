"""The local launcher: what it starts, how it stops it, and what outlives whose death."""

import os
import signal
import time
from contextlib import suppress
from itertools import count

import pytest

from fakes.processes import alive, gone, in_group
from storax_agent.files.locks import holder
from storax_agent.launch.local import LocalLauncher
from storax_agent.launch.spawner.start import NodeResources
from storax_agent.launch.work import Lease, Place, Work
from storax_agent.mainloop.outcomes import OutcomeMapper
from storax_agent.prepare.functions.sources import Sources
from waiting import eventually, when_open


class Site:
    """A launcher on a folder of its own, and what it told so far."""

    def __init__(self, path, cores=2):
        self.path, self.cores = path, cores
        self.environment = {"PATH": "/usr/bin:/bin"}
        for name in ("state/results", "data"):
            (path / name).mkdir(parents=True)
        self._serial = count(1)
        self.cursor = ""
        self.connect()

    def connect(self, *, min_free_bytes=0):
        machine = NodeResources(
            self.path / "state", self.path / "data", self.path / "launcher.log", self.cores, 0, self.environment,
            min_free_bytes=min_free_bytes,
        )  # fmt: skip
        self.launcher = LocalLauncher(machine)
        self.opened = self.launcher.open(self.cursor)
        self.started, self.ended = {}, {}
        return self.opened

    def drop(self):
        """As if the agent were killed: the connection breaks, nothing is said."""
        self.launcher._disconnect()

    @property
    def pid(self):
        return holder(self.path / "state/launcher.lock")

    def run(self, script, **fields):
        """Start a shell script; returns its lease."""
        return self.start(["/bin/sh", "-c", script], **fields)

    def start(self, argv, *, workdir=None, attempt=1, job=None, **fields):
        lease = Lease(job or next(self._serial), 1, attempt)
        environment = {"STORAX_RESULT_FILE": f"{self.path}/state/results/{lease.name}.json"}
        self.launcher.start([Work(lease, argv, environment, workdir or f"w/{lease.job_id}", **fields)])
        return lease

    def poll(self, *, ack=False):
        events = self.launcher.poll()
        self.started.update((row.lease, row) for row in events.started)
        for row in events.ended:
            assert row.lease not in self.ended, "an end was told twice"
            self.ended[row.lease] = row
        if events.cursor:
            self.cursor = events.cursor
            if ack:
                self.launcher.ack(events.cursor)

    def wait_started(self, lease):
        return eventually(lambda: (self.poll(), self.started.get(lease))[1])

    def wait_ended(self, lease):
        return eventually(lambda: (self.poll(), self.ended.get(lease))[1])

    def read(self, lease, name="job.out"):
        return (self.path / f"data/w/{lease.job_id}/{name}").read_text()


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path / ("a long name " * 12))  # longer than the path of a socket may be
    yield site
    for row in site.started.values():
        for pid in in_group(row.pid):
            with suppress(ProcessLookupError):  # it ends at this very moment
                os.kill(pid, signal.SIGKILL)
    if site.pid:
        if site.launcher._socket is None:
            site.connect()
        site.launcher.stop([row.lease for row in site.opened.running], cause="stopped", grace_sec=0)
        site.launcher.close(end=True)
        eventually(lambda: site.pid is None)


def test_a_process_gets_its_folder_files_environment_and_session(site):
    lease = site.run("pwd; echo $STORAX_RESULT_FILE $HOME.; ps -o sid= -p $$; echo oops >&2; exit 3")
    row = site.wait_ended(lease)
    assert (row.code, row.cause, row.started) == (3, "exit", True)
    folder, result, session = site.read(lease).splitlines()
    assert folder == str(site.path / f"data/w/{lease.job_id}")
    assert result == f"{site.path}/state/results/{lease.name}.json ."
    assert int(session) == site.started[lease].pid
    assert site.read(lease, "job.err") == "oops\n"


def test_signals_reach_the_job_as_they_are_by_default(site):
    assert site.wait_ended(site.run("kill -PIPE $$; echo ignored")).code == -signal.SIGPIPE
    assert site.wait_ended(site.run("kill -9 $$")).code == -signal.SIGKILL


def test_no_signal_that_the_agent_blocks_or_ignores_is_blocked_or_ignored_in_a_job(site):
    site.launcher.close(end=True)
    eventually(lambda: site.pid is None)
    ignored = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGHUP, signal.SIGQUIT)}
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTERM])
    try:
        site.connect()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        for number, handler in ignored.items():
            signal.signal(number, handler)
    lease = site.start(["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"])
    assert site.wait_ended(lease).code == 0
    # posix_spawn of glibc ignores 32 and 33, which are its own and which no program can use.
    masks = [int(line.split()[1], 16) & ~(0b11 << 31) for line in site.read(lease).splitlines()]
    assert masks == [0, 0]


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (["no-such-program", "x"], 127, "command not found: 'no-such-program'"),
        (["./missing.sh"], 127, "command not found: './missing.sh'"),
        (["/etc/passwd"], 126, "'/etc/passwd' cannot be run: Permission denied"),
        (["/tmp"], 126, "cannot be run"),
        (["echo", "x" * 200_000], 126, "Argument list too long"),
    ],
)
def test_a_command_that_cannot_run_says_why(site, argv, code, message):
    row = site.wait_ended(site.start(argv))
    assert (row.code, row.cause, row.started) == (code, "command", False)
    assert message in row.message


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b"#!/bin/sh\r\necho hi\r\n", 127, "DOS ends"),
        (b"#!/usr/bin/nopython3\n", 127, "interpreter '/usr/bin/nopython3'"),
        (b"#!/usr/bin/nopython3 -u\n", 127, "interpreter '/usr/bin/nopython3'"),
        (b"echo hi\n", 126, "a script needs a #! line"),
        (b"", 126, "the file is empty"),
        (b"\xef\xbb\xbf#!/bin/sh\n", 126, "byte order mark"),
        (b"\x7fELF\x02\x01\x01" + bytes(60), 126, "Exec format error"),
    ],
)
def test_a_script_that_no_interpreter_runs_says_what_is_wrong_with_it(site, content, code, message):
    (site.path / "data/w/1").mkdir(parents=True)
    (site.path / "data/w/1/run.sh").write_bytes(content)
    (site.path / "data/w/1/run.sh").chmod(0o755)
    row = site.wait_ended(site.start(["./run.sh"]))
    assert (row.code, row.cause, row.started) == (code, "command", False)
    assert message in row.message


def test_a_program_that_is_installed_later_is_found(site):
    folder = site.path / "bin"
    work = {"argv": ["tool"], "workdir": "w/tool"}
    site.environment["PATH"] = f"{folder}:/usr/bin:/bin"
    site.drop()
    site.connect()
    assert site.wait_ended(site.start(**work)).code == 127
    folder.mkdir()
    (folder / "tool").write_text("#!/bin/sh\nexit 5\n")
    (folder / "tool").chmod(0o755)
    assert site.wait_ended(site.start(**work)).code == 5


@pytest.mark.parametrize("workdir", ["../out", "/tmp/out", "link/x", "a/../../out"])
def test_a_workdir_outside_the_data_folder_is_refused(site, workdir):
    (site.path / "data/link").symlink_to(site.path)
    row = site.wait_ended(site.start(["true"], workdir=workdir))
    assert row.cause == "workdir"
    assert "workdir refused" in row.message
    assert not (site.path / "out").exists()
    assert not (site.path / "x").exists()


def test_outputs_are_never_written_through_a_link(site):
    (site.path / "data/w").mkdir()
    (site.path / "data/w/1").mkdir()
    (site.path / "data/w/1/job.out").symlink_to(site.path / "victim")
    row = site.wait_ended(site.run("echo x"))
    assert row.cause == "system"
    assert "job.out in the workdir cannot be written" in row.message
    assert not (site.path / "victim").exists()


def test_jobs_that_run_in_one_workdir_at_once_write_files_of_their_own(site, tmp_path):
    gate = tmp_path / "gate"
    talk = "for i in 1 2 3; do echo {0} $i; echo {0}-err $i >&2; sleep 0.1; done; {1}"
    leases = [site.run(talk.format(name, when_open(gate, 0)), workdir="w/same") for name in ("one", "two")]
    for lease in leases:
        site.wait_started(lease)
    gate.touch()
    for lease in leases:
        site.wait_ended(lease)
    folder = site.path / "data/w/same"
    assert (folder / "job.first.out").read_text() == "one 1\none 2\none 3\n"
    assert (folder / "job.2.out").read_text() == "two 1\ntwo 2\ntwo 3\n" == (folder / "job.out").read_text()
    assert (folder / "job.2.err").read_text() == "two-err 1\ntwo-err 2\ntwo-err 3\n"


def test_a_new_attempt_sets_the_old_output_aside(site):
    for attempt in (1, 2, 3):
        site.wait_ended(site.start(["echo", f"run {attempt}"], workdir="w/same", attempt=attempt, job=5))
    folder = site.path / "data/w/same"
    assert [(folder / name).read_text() for name in ("job.out.1", "job.out.2", "job.out")] == [
        "run 1\n",
        "run 2\n",
        "run 3\n",
    ]


def test_no_more_run_than_there_are_cores(site):
    leases = [site.run("sleep 0.02", cores=1 + n % 2) for n in range(24)]
    rows = [(site.wait_ended(lease), site.started[lease]) for lease in leases]
    edges = sorted(
        [(s.at, len(s.place.cores)) for _, s in rows] + [(e.at, -len(s.place.cores)) for e, s in rows],
        key=lambda edge: (edge[0], edge[1]),
    )
    used = peak = 0
    for _, change in edges:
        used += change
        peak = max(peak, used)
    assert peak == site.cores


def test_the_wall_time_ends_a_job(site):
    row = site.wait_ended(site.run("sleep 60", wall_sec=0.3))
    assert (row.code, row.cause) == (-signal.SIGTERM, "wall_time")
    assert 0.25 < row.at - site.started[row.lease].at < 30


def test_stopping_ends_the_whole_group_also_what_ignores_sigterm(site):
    lease = site.run("trap '' TERM; sleep 60 & (sleep 61; echo) & echo ready; wait; sleep 60")
    pid = site.wait_started(lease).pid
    eventually(lambda: site.read(lease) == "ready\n")
    assert len(in_group(pid)) >= 3
    site.launcher.stop([lease], cause="cancelled", grace_sec=0.3)
    site.launcher.stop([lease], cause="stale", grace_sec=60)
    row = site.wait_ended(lease)
    assert (row.code, row.cause) == (-signal.SIGKILL, "cancelled")
    eventually(lambda: in_group(pid) == [])


def test_a_stopped_process_can_still_be_ended(site):
    lease = site.run("sleep 60")
    os.kill(site.wait_started(lease).pid, signal.SIGSTOP)
    site.launcher.stop([lease], cause="cancelled", grace_sec=30)
    assert site.wait_ended(lease).code == -signal.SIGTERM


def test_a_job_leaves_nothing_running_behind(site):
    row = site.wait_ended(site.run("sleep 60 & sleep 61 & exit 0"))
    assert row.code == 0
    eventually(lambda: in_group(site.started[row.lease].pid) == [])


def test_queued_work_can_be_cancelled_before_it_starts(site):
    first = [site.run("sleep 60") for _ in range(2)]
    queued = site.run("echo never")
    site.wait_started(first[1])
    site.launcher.stop([queued], cause="cancelled", grace_sec=5)
    row = site.wait_ended(queued)
    assert (row.code, row.cause, row.started) == (None, "cancelled", False)
    assert not (site.path / f"data/w/{queued.job_id}").exists()


def test_a_new_agent_gets_what_the_old_one_missed(site, tmp_path):
    known = site.run("exit 4")
    site.wait_ended(known)
    site.launcher.ack(site.cursor)
    running = site.run(when_open(tmp_path / "gate", 7))
    site.wait_started(running)
    missed = site.run("echo $$ > pid; exit 5")
    queued = [site.run("sleep 60") for _ in range(3)]
    file = site.path / f"data/w/{missed.job_id}/pid"
    ended = [site.started[running].pid, int(eventually(lambda: file.exists() and file.read_text().strip()))]
    pid = site.pid
    site.drop()
    (tmp_path / "gate").touch()
    eventually(lambda: all(map(gone, ended)))
    opened = site.connect()
    assert site.pid == pid
    assert {row.lease for row in opened.running} <= set(queued)
    assert site.wait_ended(missed).code == 5
    assert site.wait_ended(running).code == 7
    assert known not in site.ended
    time.sleep(0.2)
    site.poll()
    assert len(set(queued) & set(site.started)) < 3, "work that nobody renews was started"


def test_exit_codes_survive_a_kill_of_the_launcher(site, tmp_path):
    leases = {site.run(when_open(tmp_path / "gate", code)): code for code in (0, 9)}
    for lease in leases:
        site.wait_started(lease)
    site.cursor = ""
    old = site.pid
    os.kill(old, signal.SIGKILL)
    site.drop()
    eventually(lambda: gone(old) or not alive(old))
    opened = site.connect()
    assert site.pid != old
    assert {row.lease for row in opened.running} == set(leases)
    third = site.run("exit 1")
    (tmp_path / "gate").touch()
    for lease, code in leases.items():
        row = site.wait_ended(lease)
        assert (row.code, row.cause) == (code, "exit")
    assert site.wait_ended(third).at >= min(site.ended[lease].at for lease in leases), "adopted jobs hold their cores"


def test_a_process_that_ended_while_nobody_watched_is_lost(site):
    lease = site.run("sleep 60")
    pid = site.wait_started(lease).pid
    os.kill(site.pid, signal.SIGKILL)
    site.drop()
    os.killpg(pid, signal.SIGKILL)
    eventually(lambda: gone(pid))
    site.connect()
    row = site.wait_ended(lease)
    assert (row.code, row.cause) == (None, "lost")


def test_a_process_that_was_never_written_down_is_found_by_its_environment(site, tmp_path):
    lease = site.run(when_open(tmp_path / "gate", 6))
    site.wait_started(lease)
    os.kill(site.pid, signal.SIGKILL)
    site.drop()
    (site.path / "state/launcher.journal").unlink()
    opened = site.connect()
    assert [(row.lease, row.workdir) for row in opened.running] == [(lease, f"w/{lease.job_id}")]
    (tmp_path / "gate").touch()
    assert site.wait_ended(lease).code == 6


def test_adopted_processes_can_be_stopped(site):
    lease = site.run("sleep 60 & sleep 61")
    pid = site.wait_started(lease).pid
    os.kill(site.pid, signal.SIGKILL)
    site.drop()
    site.connect()
    site.launcher.stop([lease], cause="cancelled", grace_sec=5)
    assert site.wait_ended(lease).cause == "cancelled"
    eventually(lambda: in_group(pid) == [])


def test_it_does_not_end_while_something_runs(site, tmp_path):
    lease = site.run(when_open(tmp_path / "gate", 0))
    site.wait_started(lease)
    pid = site.pid
    site.launcher.close(end=True)
    assert alive(pid)
    site.connect()
    (tmp_path / "gate").touch()
    assert site.wait_ended(lease).code == 0
    site.launcher.close(end=True)
    eventually(lambda: not alive(pid))
    site.connect()


def test_a_disk_that_takes_no_workdir_is_named(site):
    long = "x" * 300
    row = site.wait_ended(site.start(["true"], workdir=long))
    assert (row.cause, row.started) == ("system", False)
    assert f"workdir '{long}' cannot be used: File name too long" in row.message


def test_a_program_is_never_taken_from_a_workdir_by_its_bare_name(site):
    site.environment["PATH"] = ":.:w/1:/usr/bin:/bin"
    site.drop()
    site.connect()
    site.wait_ended(site.run("printf '#!/bin/sh\\nexit 9\\n' > evil; chmod +x evil", workdir="w/same"))
    assert site.wait_ended(site.start(["evil"], workdir="w/same")).code == 127
    assert site.wait_ended(site.start(["./evil"], workdir="w/same")).code == 9


def test_a_program_that_moved_is_found_again(site):
    first, second = site.path / "one", site.path / "two"
    for folder in (first, second):
        folder.mkdir()
    site.environment["PATH"] = f"{first}:{second}:/usr/bin:/bin"
    site.drop()
    site.connect()
    (first / "tool").write_text("#!/bin/sh\nexit 3\n")
    (first / "tool").chmod(0o755)
    assert site.wait_ended(site.start(["tool"])).code == 3
    (first / "tool").rename(second / "tool")
    assert site.wait_ended(site.start(["tool"])).code == 3


NAP = """
class Nap(App):
    def run(self, seconds):
        import os, subprocess, time
        child = subprocess.Popen(["sleep", "77"])
        open("pids", "w").write(f"{os.getpid()} {child.pid}")
        time.sleep(seconds)
        child.kill(), child.wait()
        return os.getpid()
"""


def test_a_function_that_takes_too_long_ends_with_its_worker_and_its_children(site):
    app = {"id": 1, "version": 1, "name": "Nap", "source_code": NAP, "parameters": {}}
    sources = Sources(site.path / "state/functions")
    program = sources.program(app, {})

    def call(seconds, **fields):
        function_call = sources.call("run", program, {"id": 1, "parameters": {"seconds": seconds}}, app)
        return site.start(program.argv, call=function_call, **fields)

    site.wait_ended(call(0, wall_sec=60.0))  # its worker is warm now: the time that one takes to start counts as well
    late = call(60, wall_sec=5.0)
    written = site.path / f"data/w/{late.job_id}/pids"
    worker, child = map(int, eventually(lambda: written.exists() and written.read_text()).split())
    ended = site.wait_ended(late)
    assert (ended.cause, ended.stage, ended.outcome) == ("wall_time", "run", None)
    eventually(lambda: not alive(worker) and not alive(child))
    handle = os.open(site.path / "data", os.O_RDONLY | os.O_DIRECTORY)
    entry = OutcomeMapper(handle, site.path / "state/results").outcome(ended)
    os.close(handle)
    assert [move["to"] for move in entry["moves"]] == ["RUN_TIMEOUT"]
    other = site.wait_ended(call(0, wall_sec=30.0))
    assert other.outcome.value != worker


def test_nothing_starts_while_a_folder_is_full_and_what_runs_says_so_at_its_end(site, tmp_path):
    gate = tmp_path / "gate"
    running = site.run(when_open(gate, 3))
    site.wait_started(running)
    site.drop()
    site.connect(min_free_bytes=1 << 60)
    waiting, placed = site.run("true"), site.run("true", place=Place([1]))
    stopped = [site.run("true"), site.run("true", place=Place([0]))]
    site.launcher.stop(stopped, cause="cancelled", grace_sec=0.0)
    for lease in stopped:
        assert not site.wait_ended(lease).started
    gate.touch()
    end = site.wait_ended(running)
    assert (end.cause, end.code) == ("exit", 3)
    assert f"{site.path}/data is full" in end.message
    time.sleep(1.5)
    site.poll()
    assert {waiting, placed}.isdisjoint(site.started)
    assert "nothing starts: " in (site.path / "launcher.log").read_text()
    site.drop()
    site.connect()
    lease = site.run("exit 4")
    end = site.wait_ended(lease)
    assert (end.code, end.message) == (4, "")
