"""The feed's small parts alone: what a reader is given when something is missing, and a rest that can be cut short."""

import asyncio
from typing import Any

import orjson
import pytest

from storax_api.events.broadcast import BACKLOG, Broadcast, Reader, Stream
from storax_core.queries.select import Page, Query
from storax_workers.feeder import Feeder

NOBODY: Any = None


def batch(after: int, *positions: int, owner: int = 1) -> bytes:
    events = [{"position": p, "owner_id": owner, "type": "job.created"} for p in positions]
    return orjson.dumps({"after": after, "events": events})


def got(reader: Reader) -> list[Any]:
    found = []
    while not reader.inbox.empty():
        given = reader.inbox.get_nowait()
        found.append(None if given is None else [e["position"] for e in given])
    return found


@pytest.fixture
def broadcast() -> Broadcast:
    return Broadcast(NOBODY, NOBODY)


def test_batches_that_follow_each_other_are_handed_on(broadcast: Broadcast) -> None:
    with broadcast.reader(1) as reader:
        broadcast._hand_out(2, batch(0, 1, 2))
        broadcast._hand_out(5, batch(2, 5))
        assert got(reader) == [[1, 2], [5]]


def test_a_batch_that_does_not_follow_sends_every_reader_to_postgres_first(broadcast: Broadcast) -> None:
    with broadcast.reader(1) as one, broadcast.reader(2) as two:
        broadcast._hand_out(2, batch(0, 1, 2))
        broadcast._hand_out(9, batch(7, 8, 9))
        assert got(one) == [None, [8, 9]]
        assert got(two) == [None]
        assert (one.behind, two.behind) == (7, 7)


def test_nobody_gets_anothers_events(broadcast: Broadcast) -> None:
    with broadcast.reader(1) as one, broadcast.reader(2) as two:
        broadcast._hand_out(1, batch(0, 1, owner=1))
        broadcast._hand_out(2, batch(1, 2, owner=2))
        assert (got(one), got(two)) == ([[1]], [[2]])


def test_a_reader_that_comes_later_knows_what_it_must_have_read(broadcast: Broadcast) -> None:
    broadcast._hand_out(7, batch(0, 7))
    with broadcast.reader(1) as reader:
        assert reader.behind == 7
        broadcast._hand_out(8, batch(7, 8))
        assert got(reader) == [[8]]


def test_a_reader_that_is_too_slow_is_sent_to_postgres_and_up_to_where(broadcast: Broadcast) -> None:
    with broadcast.reader(1) as reader:
        for n in range(BACKLOG + 1):
            broadcast._hand_out(n + 1, batch(n, n + 1))
        assert got(reader) == [None]
        assert reader.behind == BACKLOG + 1


class Script(Stream):
    """A stream whose looks at Postgres are written down: (published position, positions of the page)."""

    def __init__(self, *looks: tuple[int, list[int]]) -> None:
        async def allowed() -> bool:
            return True

        super().__init__(NOBODY, NOBODY, 1, Query(), {}, 0, False, allowed)
        self.looks = list(looks)

    async def _page(self) -> tuple[int, Page]:
        end, positions = self.looks.pop(0)
        rows = [(p, "job.created") for p in positions]
        return end, Page(["position", "type"], rows, None, None)


def test_a_stream_waits_for_the_published_position_to_reach_what_was_handed_out_before_it_came() -> None:
    """The stream's entry comes a moment before the checkpoint: without the wait that batch would be skipped."""
    script = Script((5, [4, 5]), (5, []), (8, [7, 8]), (9, [9]))

    async def run() -> list[bytes]:
        return [f async for f in script._past(Reader(1, behind=8))]

    frames = asyncio.run(run())
    assert [f.split(b"\n")[0] for f in frames] == [b"id: 4", b"id: 5", b"id: 7", b"id: 8"]
    assert script.at == 8
    assert len(script.looks) == 1


@pytest.mark.parametrize("ticks", range(6))
def test_a_feeder_that_is_stopped_just_as_it_is_woken_stops(ticks: int) -> None:
    """Before Python 3.12 asyncio.wait_for swallows a cancellation that comes together with the event."""

    async def run() -> tuple[bool, bool]:
        feeder = Feeder(NOBODY, NOBODY)
        resting = asyncio.create_task(feeder._rest(10))
        await asyncio.sleep(0.01)
        feeder.woken.set()
        for _ in range(ticks):
            await asyncio.sleep(0)
        over = resting.done()
        resting.cancel()
        await asyncio.wait([resting])
        return over, resting.cancelled()

    over, cancelled = asyncio.run(run())
    assert over or cancelled
