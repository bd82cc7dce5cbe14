"""A local stack is up once its agent is connected; an agent that cannot connect does not hold it up for ever."""

from itertools import chain, repeat
from pathlib import Path

from storax.local.folder import Folder
from storax.local.stack_plan import _site, connection_check
from storax.local.state import Stack

NOBODY = "http://127.0.0.1:1"


def test_the_agent_is_not_ready_before_it_is_connected(tmp_path: Path) -> None:
    (agent,) = [part for part in _site(Folder(tmp_path), stack=Stack(url=NOBODY)) if part.name == "agent"]
    assert not agent.ready(), "no server answers at that address"


def test_an_agent_that_cannot_connect_counts_as_started_in_the_end(tmp_path) -> None:
    clock = chain([0.0, 29.0, 29.5], repeat(31.0))
    ready = connection_check(Stack(url=NOBODY), lambda: next(clock))
    assert [ready(), ready(), ready()] == [False, False, True]
