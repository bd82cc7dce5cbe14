"""What a spawner makes of the processes of one that was killed: each start is known, and none is made twice."""

import os
import select
import subprocess
import sys

import pytest

from storax_agent.launch.process_identity import start_time_of
from storax_agent.launch.protocol.messages import Events, Hello, Running
from storax_agent.launch.protocol.versions import read_record
from storax_agent.launch.spawner.adoption import adopt
from storax_agent.launch.spawner.jobs import Jobs
from storax_agent.launch.spawner.journal import Journal
from storax_agent.launch.spawner.recorder import Recorder
from storax_agent.launch.work import Lease, Place, Started, Work
from waiting import eventually

LEASE = Lease(7, 2, 1)


def intended(**fields: object) -> Started:
    return Started(
        **{
            "lease": LEASE,
            "at": 5.0,
            "pid": 0,
            "start_time": 1.0,
            "workdir": "w",
            "place": Place([1]),
            "wall_sec": 60.0,
            **fields,
        }
    )  # type: ignore[arg-type]


@pytest.fixture
def folders(tmp_path):
    for name in ("state", "state/results", "data", "data/w"):
        (tmp_path / name).mkdir()
    return tmp_path


def adopted(folders) -> tuple[Jobs, list[Events]]:
    """The jobs of the next spawner, and what it tells the agent."""
    sent: list[Events] = []
    state, data = folders / "state", folders / "data"
    journal = Journal(state / "launcher.journal")
    recorder = Recorder(journal, lambda events, _line: sent.append(events))
    jobs = Jobs(select.epoll(), state, data, recorder)
    adopt(jobs, journal, recorder, state=state, data=data)
    return jobs, sent


def test_a_start_is_in_the_journal_before_the_process_can_be(folders):
    state = folders / "state"
    jobs = Jobs(select.epoll(), state, folders / "data", Recorder(Journal(state / "launcher.journal"), lambda *_: None))
    jobs.configure(Hello("", {}, 2, 0))
    jobs.submit([Work(LEASE, ["/bin/cp", str(state / "launcher.journal"), "seen"], {}, "w")])
    jobs.turn()
    eventually((folders / "data/w/seen").exists)
    os.waitid(os.P_PID, jobs.watch.running[0].pid, os.WEXITED | os.WNOWAIT)
    records = [read_record(line) for line in (folders / "data/w/seen").read_bytes().splitlines()]
    (announced,) = (s for r in records if isinstance(r, Running) for s in r.started)
    assert (announced.lease, announced.pid) == (LEASE, 0)


def test_a_process_that_may_have_run_unrecorded_is_a_started_and_lost_one(folders):
    Journal(folders / "state/launcher.journal").announce(intended())
    jobs, sent = adopted(folders)
    ((events,), running) = sent, jobs.watch.running
    assert ([s.lease for s in events.started], [(e.lease, e.cause, e.started) for e in events.ended]) == (
        [LEASE],
        [(LEASE, "lost", True)],
    )
    assert list(running) == []
    assert adopted(folders)[1] == [], "it is reported by the journal from here on"


def test_a_process_that_runs_unrecorded_has_the_place_and_wall_time_that_were_meant_for_it(folders):
    mark = {"STORAX_LAUNCHER": str(folders / "state"), "STORAX_RESULT_FILE": "/x/7.2.1.json"}
    Journal(folders / "state/launcher.journal").announce(intended())
    with subprocess.Popen(["/bin/sleep", "60"], env=mark, start_new_session=True, cwd=folders / "data/w") as process:
        try:
            jobs, sent = adopted(folders)
            (started,) = sent[0].started
            assert (started.pid, started.start_time) == (process.pid, start_time_of(process.pid))
            assert (started.place, started.wall_sec, started.workdir) == (Place([1]), 60.0, "w")
            assert LEASE in jobs.watch
            assert sent[0].ended == []
        finally:
            process.kill()


def test_what_was_recorded_after_it_was_announced_is_watched_once(folders):
    journal = Journal(folders / "state/launcher.journal")
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True) as process:
        try:
            journal.announce(intended())
            started = intended(pid=process.pid, start_time=start_time_of(process.pid))
            journal.append([started], [])
            os.close(journal._fd)
            jobs, sent = adopted(folders)
            assert list(jobs.watch.running) == [started]
            assert sent == []
        finally:
            process.kill()
