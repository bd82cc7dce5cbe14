"""What a site of the previous release has left is taken over: its spawner, its jobs, its files, its scripts."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from itertools import count
from pathlib import Path

import pytest

from fakes.processes import alive
from storax_agent.files.locks import holder
from storax_agent.files.set_aside import SetAside
from storax_agent.launch.base import LauncherVersionError
from storax_agent.launch.local import LocalLauncher
from storax_agent.launch.nodes.bridge import private_folder
from storax_agent.launch.protocol import messages
from storax_agent.launch.spawner.agent_link import connect
from storax_agent.launch.spawner.start import NodeResources
from storax_agent.launch.work import Lease, Returned, Work
from storax_agent.mainloop.outbox import Outbox, OutboxReader, OutboxVersionError
from storax_agent.prepare.functions.sources import Sources
from waiting import eventually

FIXTURES = Path(__file__).with_name("fixtures")
LAUNCHERS = FIXTURES / "launchers_of_the_previous_release.zip"
OUTBOX = FIXTURES / "outbox_of_the_previous_release.sqlite"
OLD_AGENT = """
import json, sys, time
from pathlib import Path
from storax_agent.launchers.base import Lease, Work
from storax_agent.launchers.local import LocalLauncher
from storax_agent.launchers.starting import Machine

site, scripts, ends = Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3])
environment = {"PATH": "/usr/bin:/bin"}
launcher = LocalLauncher(Machine(site / "state", site / "data", site / "launcher.log", 4, 0, environment))
opened = launcher.open("")
works = [Work(Lease(n, 1, 1), ["/bin/sh", "-c", text], {"STORAX_RESULT_FILE": f"{site}/state/results/{n}.1.1.json"},
              f"w/{n}") for n, text in scripts.items()]
launcher.start([work._replace(lease=Lease(int(work.lease.job_id), 1, 1)) for work in works])
started, ended = {row.lease.job_id: row.pid for row in opened.running}, {}
while len(started) < len(scripts) + len(opened.running) or len(ended) < ends:
    events = launcher.poll()
    started.update((row.lease.job_id, row.pid) for row in events.started)
    ended.update((row.lease.job_id, row.code) for row in events.ended)
    time.sleep(0.01)
