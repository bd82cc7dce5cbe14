"""A file name that is not UTF-8 passes between the agent and a transfer helper, in both directions."""

import pytest

from storax_agent.launch.protocol.messages import ProtocolError
from storax_agent.transfers.base import Item, Moved
from storax_agent.transfers.separate_process.messages import (
    Configure,
    Failed,
    Finished,
    Move,
    Progress,
    decode_reply,
    decode_request,
    encode,
)

ODD = b"results-\xff.dat".decode(errors="surrogateescape")


@pytest.mark.parametrize(
    "request_",
    [
        Move("submit", [Item(1, "out", "lab", "/there", "job", ODD, recursive=False)]),
        Configure({"url": "s3://bucket"}, f"/data/{ODD}", "/scratch", 5),
    ],
)
def test_a_request_keeps_the_name(request_):
    assert decode_request(encode(request_)) == request_


@pytest.mark.parametrize(
    "reply",
    [
        Finished([Moved(1, "error", {"error": f"{ODD}: no such file"})]),
        Progress([Moved(1, "active", {"name": ODD})]),
        Failed(f"{ODD}: refused", again=True),
    ],
)
def test_a_reply_keeps_the_name(reply):
    assert decode_reply(encode(reply)) == reply


@pytest.mark.parametrize("line", [b"{}", b"[]", b"{", b'{"type":"unknown"}'])
def test_a_line_that_is_no_message_is_refused(line):
    for decode in (decode_request, decode_reply):
        with pytest.raises(ProtocolError):
            decode(line)
