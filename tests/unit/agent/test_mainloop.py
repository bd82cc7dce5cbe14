"""The main loop's order of things: stored before acknowledged, answered before forgotten, nothing started twice."""

import os
import sqlite3

import pytest
from msgspec.structs import replace

from fakes.launcher import StubLauncher
from storax_agent.launch.work import Lease
from storax_agent.mainloop.agent import Agent
from storax_agent.mainloop.outbox import Batch, Outbox
from storax_agent.mainloop.outcomes import OutcomeMapper
from storax_agent.prepare.job import Preparer
from storax_agent.server.site_api import Acquired, Answer

APP = {"id": 7, "name": "a", "version": 1, "command_template": "true", "parameters": {}, "environment": {}}


def job(number, epoch=1, **fields):
    return {
        "id": number,
        "app_id": 7,
        "lease_epoch": epoch,
        "attempt": 0,
        "workdir": f"w/{number}",
        "state": "PREPROCESSED",
        **fields,
    }


class Bench:
    """An agent with a stub for its launcher."""

    def __init__(self, path, **sizes):
        (path / "results").mkdir(exist_ok=True)
        self.path = path
        self.launcher = StubLauncher()
        self.start(**sizes)

    def start(self, *, cores=2, prefetch=100):
        self.outbox = Outbox(self.path / "outbox.sqlite")
        outcomes = OutcomeMapper(os.open(self.path, os.O_RDONLY | os.O_DIRECTORY), self.path / "results")
        preparer = Preparer(self.path / "results", cores)
        self.agent = Agent(self.launcher, self.outbox, preparer, outcomes, cores=cores, prefetch=prefetch, grace_sec=1)
        self.agent.open()
        self.agent.reports.recall()
        self.agent.tick()

    def take(self, *jobs, session=1):
        self.agent.post(self.agent.take, session, Acquired(list(jobs), [APP], []))
        self.agent.tick()

    def answer(self, *refused):
        entries = self.stored()
        answer = Answer([], [{"id": number, "code": "stale_epoch"} for number in refused], [])
        self.agent.post(self.agent.answered, Batch(0, self.outbox.seq, entries), answer)
        self.agent.tick()

    def stored(self):
        return self.outbox.unanswered()

    def moves(self):
        return [(entry["id"], [move["to"] for move in entry["moves"]]) for entry in self.stored()]


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_a_start_and_an_end_of_one_tick_are_one_entry(bench):
    bench.take(job(1))
    (work,) = bench.launcher.works
    bench.launcher.say(bench.launcher.start_of(work), bench.launcher.end_of(work))
    bench.agent.tick()
    assert bench.moves() == [(1, ["RUNNING", "RUN_DONE"])]
    assert not bench.agent.settled
    bench.answer()
    assert bench.moves() == []
    assert bench.agent.settled


def test_an_event_is_acknowledged_after_it_is_stored(bench, monkeypatch):
    bench.take(job(1))
    (work,) = bench.launcher.works
    bench.launcher.say(bench.launcher.start_of(work))

    def full(*_args, **_kwargs):
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(bench.outbox, "_store", full)
        bench.agent.tick()
        assert bench.launcher.acked == 0
        assert bench.agent.errors.failing.endswith("cannot be written: database or disk is full")
        assert bench.agent.demand.wait(0) == 0, "what is leased now could not be reported either"
        bench.launcher.say(bench.launcher.end_of(work))
        bench.agent.tick()
        assert bench.agent.unknown([(1, 1)]) == []
    bench.agent.tick()
    assert bench.moves() == [(1, ["RUNNING", "RUN_DONE"])]
    assert bench.launcher.acked == 2
    assert bench.agent.errors.failing == ""
    assert bench.agent.demand.wait(0) > 0


def test_a_lost_launcher_gets_again_what_never_started_and_what_was_to_stop(bench):
    bench.take(job(1), job(2))
    first, second = bench.launcher.works
    bench.launcher.say(bench.launcher.start_of(first))
    bench.agent.tick()
    bench.launcher.lost = True
    bench.agent.post(bench.agent.cancel, [{"id": 1, "lease_epoch": 1}])
    bench.launcher.running = [bench.launcher.start_of(first)]
    bench.agent.tick()
    assert bench.launcher.opens == ["", "1"]
    assert bench.launcher.works == [first, second, second]
    assert bench.launcher.stops == [(first.lease, "cancelled")]


