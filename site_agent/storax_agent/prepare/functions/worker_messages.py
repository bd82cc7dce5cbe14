"""What a worker and its spawner say to each other; beside ``worker.py``, by the standard library alone.

``launch/protocol/worker_messages.py`` is the spawner's side. A spawner of the release before the versions names none,
and writes and reads version 1.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple, Union


class Call(NamedTuple):
    """Perform a method. ``lease`` is the name of the lease, ``job`` what the method sees as ``self.job``, ``outputs``
    the names of the files for stdout and stderr; a spawner of the release before names none."""

    lease: str
    method: str
    parameters: dict[str, Any]
    job: dict[str, Any]
    outputs: tuple[str, ...] = ("job.out", "job.err")


class Returned(NamedTuple):
    """``run`` returned ``value``."""

    value: Any


class Raised(NamedTuple):
    """A method raised; ``exit_code`` is 1, or that of ``sys.exit()``."""

    exception: str
    message: str
    traceback_tail: str = ""
    exit_code: int = 1


class HookEnded(NamedTuple):
    """A hook returned. ``state`` is what it set, None where it set none; ``jobs`` are to be created."""

    state: str | None
    patch: dict[str, Any]
    jobs: list[dict[str, Any]]


Outcome = Union[Returned, Raised, HookEnded]  # noqa: UP007 - Python 3.9 evaluates it
# The exception of a return value that cannot be stored: the same call would end so again.
UNSTORABLE = "UnstorableResult"
TYPES = {Returned: "returned", Raised: "raised", HookEnded: "hook_ended"}


def call(line: bytes, version: int) -> Call:
    """What the spawner says."""
    record = json.loads(line)
    if version == 1:
        return Call(record["n"], record["m"], record["p"], record["j"])
    outputs = tuple(record.get("outputs") or Call._field_defaults["outputs"])
    return Call(record["lease"], record["method"], record["parameters"], record["job"], outputs)


def answer(call: Call, outcome: Outcome, version: int) -> bytes:
    """What became of a call: one line, with its end. Raises what ``json`` does for a value that JSON has not."""
    if version == 1:
        record: dict[str, Any] = {"n": call.lease, "o": _first_version(outcome)}
    else:
        record = {"type": "answer", "lease": call.lease, "outcome": {"type": TYPES[type(outcome)], **outcome._asdict()}}
    return json.dumps(record, allow_nan=False).encode() + b"\n"


def recycle(version: int) -> bytes:
    """The worker ends after the answer that follows."""
    return b'{"w":1}\n' if version == 1 else b'{"type":"recycle"}\n'


def _first_version(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Returned):
        return {"v": outcome.value}
    if isinstance(outcome, Raised):
        return {"x": list(outcome)}
    return {"h": outcome.state, "patch": outcome.patch, "jobs": outcome.jobs}
