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
from storax_agent.launch.work import HookEnded, Outcome, Returned

VERSION = 2
MAX_DEPTH = 100  # of a value: more than the server takes, and far less than readers of the spawner's messages do

TOO_DEEP = f"a value in it is nested deeper than {MAX_DEPTH} levels; keep it in a file of the workdir"


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
    """What a worker says, or has left in a file. Raises ``ProtocolError``, also for a value too deep to pass on."""
    try:
        message: Answer | Recycle = decode(_ANSWERS, line) or _first_version(line)
    except ProtocolError as error:
        if isinstance(error.__cause__, RecursionError):
            raise ProtocolError(TOO_DEEP) from error
        raise
    many = line.count(b"[") + line.count(b"{") > MAX_DEPTH
    if many and isinstance(message, Answer) and _is_deep(_values(message.outcome), MAX_DEPTH):
        raise ProtocolError(TOO_DEEP)
    return message


def _values(outcome: Outcome) -> list[Any]:
    """What the code of an App has put into an outcome."""
    match outcome:
        case Returned(value):
            return [value]
        case HookEnded(_, patch, jobs):
            return [patch, jobs]
    return []


def _is_deep(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    items = value.values() if isinstance(value, dict) else value
    return not levels or any(_is_deep(item, levels - 1) for item in items)


def _first_version(line: bytes) -> Answer:
    try:
        record = json.loads(line)
        return Answer(record["n"], decode_outcome(record["o"]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ProtocolError(f"{line[:200]!r} is no answer of a worker: {error}") from error