def test_a_new_agent_takes_up_what_runs_and_what_was_not_answered(bench):
    bench.take(job(1), job(2))
    first, second = bench.launcher.works
    bench.launcher.say(bench.launcher.start_of(first), bench.launcher.start_of(second), bench.launcher.end_of(second))
    bench.agent.tick()
    bench.agent.post(bench.agent.reports.note, "session", "9")
    bench.agent.tick()
    bench.launcher.running = [bench.launcher.start_of(first)]
    bench.start()
    assert bench.launcher.works == [first, second]
    assert bench.agent.unknown([(1, 1), (2, 1), (3, 1)]) == [(3, 1)]
    assert bench.agent.leases.of_session(9) == [first.lease]
    assert bench.agent.report_trigger.wait(60)
    bench.answer()
    assert bench.agent.unknown([(1, 1), (2, 1)]) == [(2, 1)]


def test_a_refused_report_stops_what_still_runs(bench):
    bench.take(job(1), job(2))
    bench.launcher.say(*(bench.launcher.start_of(work) for work in bench.launcher.works))
    bench.agent.tick()
    bench.answer(2)
    assert bench.launcher.stops == [(Lease(2, 1, 1), "stale")]


def test_a_lost_session_stops_its_own_jobs_alone(bench):
    bench.take(job(1), session=1)
    bench.take(job(2), session=2)
    bench.agent.post(bench.agent.session_lost, 1)
    bench.agent.tick()
    assert bench.launcher.stops == [(Lease(1, 1, 1), "stale")]


def test_the_same_lease_is_never_started_twice(bench):
    bench.take(job(1), job(1))
    bench.take(job(1))
    (work,) = bench.launcher.works
    bench.launcher.say(bench.launcher.end_of(work))
    bench.agent.tick()
    bench.take(job(1))
    assert len(bench.launcher.works) == 1
    bench.take(job(1, epoch=2))
    assert len(bench.launcher.works) == 2


def test_what_is_to_be_cancelled_never_starts(bench):
    bench.take(job(1, cancel_requested=True))
    assert bench.launcher.works == []
    assert bench.moves() == [(1, ["CANCELLED"])]


def test_a_running_job_that_nobody_runs_is_given_back_and_an_unstarted_one_started(bench):
    rows = [job(1, state="RUNNING", attempt=1), job(2)]
    bench.agent.post(bench.agent.take_back, 1, rows, [APP])
    bench.agent.tick()
    assert bench.moves() == [(1, ["RUN_TIMEOUT"])]
    assert bench.stored()[0]["moves"][0]["data"]["lease_lost"] is True
    assert [work.lease.job_id for work in bench.launcher.works] == [2]


def test_more_is_asked_for_as_more_ends(bench):
    agent = bench.agent
    assert agent.demand.wait(0) == 2
    bench.take(job(1), job(2))
    assert agent.demand.wait(0) == 0
    assert agent.not_polling
    for work in list(bench.launcher.works):
        bench.launcher.say(bench.launcher.start_of(work), bench.launcher.end_of(work))
    agent.tick()
    assert agent.demand.wait(0) == 4


def test_wide_jobs_count_by_their_cores(tmp_path):
    bench = Bench(tmp_path, cores=4)
    bench.take(job(1, ranks_per_node=3))
    assert bench.agent.demand.wait(0) == 1


def test_at_the_end_nothing_new_is_taken_and_jobs_are_stopped(bench):
    bench.take(job(1))
    bench.agent.drain(stop_jobs=True, grace_sec=0.1, reason="the agent was stopped")
    bench.take(job(2))
    assert [work.lease.job_id for work in bench.launcher.works] == [1]
    assert bench.launcher.stops == [(Lease(1, 1, 1), "stopped")]
    assert bench.agent.demand.wait(0) == 0


def test_an_error_in_a_call_reaches_who_asked_and_not_the_loop(bench):
    import threading

    def fail():
        raise RuntimeError("of a test")

    seen = []

    def ask():
        try:
            bench.agent.ask(fail)
        except RuntimeError as error:
            seen.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    bench.agent.wait(60)
    bench.agent.tick()
    thread.join(60)
    assert seen == ["of a test"]
    bench.take(job(1))
    assert len(bench.launcher.works) == 1


