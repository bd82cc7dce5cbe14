"""The part that runs RQ: it waits for tasks without giving up, and calls nothing that a record of Redis names."""

import json
import logging
import os
import pickle
import zlib
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from storax_workers import cron
from storax_workers.task_record import LARGEST, TASKS, TaskRecord

SWEEP = "storax_workers.tasks.sweep_sessions"


def test_the_worker_outlasts_its_longest_wait_for_a_chore_on_a_connection_that_cron_made(redis_url: str) -> None:
    connection = cron.connect(redis_url)
    connection.ping()  # what cron does first: this connection goes back to the pool, as it was made
    worker = SimpleWorker([cron.QUEUE], connection=connection, worker_ttl=cron.WORKER_TTL_SEC)
    opened = connection.connection_pool.get_connection()
    assert opened.socket_timeout > worker.dequeue_timeout


def test_a_wait_of_six_seconds_is_no_error(redis_url: str) -> None:
    connection = cron.connect(redis_url)
    connection.ping()
    assert connection.blpop(["nothing-comes"], timeout=6) is None


class Canary:
    """Writes a file when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.place),)


def call(name: str, *args: Any, instance: Any = None) -> bytes:
    return json.dumps((name, instance, list(args), {})).encode()


def put(server: redis.Redis, key: str, data: bytes, **fields: Any) -> None:
    """Queue a record as who can write to Redis would."""
    record = {"data": data, "origin": cron.QUEUE, "status": "queued", "timeout": 60, **fields}
    server.hset(f"rq:job:{key}", mapping=record)
    server.rpush(f"rq:queue:{cron.QUEUE}", key)


@pytest.fixture
def tasks(database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The worker's connection; its tasks find this module's database."""
    monkeypatch.setenv("STORAX_DATABASE_URL", database_url)
    connection = cron.connect(redis_url)
    connection.flushdb()
    return connection


def forgeries(place: Path) -> dict[str, tuple[bytes, dict[str, Any]]]:
    """Records that would run code of their writer, by what is wrong with them."""
    made_by = f"os.mkdir {place}"
    return {
        "a foreign function": (zlib.compress(call("os.mkdir", str(place))), {}),
        "a foreign function, not compressed": (call("os.mkdir", str(place)), {}),
        "a pickle": (zlib.compress(pickle.dumps(("os.getpid", Canary(place), (), {}))), {}),
        "a bare pickle": (pickle.dumps(("os.getpid", Canary(place), (), {})), {}),
        "arguments": (zlib.compress(call(SWEEP, str(place))), {}),
        "an instance": (zlib.compress(call("mkdir", str(place), instance="os")), {}),
        "a callback": (zlib.compress(call(SWEEP)), {"success_callback_name": "os.mkdir"}),
        "a callback of a failure": (zlib.compress(call(SWEEP)), {"failure_callback_name": "this.s"}),
        "a request": (zlib.compress(call(SWEEP)), {"webhooks": json.dumps([{"url": "http://127.0.0.1:9/"}])}),
        "a pickled result": (zlib.compress(call("x")), {"result": pickle.dumps(Canary(place)), "description": made_by}),
        "a bomb": (zlib.compress(b" " * (LARGEST * 100) + call(SWEEP)), {}),
        "broken dates": (zlib.compress(call(SWEEP)), {"created_at": "never"}),
        "no text": (zlib.compress(call(SWEEP)), {"worker_name": b"\xff\xfe"}),
        "nothing": (b"", {}),
    }


@pytest.mark.parametrize("wrong", forgeries(Path()))
def test_a_forged_record_is_refused_before_anything_of_it_is_loaded_or_called(
    tasks: redis.Redis, tmp_path: Path, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    data, fields = forgeries(tmp_path / "canary")[wrong]
    put(tasks, "forged", data, **fields)
    put(tasks, "true", zlib.compress(call(SWEEP)))
    before = TaskRecord.refused
    with caplog.at_level(logging.WARNING, "storax.cron"):
        cron.worker(tasks).work(burst=True, logging_level="ERROR")
    assert not (tmp_path / "canary").exists()
    assert TaskRecord.refused > before
    assert "is no task of ours" in caplog.text
    assert not tasks.exists("rq:job:forged"), "it was deleted, so that it is not met again"
    assert tasks.hget("rq:job:true", "status") == b"finished", "the next record was run"


def test_a_callback_of_a_task_that_was_given_up_is_not_called(tasks: redis.Redis, tmp_path: Path) -> None:
    """The upkeep of RQ calls the failure callbacks of tasks whose worker is gone."""
    put(tasks, "forged", zlib.compress(call(SWEEP)), failure_callback_name="os.mkdir")
    tasks.delete(f"rq:queue:{cron.QUEUE}")
    tasks.zadd(f"rq:wip:{cron.QUEUE}", {"forged:1": 1})
    before = TaskRecord.refused
    cron.worker(tasks).clean_registries()
    assert TaskRecord.refused == before + 1


def test_cron_enqueues_what_its_worker_takes(tasks: redis.Redis) -> None:
    """A foreign record in the queue ends neither cron nor the worker."""
    put(tasks, "forged", b"x")
    scheduler = cron.Cron(tasks, logging_level=logging.WARNING)
    for task in TASKS.values():
        scheduler.register(task, cron.QUEUE, interval=60)
    scheduler.enqueue_jobs()
    queue = Queue(cron.QUEUE, connection=tasks, job_class=TaskRecord, serializer=JSONSerializer)
    ids = queue.get_job_ids()
    assert {job.func_name for job in queue.get_jobs()} == set(TASKS)
    cron.worker(tasks).work(burst=True, logging_level="ERROR")
    assert {tasks.hget(f"rq:job:{i}", "status") for i in ids} == {b"finished"}
