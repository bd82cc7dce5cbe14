"""One order: its folder, the ticket in it, and what is read there of what its job wrote."""

import logging
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storax.errors import StoraxError
from storax_engine.remote import manifest, steps
from storax_engine.remote.manifest import read_json, write_json

Row = dict[str, Any]
TICKET = "ticket.json"

log = logging.getLogger("storax_engine")


@dataclass
class Order:
    """One order. ``ticket`` is what the engine wants to do with the result; it is on the disk."""

    folder: Path
    ticket: Row
    ended: threading.Event = field(default_factory=threading.Event)
    error: StoraxError | None = None
    outcome: Row | None = None
    begun: float = field(default_factory=time.monotonic)
    late_since: float = 0.0

    @property
    def token(self) -> str:
        """Its name, which its job carries as a tag."""
        return str(self.ticket["token"])

    @property
    def job_id(self) -> int:
        """Its job."""
        return int(self.ticket["job_id"])

    @property
    def step_ids(self) -> list[int]:
        """The jobs that must finish before its own."""
        return [int(i) for i in self.ticket.get("step_ids", ())]

    @property
    def failed(self) -> bool:
        """Whether its job failed and may be run again."""
        return "failed_at" in self.ticket

    def write(self, **changes: Any) -> None:
        """Change the ticket; None takes a word out."""
        self.ticket = {k: v for k, v in {**self.ticket, **changes}.items() if v is not None}
        write_json(self.folder / TICKET, self.ticket)

    def progress(self) -> tuple[float, str]:
        """How far its job is."""
        try:
            part, words = read_json(self.folder / manifest.PROGRESS) or (0.0, "")
            if not part and (n := self.ticket.get("buckets")):
                return steps.progress(self.folder, n)
            return float(part), str(words)
        except (OSError, ValueError, TypeError):
            return 0.0, ""


def ticket_in(folder: Path) -> Row | None:
    """The ticket of an order; None where there is none, empty where it is damaged and so left alone."""
    try:
        found: Row | None = read_json(folder / TICKET)
    except ValueError as error:
        log.warning("the order in %s is damaged, and left alone: %s", folder, error)
        return {}
    return found


def unusable(order: Order, error: Exception) -> StoraxError:
    """What is said of a result that is none."""
    return StoraxError(f"The result of job {order.job_id} cannot be used: {error}.")


def told_by(order: Order) -> Row | None:
    """What the job said of its failure; another may be asked where it cannot be read."""
    try:
        return manifest.told(order.folder / manifest.ERROR) or steps.error(order.folder)
    except ValueError as error:
        log.warning("what job %d said cannot be read: %s", order.job_id, error)
        return None
