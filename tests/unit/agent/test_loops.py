"""A loop's trouble is counted and backed off, and told to the server once, not at each look."""

import threading

import pytest

from fakes.session_server import SessionServer
from storax.errors import NotFound, ServerDown
from storax_agent.loops.failing_loops import FailingLoops
from storax_agent.mainloop.loop import Loop, LoopHealth
from storax_agent.server.site_api import SiteApi

OLD = {"error": "old", "since": "2026-01-01T00:00:00+00:00"}


@pytest.fixture
def server():
    """It has the Site's row."""
    server = SessionServer()
    server.store.sites[1] = {"id": 1, "failing_loops": {}}
    yield server
    server.close()


@pytest.fixture
def loops():
    return [LoopHealth("pull"), LoopHealth("outlook")]


@pytest.fixture
def patches_after(server, loops):
    """Return a function: it reports after each round, in which the named loops fail, and returns what it sent."""

    api = SiteApi(server.url, "t")

    def run_rounds(*rounds):
        teller = FailingLoops(api, 1, loops, every_sec=1.0)
        for failing in rounds:
            for loop in loops:
                loop.failed(failing[loop.name]) if loop.name in failing else loop.succeeded()
            teller.step()
        return [sorted(patch["failing_loops"]) for patch in server.store.patches]

    yield run_rounds
    api.close()


BAD = {"pull": ValueError("x")}
BOTH = {"pull": ValueError("x"), "outlook": OSError("y")}


@pytest.mark.parametrize(
    ("rounds", "tellings"),
    [
        ([{}, {}, {}], []),
        ([BAD, BAD, BAD, BAD], [["pull"]]),
        ([BAD, {}, BAD, {}, BAD], []),
        ([BAD, BAD, {}, BAD, BAD], [["pull"]]),
        ([BAD, BAD, {}, {}, {}], [["pull"], []]),
        ([BAD, BOTH, BOTH, BAD, BAD], [["pull"], ["outlook", "pull"], ["pull"]]),
        ([{"pull": ServerDown("away")}] * 4, []),
    ],
)
def test_a_change_that_lasts_is_reported_once(patches_after, rounds, tellings):
    assert patches_after(*rounds) == tellings


@pytest.mark.parametrize(("rounds", "tellings"), [([{}, {}], [[]]), ([BAD, BAD], [])])
def test_what_another_agent_left_is_taken_back_or_kept(server, patches_after, rounds, tellings):
    server.store.sites[1]["failing_loops"] = {"pull": OLD}
    assert patches_after(*rounds) == tellings
    assert server.store.sites[1]["failing_loops"] == ({} if tellings else {"pull": OLD})


def test_the_words_and_the_time_are_those_of_the_trouble(server, patches_after):
    patches_after(BAD, BAD)
    failing = server.store.sites[1]["failing_loops"]["pull"]
    assert failing["error"] == "ValueError('x')"
    assert failing["since"].endswith("+00:00")


def test_a_loop_lives_through_any_error_and_counts_it():
    stopping, rounds = threading.Event(), iter([OSError("disk"), NotFound("gone"), ServerDown("away"), None])
    seen = []

    def step():
        seen.append((loop.errors, loop.failing, loop.server_away))
        if error := next(rounds):
            raise error
        stopping.set()
        return 0.0

    loop = Loop("x", step, stopping)
    loop.start()
    assert loop.join(60)
    assert seen == [(0, "", False), (1, "OSError('disk')", False), (2, "gone", False), (3, "away", True)]
    assert (loop.errors, loop.failing, loop.server_away) == (3, "", False)
