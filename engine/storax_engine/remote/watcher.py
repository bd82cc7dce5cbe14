"""The one thread that watches the jobs of a project's remote runs.

The platform pushes the ends of jobs over the event stream that all waits of a client share. The thread looks at all
runs after each end, and now and then: a job that was deleted tells nothing, and the stream may break.
"""

import logging
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from storax._jobs.feed import feed_of
from storax._jobs.subscription import POLL, Subscription
from storax._jobs.waiting import CONNECT_SEC, POLL_OFFLINE_SEC
from storax.client import Client
from storax.errors import StoraxError

MAX_BACKOFF_SEC = 30.0

log = logging.getLogger("storax_engine")


class Watcher:
    """Calls ``look`` in a thread of its own while ``job_ids`` names jobs. Safe for threads.

    Args:
        client: whose jobs they are.
        job_ids: the jobs to watch now.
        look: act on the present state of all of them; returns the seconds after which to look again at the latest.
    """

    def __init__(self, client: Client, job_ids: Callable[[], Collection[int]], look: Callable[[], float]) -> None:
        self._client, self._job_ids, self._look = client, job_ids, look
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._subscription: Subscription | None = None
        self._again = False  # somebody asked for a look after the latest one began
        self._closed = False
        self._failures = 0

    def wake(self) -> None:
        """Look soon: the jobs to watch are others now, or one of them needs something."""
        with self._guard:
            self._again = True
            if self._subscription is not None:
                self._subscription.put(POLL)
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="remote runs", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End the thread; a look that it has begun goes on."""
        with self._guard:
            self._closed = True
        self.wake()

    def _run(self) -> None:
        while job_ids := self._watched():
            with self._subscribed(job_ids) as subscription:
                pause = self._looked()
                if not self._again and not self._closed:
                    subscription.take(pause if feed_of(self._client).live else min(pause, self._offline_sec))

    def _watched(self) -> Collection[int]:
        """The jobs to watch; none where this thread is to end."""
        while True:
            self._again = False
            job_ids = self._job_ids()
            with self._guard:
                if self._closed or not (job_ids or self._again):
                    self._thread = None
                    return ()
            if job_ids:
                return job_ids

    @contextmanager
    def _subscribed(self, job_ids: Collection[int]) -> Iterator[Subscription]:
        feed = feed_of(self._client)
        subscription = feed.subscribe(dict.fromkeys(job_ids), timeout=CONNECT_SEC)
        with self._guard:
            self._subscription = subscription
        try:
            yield subscription
        finally:
            with self._guard:
                self._subscription = None
            feed.unsubscribe(subscription)

    @property
    def _offline_sec(self) -> float:
        return min(POLL_OFFLINE_SEC * 2.0**self._failures, MAX_BACKOFF_SEC)

    def _looked(self) -> float:
        """Look once; returns the seconds until the next look."""
        try:
            pause = self._look()
        except Exception as error:
            self._failures += 1
            log.warning(
                "remote runs could not be watched: %s",
                error,
                exc_info=None if isinstance(error, StoraxError) else error,
            )
            return min(2.0**self._failures, MAX_BACKOFF_SEC)
        self._failures = 0
        return pause
