"""What an agent and its spawner say to each other, and what the spawner's journal holds: lines of JSON with a type.

A spawner outlives agents, so the two may be of different releases. The agent's ``Hello``, whose form is the same in all
versions, lists the versions that the agent writes; the spawner answers in the highest that it knows as well, and names
it in its ``Welcome``. Both read every version, for each line shows its own. Fields may be added to a message without a
new version: a reader leaves out what it does not know.

The structs inside the messages are those of ``launch/work.py``. A change there is a change of the protocol.
"""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from storax_agent.launch.protocol.stream import encode_line
from storax_agent.launch.work import Cause, Ended, Lease, Started, Work

VERSION = 2
VERSIONS = (1, 2)


class ProtocolError(ValueError):
    """A line is no message of a version that this release knows."""


class Hello(Struct, rename={"memory_mb": "memory", "heartbeat_timeout_sec": "leash", "output_bytes": "output"}):
    """The agent's first message. ``cursor`` is the last event that it has stored, the others are of ``NodeResources``.

    An agent that names no ``versions`` writes version 1.
    """

    cursor: str
    environment: dict[str, str]
    cores: int
    gpus: int
    memory_mb: int = 0
    node: str = ""
    pin: bool = False
    heartbeat_timeout_sec: float = 0.0
    output_bytes: int = 0
    min_free_bytes: int = 0
    remote: bool = False
    versions: Sequence[int] = (1,)


class Start(Struct, frozen=True, tag="start"):
    """Start these."""

    works: Sequence[Work]


class Stop(Struct, frozen=True, tag="stop"):
    """SIGTERM now, SIGKILL ``grace_sec`` seconds later; what waits in the queue ends unstarted."""

    leases: Sequence[Lease]
    cause: Cause
    grace_sec: float


class Acknowledge(Struct, frozen=True, tag="acknowledge"):
    """The agent has stored the events up to ``seq``."""

    seq: int


class Ping(Struct, frozen=True, tag="ping"):
    """Asks for a ``Pong``."""


class Abort(Struct, frozen=True, tag="abort"):
    """The allocation is over, and no runner comes to ask what became of its jobs: stop all, then end."""

    grace_sec: float


class End(Struct, frozen=True, tag="end"):
    """End, once nothing runs."""


Request = Hello | Start | Stop | Acknowledge | Ping | Abort | End


class Events(Struct, frozen=True, tag="events", omit_defaults=True):
    """What happened in one round of the spawner; ``seq`` counts these."""

    seq: int
    started: Sequence[Started] = ()
    ended: Sequence[Ended] = ()


class Welcome(Struct, frozen=True, tag="welcome"):
    """The answer to a ``Hello``, after the events that the agent has missed. ``cpus`` is how many this node has."""

    journal: str
    running: Sequence[Started]
    cpus: int
    version: int = 1


class Pong(Struct, frozen=True, tag="pong"):
    """The spawner is there."""


class Refusal(Struct, frozen=True, tag="refusal"):
    """The spawner writes none of the versions that the agent knows."""

    versions: Sequence[int]


Reply = Events | Welcome | Pong | Refusal


class JournalHeader(Struct, frozen=True, tag="journal"):
    """The first line of a journal. ``boot`` names the boot of the machine under which its pids are valid."""

    journal: str
    boot: str
    version: int = VERSION


class Running(Struct, frozen=True, tag="running"):
    """What still ran when the journal was rewritten, after event ``seq``."""

    seq: int
    started: Sequence[Started]


Record = JournalHeader | Events | Acknowledge | Running
Message = Request | Reply | Record

_REQUESTS = msgspec.json.Decoder(Start | Stop | Acknowledge | Ping | Abort | End)
_REPLIES = msgspec.json.Decoder(Reply)
_RECORDS = msgspec.json.Decoder(Record)


def encode(message: Message) -> bytes:
    """One line of this version. The ``Hello`` has one form in all versions."""
    if isinstance(message, Hello):
        return json.dumps({"hello": msgspec.to_builtins(message)}, separators=(",", ":")).encode() + b"\n"
    return encode_line(message)


def decode_request(line: bytes) -> Request | None:
    """What an agent says; None for a line of another version. Raises ``ProtocolError``."""
    message: Request | None = decode(_REQUESTS, line)
    return message


def decode_reply(line: bytes) -> Reply | None:
    """What a spawner says; None for a line of another version. Raises ``ProtocolError``."""
    message: Reply | None = decode(_REPLIES, line)
    return message


def decode_record(line: bytes) -> Record | None:
    """One line of a journal; None for a line of another version. Raises ``ProtocolError``."""
    message: Record | None = decode(_RECORDS, line)
    return message


def decode(decoder: "msgspec.json.Decoder[Any]", line: bytes) -> Any:
    """The message of a line; None for a line without a type. Raises ``ProtocolError``."""
    try:
        return decoder.decode(line)
    except (msgspec.MsgspecError, RecursionError) as error:
        return _decode_slowly(decoder, line, error)


def _decode_slowly(decoder: "msgspec.json.Decoder[Any]", line: bytes, error: Exception) -> Any:
    try:
        record = json.loads(line)
        if not isinstance(record, dict) or "type" not in record:
            return None
        return msgspec.convert(record, decoder.type, str_keys=True)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        raise ProtocolError(f"{line[:200]!r} is no message of version {VERSION}: {error}") from error
