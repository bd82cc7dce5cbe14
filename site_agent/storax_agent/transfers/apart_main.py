"""Compatibility: an entry point of the previous release, whose agents start the transfer helper by this name.

It speaks the messages of that release. Such an agent may run on while this release is installed in its place.
"""

import json
from typing import Any

import msgspec

from storax_agent.transfers.base import Item, Moved
from storax_agent.transfers.separate_process.main import main
from storax_agent.transfers.separate_process.messages import (
    Check,
    Checked,
    Configure,
    Crashed,
    Failed,
    Finished,
    Move,
    Progress,
    Reply,
    Request,
    StopMoving,
)


def decode_request(line: bytes) -> Request:
    """What an agent of the release before says."""
    match json.loads(line):
        case {"stop": _}:
            return StopMoving()
        case {"call": "check"}:
            return Check()
        case {"call": call, "items": items}:
            return Move(call, [Item(*item) for item in items])
        case configuration:
            return msgspec.convert(configuration, Configure)


def encode(reply: Reply) -> bytes:
    """What such an agent reads."""
    match reply:
        case Progress(moved):
            record: dict[str, Any] = {"tell": [_row(one) for one in moved]}
        case Finished(moved):
            record = {"moved": [_row(one) for one in moved]}
        case Checked(message):
            record = {"words": message}
        case Failed(error, again):
            record = {"error": error, "again": again}
        case Crashed(error):
            record = {"crash": error}
    return json.dumps(record).encode() + b"\n"


def _row(moved: Moved) -> list[Any]:
    return [moved.id, moved.state, moved.info, moved.task_id]


if __name__ == "__main__":
    main(decode_request, encode)
