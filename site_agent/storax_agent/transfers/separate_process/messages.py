"""What the agent and a transfer helper say to each other: lines of JSON with a type.

The agent starts the helper, so both are of one release, and the messages have no version.
"""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from storax_agent.launch.protocol.messages import ProtocolError, decode
from storax_agent.launch.protocol.stream import encode_line
from storax_agent.transfers.base import Item, Moved


class Configure(Struct, frozen=True, tag="configure"):
    """The first message: the location as ``site.toml`` has it, and folders; ``part_bytes`` is the size of a part of
    what goes out."""

    place: dict[str, Any]
    data: str
    scratch: str
    part_bytes: int


class Move(Struct, frozen=True, tag="move"):
    """Perform ``submit`` or ``statuses`` of the service."""

    call: Literal["submit", "statuses"]
    items: Sequence[Item]


class Check(Struct, frozen=True, tag="check"):
    """Perform ``check`` of the service."""


class StopMoving(Struct, frozen=True, tag="stop"):
    """Nobody wants the batch any more."""


Request = Configure | Move | Check | StopMoving


class Progress(Struct, frozen=True, tag="progress"):
    """News of items under way."""

    moved: Sequence[Moved]


class Finished(Struct, frozen=True, tag="finished"):
    """The answer to ``Move``."""

    moved: Sequence[Moved]


class Checked(Struct, frozen=True, tag="checked"):
    """The answer to ``Check``."""

    message: str


class Failed(Struct, frozen=True, tag="failed"):
    """The service raised ``TransferError``, or with ``again`` ``TryAgainError``."""

    error: str
    again: bool


class Crashed(Struct, frozen=True, tag="crashed"):
    """The service raised anything else."""

    error: str


Reply = Progress | Finished | Checked | Failed | Crashed

_REQUESTS = msgspec.json.Decoder(Request)
_REPLIES = msgspec.json.Decoder(Reply)


def encode(message: Request | Reply) -> bytes:
    """One line, with its end."""
    return encode_line(message)


def decode_request(line: bytes) -> Request:
    """What the agent says. Raises ``ProtocolError``."""
    message: Request = _decode(_REQUESTS, line)
    return message


def decode_reply(line: bytes) -> Reply:
    """What the helper says. Raises ``ProtocolError``."""
    message: Reply = _decode(_REPLIES, line)
    return message


def _decode(decoder: "msgspec.json.Decoder[Any]", line: bytes) -> Any:
    message = decode(decoder, line)
    if message is None:
        raise ProtocolError(f"{line[:200]!r} is no message of a transfer helper: it has no type")
    return message