print(json.dumps({"running": [row.lease.job_id for row in opened.running], "started": started, "ended": ended}))
"""


class Site:
    """The folder of a site, the launcher of this release once ``open`` was called, and what it has reported."""

    def __init__(self, path):
        self.path = path
        for name in ("state/results", "data"):
            (path / name).mkdir(parents=True)
        self._serial = count(100)
        self.launcher, self.ended = None, {}

    def old_agent(self, scripts, *, ends=0):
        """Have an agent of the previous release start these, and be killed after so many have ended."""
        environment = {**os.environ, "PYTHONPATH": str(LAUNCHERS)}
        argv = [sys.executable, "-P", "-c", OLD_AGENT, str(self.path), json.dumps(scripts), str(ends)]
        return json.loads(subprocess.run(argv, env=environment, stdout=-1, check=True, timeout=120).stdout)

    def open(self):
        """Running jobs, as the next agent of this release sees them."""
        self.close()
        machine = NodeResources(
            self.path / "state", self.path / "data", self.path / "launcher.log", 4, 0, {"PATH": "/usr/bin:/bin"}
        )
        self.launcher = LocalLauncher(machine)
        return [started.lease.job_id for started in self.launcher.open("").running]

    def close(self):
        if self.launcher is not None:
            self.launcher._disconnect()

    def start(self, argv, **fields):
        lease = Lease(next(self._serial), 1, 1)
        environment = {"STORAX_RESULT_FILE": f"{self.path}/state/results/{lease.name}.json"}
        self.launcher.start([Work(lease, argv, environment, f"w/{lease.job_id}", **fields)])
        return lease.job_id

    def end_of(self, job):
        def poll():
            events = self.launcher.poll()
            self.ended.update((row.lease.job_id, row) for row in events.ended)
            if events.cursor:
                self.launcher.ack(events.cursor)
            return self.ended.get(job)

        return eventually(poll)

    @property
    def spawner(self):
        return holder(self.path / "state/launcher.lock")

    def go(self):
        (self.path / "go").touch()

    @property
    def waits(self):
        """A job that ends with code 7 once ``go`` was called."""
        return f"while ! [ -e {self.path}/go ]; do sleep 0.02; done; exit 7"


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path / "site")
    yield site
    site.go()
    site.close()
    if (pid := site.spawner) is not None:
        os.kill(pid, signal.SIGKILL)


def test_its_running_spawner_is_taken_over_with_its_jobs(site):
    reported = site.old_agent({"1": site.waits, "2": "exit 3"}, ends=1)
    pid = site.spawner
    assert reported["ended"] == {"2": 3}
    assert site.open() == [1]
    assert site.end_of(2).code == 3, "an end that the old agent never acknowledged"
    assert site.end_of(site.start(["/bin/sh", "-c", "exit 4"])).code == 4
    stopped = site.start(["sleep", "60"])
    site.launcher.stop([Lease(stopped, 1, 1)], cause="cancelled", grace_sec=0.2)
    assert site.end_of(stopped).cause == "cancelled"
    site.go()
    assert site.end_of(1).code == 7
    assert site.spawner == pid, "it was replaced"
    site.launcher.close(end=True)
    eventually(lambda: not alive(pid))


def test_its_killed_spawners_journal_is_read(site):
    reported = site.old_agent({"1": site.waits, "2": "exit 3"}, ends=1)
    os.kill(site.spawner, signal.SIGKILL)
    eventually(lambda: site.spawner is None)
    assert site.open() == [1]
    assert alive(reported["started"]["1"])
    assert site.end_of(2).code == 3
    site.go()
    assert site.end_of(1).cause in ("exit", "lost"), "before Linux 6.15 nobody can tell the exit code of an adopted job"


def test_an_agent_of_it_is_served_by_a_spawner_of_this_release(site):
    assert site.open() == []
    first = site.start(["/bin/sh", "-c", site.waits])
    eventually(lambda: site.launcher.poll().started)
    site.launcher._disconnect()
    reported = site.old_agent({"1": "exit 5", "2": site.waits}, ends=1)
    assert (reported["running"], reported["ended"]) == ([first], {"1": 5})
    assert sorted(site.open()) == [2, first]
    site.go()
    assert [site.end_of(job).code for job in (2, first)] == [7, 7]


@pytest.mark.parametrize("old_path", [False, True])
def test_its_spawner_runs_functions_by_the_worker_of_this_release(site, old_path):
    """Also by the path that an agent of the previous release gives."""
    site.old_agent({"1": site.waits})
    site.open()
    sources = Sources(site.path / "state/functions")
    source = "class A:\n    def run(self, n):\n        if n < 0: raise ValueError('below')\n        return n + 1\n"
    app = {"id": 1, "version": 1, "source_code": source}
    program = sources.program(app, {})
    argv = program.argv
    if old_path:
        argv = [word.replace("/prepare/functions/", "/functions/") for word in argv]
        assert argv != program.argv
    calls = [sources.call("run", program, {"id": 9, "parameters": {"n": n}}, app) for n in (1, -1)]
    good, bad = (site.end_of(site.start(argv, call=call)) for call in calls)
    assert (good.cause, good.outcome) == ("exit", Returned(2))
    assert (bad.outcome.exception, bad.outcome.message, bad.outcome.exit_code) == ("ValueError", "below", 1)


def test_its_outbox_is_read_and_a_newer_one_refused(tmp_path):
    path = tmp_path / "outbox.sqlite"
    shutil.copy(OUTBOX, path)
    outbox = Outbox(path)
    assert (outbox.note("session"), outbox.note("cursor")) == ("5", "0123456789abcdef:42")
    first, second = OutboxReader(path, SetAside(path.with_name("set-aside"))).take(10).entries
    assert ([move["to"] for move in first["moves"]], first["patch"]["return_value"]) == (
        ["RUNNING", "RUN_DONE"], {"a": [1, None]},
    )  # fmt: skip
    assert (second["id"], second["moves"], second["release"][:14]) == (8, [], "its 90 minutes")
    outbox._db.execute("PRAGMA user_version = 2")
    outbox.close()
    with pytest.raises(OutboxVersionError, match="version 2, and this Storax knows 0 to 1"):
        Outbox(path)


def test_a_spawner_of_a_later_release_is_refused_at_once_with_the_way_out(site, monkeypatch):
    """A listener stands in for it: there is no later release yet."""
    monkeypatch.chdir(site.path / "state")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind("launcher.sock")
        listener.listen()

        def refuse():
            connection, _ = listener.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(b'{"type":"refusal","versions":[3,4]}\n')

        thread = threading.Thread(target=refuse)
        thread.start()
        with pytest.raises(LauncherVersionError, match=r"speaks versions \[3, 4\].*site stop --kill"):
            site.open()
        thread.join()


def test_an_agent_of_a_later_release_is_refused_and_the_jobs_run_on(site):
    site.open()
    site.start(["/bin/sh", "-c", site.waits])
    eventually(lambda: site.launcher.poll().started)
    hello = site.launcher._machine.hello("")
    hello.versions = (8, 9)
    with connect(site.path / "state") as agent, agent.makefile("rb") as lines:
        agent.sendall(messages.encode(hello))
        assert messages.decode_reply(lines.readline()) == messages.Refusal([1, 2])
        agent.sendall(b'{"type":"something","new":1}\n')
        assert lines.read() == b"", "what is no message ends the conversation, not the spawner"
    assert len(site.open()) == 1


def run_module(name, *arguments):
    argv = [sys.executable, "-P", "-m", name, *map(str, arguments)]
    return subprocess.run(argv, capture_output=True, timeout=120)


def test_programs_start_by_their_names_of_the_previous_release(site):
    site.open()
    again = run_module("storax_agent.launchers.spawner", site.path / "state", site.path / "data")
    assert again.returncode == 3, "another spawner holds the folder"
    where = [site.path / "state", site.path / "data", site.path / "launcher.log"]
    hello = messages.encode(site.launcher._machine.hello("")) + b'{"end":true}\n'
    bridge = subprocess.Popen(
        [sys.executable, "-P", "-m", "storax_agent.launchers.bridge", "n1", *map(str, where)], stdin=-1, stdout=-1
    )
    bridge.stdin.write(hello)
    bridge.stdin.flush()
    assert messages.decode_reply(bridge.stdout.readline()).version == messages.VERSION
    bridge.communicate(timeout=60)
    eventually(lambda: holder(private_folder("n1", str(where[0])) / "launcher.lock") is None)


def test_a_transfer_helper_starts_by_its_name_of_the_previous_release(tmp_path):
    place = {"url": "s3://bucket/", "endpoint_url": "http://127.0.0.1:1"}
    hello = {"place": place, "data": str(tmp_path), "scratch": str(tmp_path), "part_bytes": 1 << 20}
    ours, theirs = socket.socketpair()
    with subprocess.Popen([sys.executable, "-P", "-m", "storax_agent.transfers.apart_main"], stdin=theirs) as helper:
        theirs.close()
        item = [1, "in", "far", "/x", "job", "x", False, None]
        ours.sendall(
            b"".join(json.dumps(line).encode() + b"\n" for line in (hello, {"call": "submit", "items": [item]}))
        )
        with ours, ours.makefile("rb") as lines:
            answer = json.loads(lines.readline())
        assert set(answer) in ({"moved"}, {"error", "again"}), answer
        assert helper.wait(60) == 0
