"""Reports that the server cannot take now: they hold up nothing for ever, and what arrived is remembered as arrived."""

from contextlib import suppress
from types import SimpleNamespace

import pytest

from storax.errors import StoraxError
from storax_agent.files.set_aside import SetAside
from storax_agent.loops.report import FAULT_ROUNDS, Report
from storax_agent.mainloop.load_window import ReportTrigger
from storax_agent.mainloop.outbox import Outbox, OutboxReader
from storax_agent.server.site_api import Answer


class Server:
    """It answers 500 to a report with a job of ``bad``; others make an event, the first time."""

    def __init__(self):
        self.bad, self.position, self.taken = set(), 0, []

    def report(self, session, entries, *, key):
        ids = [entry["id"] for entry in entries]
        if self.bad & {*ids}:
            raise StoraxError("not this one", status=500)
        new = [job for job in ids if job not in self.taken]
        self.taken += new
        self.position += len(new)
        return Answer(ids, [], [], self.position if new else 0)


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def box(tmp_path):
    return Outbox(tmp_path / "outbox.sqlite")


@pytest.fixture
def round_of(tmp_path, server, box):
    """Return a function: it stores what a job gave back, has one round of the loop, and returns what was answered."""
    trigger, answers = ReportTrigger(), []
    set_aside = SetAside(tmp_path / "set-aside")
    reader = OutboxReader(box.path, set_aside)
    keeper = SimpleNamespace(ensure=lambda: 1)
    loop = Report(server, keeper, trigger, reader, set_aside, lambda *answered: answers.append(answered))

    def run(*jobs):
        if jobs:
            box.append([{"id": job, "lease_epoch": 1, "attempt": 0, "moves": [], "release": "x"} for job in jobs])
        trigger.add(1, final=True)
        answers.clear()
        with suppress(StoraxError):
            loop.step()
        return [*answers]

    return run


def test_new_reports_that_the_server_cannot_take_hold_up_the_answers_of_the_others_for_some_rounds_only(
    server, round_of
):
    server.bad = {*range(100, 1000)}
    answered = round_of(1, 100)
    rounds = 1
    while not answered:
        answered = round_of(rounds + 1, rounds + 100)  # with each round another one, and one that is fine
        rounds += 1
        assert rounds <= 3 * FAULT_ROUNDS, "each of them joins the others, and all wait for the newest"
    batch, answer = answered[0]
    assert {1, 100} <= {entry["id"] for entry in batch.entries}
    assert {*answer.accepted} | {row["id"] for row in answer.refused} == {entry["id"] for entry in batch.entries}


def test_what_arrived_while_another_report_had_to_wait_is_kept_for_a_server_that_loses_it(server, round_of):
    server.bad = {2}
    answered = round_of(1, 2)
    for _ in range(FAULT_ROUNDS):
        answered = answered or round_of()
    ((_, answer),) = answered
    assert (answer.accepted, [row["id"] for row in answer.refused]) == ([1], [2])
    assert answer.position == 1, "a position of 0 says that nothing of it is in the server's log"
