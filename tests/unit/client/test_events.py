"""Server-sent events are read whole, however the bytes are cut."""

import random

import pytest

from storax._runtime.server_sent_events import ServerEvent, parse

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