def test_what_a_launcher_gives_back_is_reported_and_not_held_any_more(bench):
    bench.take(job(1))
    (work,) = bench.launcher.works
    bench.launcher.say(replace(bench.launcher.end_of(work, None, "no_time"), started=False, message="too late"))
    bench.agent.tick()
    (entry,) = bench.stored()
    assert (entry["id"], entry["moves"], entry["release"]) == (1, [], "too late")
    assert len(bench.agent.leases) == 0
    assert bench.agent.report_trigger.wait(60)
    bench.answer()
    assert bench.agent.settled
    bench.take(job(1, epoch=2))
    assert len(bench.launcher.works) == 2


def test_a_job_that_cannot_be_prepared_or_started_fails_with_the_reason_and_the_others_start(bench):
    bench.launcher.unable = {3}
    bench.take(job(1), job(2, workdir=None), job(3), job(4))
    assert [work.lease.job_id for work in bench.launcher.works] == [1, 4]
    assert bench.moves() == [(2, ["FAILED"]), (3, ["FAILED"])]
    reasons = [entry["moves"][0]["data"]["message"] for entry in bench.stored()]
    assert "the site agent cannot prepare it" in reasons[0]
    assert reasons[1] == "it cannot be started here: OverflowError('of a test')"
    assert bench.agent.errors.errors == 0
    assert len(bench.agent.leases) == 2


def test_what_was_in_a_damaged_row_waits_for_no_answer_and_is_looked_for_at_once(bench):
    looks = []
    bench.agent.reconcile = lambda: looks.append(True)
    bench.take(job(1))
    (work,) = bench.launcher.works
    bench.launcher.say(bench.launcher.start_of(work), bench.launcher.end_of(work))
    bench.agent.tick()
    assert bench.agent.unknown([(1, 1)]) == []
    bench.agent.post(bench.agent.answered, Batch(0, bench.outbox.seq, [], damaged=1), Answer([], [], []))
    bench.agent.tick()
    assert (bench.agent.unknown([(1, 1)]), looks) == ([(1, 1)], [True])
    assert bench.stored() == []


def test_a_job_whose_report_was_lost_before_its_start_was_known_runs_again_and_one_set_aside_does_not(bench):
    bench.take(job(1), job(2))
    for work in list(bench.launcher.works):
        bench.launcher.say(bench.launcher.start_of(work), bench.launcher.end_of(work))
    bench.agent.tick()
    refused = [{"id": 2, "code": "set_aside"}]
    entries = [entry for entry in bench.stored() if entry["id"] == 2]
    batch = Batch(0, bench.outbox.seq, entries, damaged=1)
    bench.agent.post(bench.agent.answered, batch, Answer([], refused, []))
    bench.agent.tick()
    assert bench.agent.unknown([(1, 1), (2, 1)]) == [(1, 1)]
    bench.agent.post(bench.agent.take_back, 1, [job(1)], [APP])
    bench.agent.tick()
    assert [work.lease.job_id for work in bench.launcher.works] == [1, 2, 1]


@pytest.mark.parametrize("code", [0, 7])
def test_a_run_whose_start_was_lost_with_a_damaged_row_is_reported_with_its_start(bench, code):
    bench.take(job(1))
    (work,) = bench.launcher.works
    bench.launcher.say(bench.launcher.start_of(work, at=1_000_000.0))
    bench.agent.tick()
    batch = Batch(0, bench.outbox.seq, [], damaged=1)
    bench.agent.post(bench.agent.answered, batch, Answer([], [], []))
    bench.agent.tick()
    bench.launcher.say(bench.launcher.end_of(work, code))
    bench.agent.tick()
    ((_, moves),) = bench.moves()
    assert moves == ["RUNNING", "RUN_ERROR" if code else "RUN_DONE"]
    assert bench.stored()[0]["moves"][0]["at"].startswith("1970-01-12"), "the time of the start"


def test_events_that_a_launcher_repeats_add_nothing_to_a_report(bench):
    bench.take(job(1))
    (work,) = bench.launcher.works
    start, end = bench.launcher.start_of(work), bench.launcher.end_of(work)
    bench.launcher.say(start, end, start, end)
    bench.agent.tick()
    assert bench.moves() == [(1, ["RUNNING", "RUN_DONE"])]
