"""Stop the parts of a stack in the order of their rank."""

import signal
from itertools import groupby

from storax._runtime.processes import wait_gone
from storax.local.state import PartRecord

_QUIT_GRACE_SEC = 5.0


def stop_parts(parts: dict[str, PartRecord]) -> None:
    """Stop the parts rank by rank: those of one rank together, the next rank when they are gone.

    Each gets its signal and its grace; then SIGQUIT, at which Postgres ends at once unharmed, then SIGKILL.
    """
    for _, group in groupby(sorted(parts.values(), key=lambda part: part.rank), key=lambda part: part.rank):
        _stop_together(list(group))


def _stop_together(parts: list[PartRecord]) -> None:
    processes = {part.process: part for part in parts if part.process and part.process.alive()}
    for process, part in processes.items():
        process.send(part.signal)
    left = wait_gone(processes, timeout=max((part.grace for part in processes.values()), default=0))
    for number in (signal.SIGQUIT, signal.SIGKILL):
        for process in left:
            process.send(number)
        left = wait_gone(left, timeout=_QUIT_GRACE_SEC) if left else []
