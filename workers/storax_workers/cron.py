"""RQ's worker and cron. Tasks travel as JSON and are called by a name of the list: see ``task_record``."""

import logging
import threading
import time

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.cron import CronJob, CronScheduler
from rq.serializers import JSONSerializer
from rq.timeouts import TimerDeathPenalty
from rq.utils import now

from storax_core.settings import Settings
from storax_workers import tasks
from storax_workers.task_record import TaskRecord

log = logging.getLogger("storax.cron")
QUEUE, DELIVERIES = "storax-cron", "storax-deliveries"
DELIVER_SEC = 5  # between shifts of deliveries while no webhook is enabled; else one follows the other
WORKER_TTL_SEC, MAINTENANCE_SEC, HOUR_SEC = 30, 60, 3600


class Cron(CronScheduler):
    """RQ's cron, enqueueing by name as JSON. While a task waits, no second one is put behind it."""

    def enqueue_jobs(self) -> list[CronJob]:
        """Enqueue what is due."""
        due = [job for job in self.get_jobs() if job.should_run()]
        for name in {job.queue_name for job in due}:
            queue = Queue(name, connection=self.connection, job_class=TaskRecord, serializer=JSONSerializer)
            waiting = {job.func_name for job in queue.get_jobs()}
            for job in due:
                if job.queue_name == name and job.func_name not in waiting:
                    queue.enqueue(job.func_name, job_timeout=60, result_ttl=60, failure_ttl=HOUR_SEC)
        for job in due:
            job.set_enqueue_time(now())
        return due


class ThreadWorker(SimpleWorker):
    """A worker in a thread, where no signal is heard: it ends with its process."""

    death_penalty_class = TimerDeathPenalty

    def _install_signal_handlers(self) -> None:
        """Leave the signals to the main thread."""


def _tick(cron: Cron) -> None:
    while True:
        try:
            cron.enqueue_jobs()
        except RedisError as error:
            log.warning("cron: Redis does not answer: %s", error)
        except Exception as error:  # such as an entry of the queue that is no task of ours
            log.warning("cron starts over: %s: %s", type(error).__name__, error)
        time.sleep(1)


def _deliver(url: str) -> None:
    """Run the tasks of deliveries beside the others: no receiver that is slow holds up a sweep."""
    while True:
        try:
            worker(connect(url), DELIVERIES, kind=ThreadWorker).work(logging_level="WARNING")
        except Exception as error:  # such as Redis that does not answer
            log.warning("deliveries start over: %s: %s", type(error).__name__, error)
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
    cron.register(tasks.deliver_events, DELIVERIES, interval=DELIVER_SEC)
    threading.Thread(target=_tick, args=(cron,), daemon=True).start()
    threading.Thread(target=_deliver, args=(settings.redis_url,), daemon=True).start()
    worker(connection).work(logging_level="WARNING")


def worker(connection: Redis, queue: str = QUEUE, *, kind: type[SimpleWorker] = SimpleWorker) -> SimpleWorker:
    """Make the worker of a queue, which believes nothing of a record but the name of a task."""
    return kind(
        [queue],
        connection=connection,
        job_class=TaskRecord,
        serializer=JSONSerializer,
        worker_ttl=WORKER_TTL_SEC,
        maintenance_interval=MAINTENANCE_SEC,
        log_job_description=False,
    )
