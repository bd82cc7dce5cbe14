"""The part that runs RQ: it waits for tasks without giving up."""

from rq import SimpleWorker

from storax_workers import cron


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
