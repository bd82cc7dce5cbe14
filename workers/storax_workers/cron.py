"""RQ's worker and cron. Tasks travel as JSON and are called by a name of the list: see ``task_record``."""

import logging
import threading
import time

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.cron import CronJob, CronScheduler
from rq.serializers import JSONSerializer
from rq.utils import now

from storax_core.settings import Settings
from storax_workers import tasks
from storax_workers.task_record import TaskRecord

log = logging.getLogger("storax.cron")
QUEUE = "storax-cron"
WORKER_TTL_SEC, MAINTENANCE_SEC, HOUR_SEC = 30, 60, 3600


class Cron(CronScheduler):
    """RQ's cron, enqueueing by name as JSON. While a task waits, no second one is put behind it."""

    def enqueue_jobs(self) -> list[CronJob]:
        """Enqueue what is due."""
        queue = Queue(QUEUE, connection=self.connection, job_class=TaskRecord, serializer=JSONSerializer)
        due = [job for job in self.get_jobs() if job.should_run()]
        waiting = {job.func_name for job in queue.get_jobs()}
        for job in due:
            if job.func_name not in waiting:
                queue.enqueue(job.func_name, job_timeout=60, result_ttl=60, failure_ttl=HOUR_SEC)
            job.set_enqueue_time(now())
        return due


def _tick(cron: Cron) -> None:
    while True:
        try:
            cron.enqueue_jobs()
        except RedisError as error:
            log.warning("cron: Redis does not answer: %s", error)
        except Exception as error:  # such as an entry of the queue that is no task of ours
            log.warning("cron starts over: %s: %s", type(error).__name__, error)
        time.sleep(1)


def connect(url: str) -> Redis:
    """Connect cron and worker to Redis. The timeout of an answer is as long as the worker waits for a task.

    Without it a connection that cron opened first would make the worker give up after the default of 5 seconds.
    """
    return Redis.from_url(url, socket_connect_timeout=5, socket_timeout=WORKER_TTL_SEC)


def main(settings: Settings) -> None:
    """Run cron and a worker until SIGTERM."""
    connection = connect(settings.redis_url)
    cron = Cron(connection, logging_level=logging.WARNING)
    cron.register(tasks.sweep_sessions, QUEUE, interval=settings.sweep_sec)
    cron.register(tasks.seal_log, QUEUE, interval=settings.seal_sec)
    cron.register(tasks.forget_commands, QUEUE, interval=HOUR_SEC)
    threading.Thread(target=_tick, args=(cron,), daemon=True).start()
    worker(connection).work(logging_level="WARNING")


def worker(connection: Redis) -> SimpleWorker:
    """Make the worker, which believes nothing of a record but the name of a task."""
    return SimpleWorker(
        [QUEUE],
        connection=connection,
        job_class=TaskRecord,
        serializer=JSONSerializer,
        worker_ttl=WORKER_TTL_SEC,
        maintenance_interval=MAINTENANCE_SEC,
        log_job_description=False,
    )
