"""The interface that a batch system's file implements: its commands and its formats.

``cluster.py`` makes of it the ``Scheduler`` of ``base.py``, which the agent uses.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from storax_agent.schedulers.base import Limits, Request, Status
from storax_agent.schedulers.command import Ran

REFUSED = re.compile(
    r"invalid|unknown|illegal|no such|not allowed|not permitted|not authori|unauthori|denied|violat|exceed|"
    r"does not exist|doesn't exist|not available|too (many|large|long)|cannot be satisfied|limit",
    re.IGNORECASE,
)
UNREACHABLE = re.compile(
    r"contact|connect|timed? ?out|temporar|try again|socket|communicat|unreachable|not responding|is down|"
    r"commlib|protocol|zero bytes|gave no answer|cannot be run|no words",
    re.IGNORECASE,
)


class Script(NamedTuple):
    """A written job script. ``name`` is how the scheduler knows it, ``output`` is where its words go."""

    path: Path
    name: str
    output: Path
    request: Request


class Sent(NamedTuple):
    """The new scheduler id, or the words of a refusal; ``again``: no clear answer."""

    scheduler_id: str | None
    error: str = ""
    again: bool = False


class Listed(NamedTuple):
    """One of the owner's jobs, as the scheduler lists it."""

    scheduler_id: str
    name: str
    status: Status
    queue: str = ""
    num_nodes: int = 0
    wall_time_min: int = 0


class Vendor(Protocol):
    """One kind of scheduler."""

    kind: str

    def send(self, script: Script) -> Sent:
        """Submit a script under its name."""

    def listed(self) -> Sequence[Listed] | None:
        """All jobs of the owner that the scheduler still lists, by one command; None: no answer to be trusted."""

    def ended(self, scheduler_ids: Sequence[str]) -> Mapping[str, Status]:
        """What the accounting says of jobs that are not listed; those it does not know are left out."""

    def kill(self, scheduler_ids: Sequence[str]) -> None:
        """End these."""

    def queues(self) -> Limits:
        """Limits by queue."""

    def windows(self) -> Mapping[str, Sequence[Mapping[str, int]]]:
        """Idle nodes by queue."""


def refusal(ran: Ran) -> Sent:
    """A submission that failed: refused for good, or worth another try because the scheduler was not there."""
    gone = ran.code is None or ran.code < 0 or not (ran.err + ran.out).strip()
    unclear = gone or (bool(UNREACHABLE.search(ran.message)) or not REFUSED.search(ran.message))
    return Sent(None, ran.message, again=unclear)


def minutes(text: str) -> int:
    """Whole minutes of ``[D-]H:M:S``, ``M:S`` or a number of minutes; 0 for no limit or for what is no time."""
    days, dash, clock = text.strip().rpartition("-")
    parts = clock.split(":")
    if not all(part.isdecimal() for part in parts) or not (days.isdecimal() or not dash):
        return 0
    if dash:  # D-H, D-H:M, D-H:M:S
        parts = [*parts, "0", "0"][:3]
    elif len(parts) < 3:  # M, M:S
        parts = ["0", *parts, "0"][:3]
    hours, mins, seconds = map(int, parts)
    return (int(days or 0) * 24 + hours) * 60 + mins + (seconds > 0)
