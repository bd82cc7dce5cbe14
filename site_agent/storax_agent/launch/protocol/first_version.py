"""Version 1 of the protocol: lists of values without names, as the release before the versions wrote them.

A spawner of that release runs on while its agent is replaced, a runner of it may start a spawner of this release, and
its journals are read. The order of values is fixed here, whatever becomes of the messages.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from storax_agent.launch.protocol import messages as m
from storax_agent.launch.work import Call, Ended, HookEnded, Lease, Outcome, Place, Raised, Returned, Started, Work

Row = list[Any]
LEASE = ("job_id", "epoch", "attempt")
CALL = ("method", "key", "pickles", "parameters", "job")
WORK = ("lease", "argv", "environment", "workdir", "cores", "gpus", "wall_sec", "packing", "nodes", "ranks", "threads",
        "params", "memory_mb", "place", "call")  # fmt: skip
STARTED = ("lease", "at", "pid", "start_time", "workdir", "place", "wall_sec", "stage")
ENDED = ("lease", "at", "code", "cause", "message", "workdir", "started", "stage", "outcome")
RAISED = ("exception", "message", "traceback_tail", "exit_code")


def encode(message: m.Message) -> bytes:
    """One line of version 1. Raises ``ProtocolError`` for a message that it has not."""
    match message:
        case m.Hello():
            return m.encode(message)
        case m.Start(works):
            record: Any = {"work": [_row(work, WORK) for work in works]}
        case m.Stop(leases, cause, grace_sec):
            record = {"stop": {"leases": [_row(one, LEASE) for one in leases], "cause": cause, "grace": grace_sec}}
        case m.Acknowledge(seq):
            record = {"ack": seq}
        case m.Abort(grace_sec):
            record = {"forsake": grace_sec}
        case m.Events(seq, started, ended):
            record = {"n": seq, "s": [_row(one, STARTED) for one in started], "e": [_row(one, ENDED) for one in ended]}
        case m.Welcome(journal, running, cpus):
            record = {"journal": journal, "running": [_row(one, STARTED) for one in running], "cpus": cpus}
        case m.Ping() | m.Pong() | m.End():
            record = {type(message).__name__.lower(): True}
        case _:
            raise m.ProtocolError(f"version 1 of the protocol has no {type(message).__name__}")
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def decode_request(line: bytes) -> m.Request:
    """What an agent says. Raises ``ProtocolError``."""
    request: m.Request = _decode(line, _request)
    return request


def decode_reply(line: bytes) -> m.Reply:
    """What a spawner says. Raises ``ProtocolError``."""
    reply: m.Reply = _decode(line, _reply)
    return reply


def decode_record(line: bytes) -> m.Record:
    """One line of a journal. Raises ``ProtocolError``."""
    record: m.Record = _decode(line, _journal_record)
    return record


def decode_outcome(outcome: dict[str, Any]) -> Outcome:
    """What a worker answered. Raises ``ProtocolError``."""
    match outcome:
        case {"v": value}:
            return Returned(value)
        case {"x": raised}:
            return Raised(*raised)
        case {"h": state, "patch": patch, "jobs": jobs}:
            return HookEnded(state, patch, jobs)
    raise m.ProtocolError(f"{outcome!r:.200} is no outcome of version 1")


def _decode(line: bytes, read: Callable[[Any], m.Message | None]) -> Any:
    try:
        message = read(json.loads(line))
    except (ValueError, TypeError, KeyError, RecursionError, msgspec.ValidationError) as error:
        raise m.ProtocolError(f"{line[:200]!r} is no message of version 1: {error}") from error
    if message is None:
        raise m.ProtocolError(f"{line[:200]!r} is no message of versions {m.VERSIONS[0]} to {m.VERSIONS[-1]}")
    return message


def _request(record: Any) -> m.Request | None:  # noqa: PLR0911 - one for each message
    match record:
        case {"hello": hello}:
            return msgspec.convert(hello, m.Hello)
        case {"work": works}:
            return m.Start([_work(row) for row in works])
        case {"stop": {"leases": leases, "cause": cause, "grace": grace_sec}}:
            return m.Stop([Lease(*row) for row in leases], cause, grace_sec)
        case {"ack": seq}:
            return m.Acknowledge(seq)
        case {"ping": _}:
            return m.Ping()
        case {"forsake": grace_sec}:
            return m.Abort(grace_sec)
        case {"end": _}:
            return m.End()
    return None


def _reply(record: Any) -> m.Reply | None:
    match record:
        case {"n": seq, "s": started, "e": ended}:
            return _events(seq, started, ended)
        case {"journal": journal, "running": running, "cpus": cpus}:
            return m.Welcome(journal, [_started(row) for row in running], cpus)
        case {"pong": _}:
            return m.Pong()
    return None


def _journal_record(record: Any) -> m.Record | None:
    match record:
        case {"journal": journal, "boot": boot}:
            return m.JournalHeader(journal, boot, version=1)
        case {"ack": seq}:
            return m.Acknowledge(seq)
        case {"n": seq, "keep": running}:
            return m.Running(seq, [_started(row) for row in running])
        case {"n": seq, "s": started, "e": ended}:
            return _events(seq, started, ended)
    return None


def _row(value: msgspec.Struct, names: Sequence[str]) -> Row:
    return [_item(getattr(value, name)) for name in names]


def _item(value: Any) -> Any:  # noqa: PLR0911 - one for each type
    match value:
        case Lease():
            return _row(value, LEASE)
        case Call():
            return _row(value, CALL)
        case Place(cores, gpus, packing, nodes, memory_mb):
            return [list(cores), list(gpus.items()), packing, list(nodes), memory_mb]
        case Returned(result):
            return {"v": result}
        case Raised():
            return {"x": _row(value, RAISED)}
        case HookEnded(state, patch, jobs):
            return {"h": state, "patch": patch, "jobs": jobs}
    return value


def _events(seq: int, started: list[Row], ended: list[Row]) -> m.Events:
    return m.Events(seq, [_started(row) for row in started], [_ended(row) for row in ended])


def _place(row: Row) -> Place:
    cores, gpus, *rest = row
    return Place(cores, dict(gpus), *rest)


def _work(row: Row) -> Work:
    fields = dict(zip(WORK, row, strict=False))
    fields["lease"] = Lease(*fields["lease"])
    if place := fields.get("place"):
        fields["place"] = _place(place)
    if call := fields.get("call"):
        fields["call"] = Call(*call)
    return Work(**fields)


def _started(row: Row) -> Started:
    fields = dict(zip(STARTED, row, strict=False))
    return Started(**fields | {"lease": Lease(*fields["lease"]), "place": _place(fields["place"])})


def _ended(row: Row) -> Ended:
    fields = dict(zip(ENDED, row, strict=False))
    if outcome := fields.get("outcome"):
        fields["outcome"] = decode_outcome(outcome)
    return Ended(**fields | {"lease": Lease(*fields["lease"])})
