"""The feed's small parts alone: what a subscriber receives when something is missing, and a feeder that stops."""

import asyncio
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from storax._runtime.server_sent_events import parse
from storax_api.events import stream
from storax_api.events.broadcast import BACKLOG, Broadcast, Subscriber
from storax_api.events.stream import EventStream
from storax_core import limits
from storax_core.log.watermark import Published
from storax_core.queries.select import Page, Query
from storax_workers.feeder import Feeder

NOBODY: Any = None


def rows(*positions: int, owner: int = 1) -> list[dict[str, Any]]:
    return [
        {"position": p, "owner_id": owner, "entity": "job", "entity_id": 1, "type": "job.created"} for p in positions
    ]


def received(subscriber: Subscriber) -> list[Any]:
    positions = []
    while not subscriber.inbox.empty():
        events = subscriber.inbox.get_nowait()
        positions.append(None if events is None else [e["position"] for e in events])
    return positions


@pytest.fixture
def broadcast() -> Broadcast:
    return Broadcast(NOBODY, NOBODY)


def test_batches_are_handed_on_in_order(broadcast: Broadcast) -> None:
    with broadcast.subscribe(1) as subscriber:
        broadcast._hand_out(rows(1, 2), 2)
        broadcast._hand_out(rows(5), 5)
        assert received(subscriber) == [[1, 2], [5]]


def test_a_subscriber_receives_no_other_owners_events(broadcast: Broadcast) -> None:
    with broadcast.subscribe(1) as one, broadcast.subscribe(2) as two:
        broadcast._hand_out(rows(1, owner=1) + rows(2, owner=2), 2)
        assert (received(one), received(two)) == ([[1]], [[2]])


def test_a_late_subscriber_knows_the_position_that_it_must_have_read(broadcast: Broadcast) -> None:
    broadcast._hand_out(rows(7), 7)
    with broadcast.subscribe(1) as subscriber:
        assert subscriber.cursor == 7
        broadcast._hand_out(rows(8), 8)
        assert received(subscriber) == [[8]]


def test_a_subscriber_that_is_too_slow_is_sent_to_postgres(broadcast: Broadcast) -> None:
    with broadcast.subscribe(1) as subscriber:
        for n in range(BACKLOG + 1):
            broadcast._hand_out(rows(n + 1), n + 1)
        assert received(subscriber) == [None]
        assert subscriber.cursor == BACKLOG + 1


def test_a_viewer_that_holds_many_bytes_is_sent_to_postgres(broadcast: Broadcast) -> None:
    half = limits.BACKLOG_BYTES // 2
    with broadcast.subscribe(1) as one, broadcast.subscribe(2) as two:
        for position in (1, 2):
            broadcast._hand_out(rows(position), position, half)
        assert received(one) == [[1], [2]]
        broadcast._hand_out(rows(3), 3, half)
        assert (received(one), one.cursor) == ([None], 3)
        assert received(two) == []


def test_events_that_were_dropped_as_they_were_too_large_are_handed_to_nobody(broadcast: Broadcast) -> None:
    with broadcast.subscribe(1) as one, broadcast.subscribe(2) as two, broadcast.subscribe(3) as three:
        broadcast._hand_out(rows(1, owner=1) + rows(2, 3, 4, owner=2), 4, limits.BACKLOG_BYTES + 1)
        assert (received(one), received(two), received(three)) == ([None], [None], [])


def test_a_viewer_that_keeps_up_is_never_sent_back(broadcast: Broadcast) -> None:
    async def run() -> list[Any]:
        with broadcast.subscribe(1) as one:
            taken = []
            broadcast._hand_out(rows(1), 1, limits.BACKLOG_BYTES // 3)
            for position in range(2, 100):  # one always waits
                broadcast._hand_out(rows(position), position, limits.BACKLOG_BYTES // 3)
                taken.append(await one.take())
            return taken

    assert None not in asyncio.run(run())


def test_a_log_that_begins_anew_is_what_subscribers_wait_for(broadcast: Broadcast) -> None:
    """They would wait for ever for a position of a log that is gone."""
    broadcast._hand_out([], 10**9)
    with broadcast.subscribe(1) as subscriber:
        assert subscriber.cursor == 10**9
        broadcast._resync_all(5)
        assert subscriber.cursor == 5


def test_who_subscribes_while_a_batch_is_being_read_goes_back_to_postgres(broadcast: Broadcast) -> None:
    """The batch was asked for without this owner's events."""
    broadcast._hand_out(rows(7), 7)
    with broadcast.subscribe(1) as one, broadcast.subscribe(2) as late:
        broadcast._take(Published(12, 0, rows(9)), {1}, 10)
        assert (received(one), one.cursor) == ([[9]], 7)
        assert (received(late), late.cursor) == ([None], 12)


def test_what_was_archived_before_it_was_read_is_read_by_each_subscriber(broadcast: Broadcast) -> None:
    broadcast._hand_out(rows(7), 7)
    with broadcast.subscribe(1) as subscriber:
        broadcast._take(Published(12, 8, rows(9)), {1}, 10)
        assert (received(subscriber), subscriber.cursor) == ([None], 12)
        broadcast._take(Published(14, 8, rows(13)), {1}, 10)
        assert received(subscriber) == [[13]]


class Script(EventStream):
    """A stream with scripted reads of Postgres: (published position, positions of the page)."""

    def __init__(self, *reads: tuple[int, list[int]]) -> None:
        async def allowed() -> bool:
            return True

        super().__init__(NOBODY, NOBODY, 1, Query(), {}, 0, False, allowed)
        self.reads = list(reads)

    async def _page(self) -> tuple[int, Page]:
        end, positions = self.reads.pop(0)
        rows = [(p, "job.created") for p in positions]
        return end, Page(["position", "type"], rows, None, None)


def positions_in(frames: list[bytes]) -> list[int]:
    """Return the positions of the events in the pieces of a stream."""
    return [int(event.id) for event in parse(frames) if event.data]


def test_a_stream_waits_for_the_published_position_to_reach_its_cursor() -> None:
    """The stream's entry comes a moment before the checkpoint: without the wait that batch would be skipped."""
    script = Script((5, [4, 5]), (5, []), (8, [7, 8]), (9, [9]))

    async def run() -> list[bytes]:
        return [f async for f in script._past(Subscriber(1, cursor=8))]

    assert positions_in(asyncio.run(run())) == [4, 5, 7, 8]
    assert script.at == 8
    assert len(script.reads) == 1


def test_a_stream_waits_for_its_cursor_however_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may say that it lives, but not go on behind what it has not read."""
    clock = count(0.0, 10.0)
    monkeypatch.setattr(stream, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    script = Script(*[(5, [])] * 6, (8, [7, 8]))

    async def run() -> list[bytes]:
        return [f async for f in script._past(Subscriber(1, cursor=8))]

    frames = asyncio.run(asyncio.wait_for(run(), 60))
    assert positions_in(frames) == [7, 8]
    assert b"id: 5\n: beat\n\n" in frames


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
