"""What the worker believes of a record in Redis: the name of one of our tasks, and nothing else.

Who can write to Redis could write a record that names any function, carries a pickle, or asks for a callback or an HTTP
request. Such a record is refused, counted, logged and deleted before anything of it is loaded, imported or called.
"""

import json
import logging
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer

from storax_workers import tasks

log = logging.getLogger("storax.cron")
TASKS: Mapping[str, Callable[[], object]] = {
    f"{task.__module__}.{task.__qualname__}": task
    for task in (tasks.sweep_sessions, tasks.seal_log, tasks.forget_commands, tasks.deliver_events)
}
LARGEST = 10_000  # bytes of what a record calls; ours have less than a hundred
# Fields of RQ by which a record has something called, requested or enqueued apart from its task.
EFFECTS = (
    "success_callback_name", "failure_callback_name", "stopped_callback_name", "webhooks", "dependency_ids",
    "dependency_id", "retries_left", "repeats_left", "meta",
)  # fmt: skip
UNREAD = ("result", "exc_info")  # of earlier runs; RQ would load and unpack them
EMPTY = (b"", b"[]", b"{}", b"null", b"0")


class TaskRecord(Job):
    """A record of RQ that can only call a task of ``TASKS``, without arguments."""

    refused = 0  # records refused by this process

    def __init__(self, id: str | None = None, connection: Any = None, serializer: Any = None) -> None:  # noqa: A002, ARG002
        """As RQ's; always JSON, since RQ falls back to pickle wherever no serializer is named."""
        super().__init__(id, connection, JSONSerializer)

    def restore(self, raw_data: Any) -> None:
        """Take over a record of Redis.

        Raises:
            NoSuchJobError: it is not one of ours; RQ goes on with the next.
        """
        try:
            record = {key.decode(): value for key, value in raw_data.items()}
            name = _task_name(record)
            super().restore({field.encode(): value for field, value in record.items() if field not in UNREAD})
        except Exception as error:  # whatever it is, the record is not ours, and must not end the worker
            raise self._refuse(error) from None
        self.data = json.dumps((name, None, [], {})).encode()

    @property
    def func(self) -> Callable[[], object]:
        """The task, from the list: a name is never imported."""
        return TASKS[str(self.func_name)]

    def _refuse(self, error: Exception) -> NoSuchJobError:
        TaskRecord.refused += 1
        log.warning(
            "refused a record of Redis that is no task of ours (%d so far): %s", TaskRecord.refused, str(error)[:200]
        )
        self.connection.delete(self.key)
        return NoSuchJobError("no task of ours")


def _task_name(record: Mapping[str, bytes]) -> str:
    """Return the task that a record calls. Raises ValueError for one that wants anything else."""
    effects = [field for field in EFFECTS if record.get(field, b"") not in EMPTY]
    if effects:
        raise ValueError(f"it sets {', '.join(effects)}")
    try:
        name, instance, args, kwargs = json.loads(_unpacked(record["data"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError("it is no JSON of a call") from error
    if name not in TASKS:
        raise ValueError(f"it calls {str(name)[:80]!r}")
    if instance or args or kwargs:
        raise ValueError(f"it calls {name} with arguments")
    return str(name)


def _unpacked(data: bytes) -> bytes:
    """The text of a call, of bounded size. Raises ValueError for a larger one."""
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(data, LARGEST)
    except zlib.error as error:
        raise ValueError("it is not compressed") from error
    if unpacking.unconsumed_tail:
        raise ValueError("it is too large")
    return text
