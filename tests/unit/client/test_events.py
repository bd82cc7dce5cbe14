"""Server-sent events are read whole, however the bytes are cut."""

import random

import httpx
import pytest

from fakes.rest import Script, client_of, problem
from storax import EventLog
from storax._runtime.server_sent_events import ServerEvent, parse
from storax.errors import Restored

TEXT = (
    b': ready\n\nid: 5\nevent: job.state_changed\ndata: {"a": 1}\n\n: beat\n\n'
    b"id: 6\r\nevent: x\r\ndata: one\r\ndata:two\r\n\r\nid: 7\ndata: \xc3\xa4\n\n"
)
EVENTS = [
    ServerEvent("", "", b""),
    ServerEvent("5", "job.state_changed", b'{"a": 1}'),
    ServerEvent("", "", b""),
    ServerEvent("6", "x", b"one\ntwo"),
    ServerEvent("7", "", "ä".encode()),
]


@pytest.mark.parametrize("seed", range(30))
def test_events_come_out_whole_however_they_are_cut(seed):
    dice = random.Random(seed)
    cuts = sorted(dice.sample(range(len(TEXT)), dice.randint(0, 40)))
    chunks = [TEXT[a:b] for a, b in zip([0, *cuts], [*cuts, len(TEXT)], strict=True)]
    assert list(parse(chunks)) == EVENTS


def test_a_truncated_event_is_not_yielded():
    assert list(parse([b"id: 5\ndata: {"])) == []


def test_a_stream_tells_its_reader_of_a_restore_at_the_call_and_in_the_loop():
    """It must not go on by itself: what the reader derived from lost events is wrong now."""
    lost = problem(410, "lost_position", "the event at position 9 is gone", epoch=7, restored_to=5)
    opened = httpx.Response(200, content=b"id: 9\n: ready\n\n")
    script = Script().on("GET", "/events/stream", lost, opened, lost)
    with client_of(script):
        with pytest.raises(Restored) as at_the_call:
            EventLog.objects.stream(after=9)
        events = EventLog.objects.stream(after=9)
        with pytest.raises(Restored) as in_the_loop:
            next(events)
    assert {(e.value.epoch, e.value.restored_to) for e in (at_the_call, in_the_loop)} == {(7, 5)}
    assert events.position == 9
