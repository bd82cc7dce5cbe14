"""Batches under way, each in a thread of its own, and what they have to tell."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from storax_agent.transfers.base import Item, Moved, TransferError, Watch
from storax_agent.transfers.services import Locations

LOG = logging.getLogger(__name__)
Lane = tuple[str, str]


@dataclass
class Batch:
    """Items of one lane of one location. ``begun``: they were ordered before, and are asked after."""

    lane: Lane
    items: list[Item]
    begun: bool
    watch: Watch
    since: float = field(default_factory=time.monotonic)
    reported_at: float = 0.0
    unwanted: set[int] = field(default_factory=set)


class Batches:
    """Starts batches and gathers their news. Used by one thread."""

    def __init__(self, locations: Locations) -> None:
        self._locations = locations
        self._changed = threading.Condition()
        self._running: dict[Lane, Batch] = {}
        self._ended: list[tuple[Batch, list[Moved]]] = []
        self._progress: dict[Lane, Sequence[Moved]] = {}

    def running(self) -> list[Batch]:
        """Those under way, and those that ended and were not yet taken."""
        with self._changed:
            return [*self._running.values(), *(batch for batch, _ in self._ended)]

    def start(self, lane: Lane, items: Sequence[Item], *, begun: bool) -> None:
        """Begin to move."""

        def tell(moved: Sequence[Moved]) -> None:
            with self._changed:
                self._progress[lane] = moved

        batch = Batch(lane, list(items), begun, Watch(tell))
        with self._changed:
            self._running[lane] = batch
        # A daemon: a copy under way must not hold up the end of the agent; the next one takes it up.
        threading.Thread(target=self._run, args=(batch,), name=f"transfer {lane}", daemon=True).start()

    def cancel(self, alias: str, items: Sequence[Item]) -> None:
        """Give up what was ordered at a service; one that cannot be reached goes on for nobody, which is logged."""

        def work() -> None:
            try:
                self._locations.service(alias).cancel(items)
            except Exception as error:
                LOG.warning("transfers of %s: could not be cancelled: %s", alias, error)

        threading.Thread(target=work, name=f"cancel {alias}", daemon=True).start()

    def wait(self, seconds: float) -> None:
        """Sleep until a batch ends, or for so long."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended, seconds)

    def take_ended(self) -> list[tuple[Batch, list[Moved]]]:
        """Batches that ended, with what became of their items; they are given once."""
        with self._changed:
            ended, self._ended = self._ended, []
            return ended

    def take_progress(self, batch: Batch) -> Sequence[Moved]:
        """What a batch told last of its items under way, once."""
        with self._changed:
            return self._progress.pop(batch.lane, ())

    def stop(self, seconds: float) -> None:
        """End all, wait so long at most. What was moved so far is kept where the service can."""
        deadline = time.monotonic() + seconds
        with self._changed:
            for batch in self._running.values():
                batch.watch.stop.set()
            self._changed.wait_for(lambda: not self._running, max(0.0, deadline - time.monotonic()))

    def _run(self, batch: Batch) -> None:
        moved = self._moved(batch)
        with self._changed:
            self._progress.pop(batch.lane, None)
            del self._running[batch.lane]
            self._ended.append((batch, moved))
            self._changed.notify_all()

    def _moved(self, batch: Batch) -> list[Moved]:
        try:
            service = self._locations.service(batch.lane[0])
            move = service.statuses if batch.begun else service.submit
            return list(move(batch.items, batch.watch))
        except TransferError as error:
            return [Moved(item.id, "error", {"error": str(error)}) for item in batch.items]
        except Exception as error:
            LOG.exception("transfers of %s: unexpected error", batch.lane)
            return [Moved(item.id, "again", {"error": f"unexpected error: {error!r}"[:500]}) for item in batch.items]
