"""What a spawner and its workers say to each other: lines of JSON with a type, in version 2.

A worker is a script that runs under other interpreters, so ``prepare/functions/worker_messages.py`` writes and reads
the same by the standard library alone. A spawner of the release before names no version when it starts a worker, which
then speaks version 1. An answer that nobody took is left in a file, for a spawner that may be of a later release.
"""

import json
from typing import Any

import msgspec
from msgspec import Struct

from storax._runtime.output_files import PLAIN
from storax_agent.launch.protocol.first_version import decode_outcome
from storax_agent.launch.protocol.messages import ProtocolError, decode
from storax_agent.launch.protocol.stream import encode_line
from storax_agent.launch.work import Outcome

VERSION = 2


class CallMethod(Struct, frozen=True, tag="call"):
    """Perform a method. ``lease`` is the name of the lease, ``job`` what the method sees as ``self.job``, ``outputs``
    the names of the files for stdout and stderr."""

    lease: str
    method: str
    parameters: dict[str, Any]
    job: dict[str, Any]
    outputs: tuple[str, str] = PLAIN


class Answer(Struct, frozen=True, tag="answer"):
    """What became of a call."""

    lease: str
    outcome: Outcome


class Recycle(Struct, frozen=True, tag="recycle"):
    """The worker ends after the answer that follows: the call has left something behind in it."""


_ANSWERS = msgspec.json.Decoder(Answer | Recycle)


def encode(message: CallMethod) -> bytes:
    """One line, with its end."""
    return encode_line(message)


def decode_answer(line: bytes) -> Answer | Recycle:
    """What a worker says, or has left in a file. Raises ``ProtocolError``."""
    message: Answer | Recycle | None = decode(_ANSWERS, line)
    return message or _first_version(line)


def _first_version(line: bytes) -> Answer:
    try:
        record = json.loads(line)
        return Answer(record["n"], decode_outcome(record["o"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ProtocolError(f"{line[:200]!r} is no answer of a worker: {error}") from error
