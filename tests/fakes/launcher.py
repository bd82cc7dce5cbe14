"""A launcher that starts nothing: tests say when processes start and end, and when it is lost."""

import os
from collections.abc import Sequence

from storax_agent.launch.base import LauncherEvents, LauncherLostError, Opened
from storax_agent.launch.work import Cause, Ended, Lease, Place, Started, Work


class StubLauncher:
    """Keeps events until they are acknowledged, as every launcher must."""

    def __init__(self) -> None:
        self.works: list[Work] = []
        self.stops: list[tuple[Lease, Cause]] = []
        self.running: list[Started] = []
        self.acked = 0
        self.lost = False
        self.unable: set[int] = set()  # jobs that cannot be started
        self.opens: list[str] = []
        self._log: list[Started | Ended] = []
        self._reported = 0
        self._pipe = os.pipe()

    def say(self, *events: Started | Ended) -> None:
        """These happen."""
        self._log += events

    def start_of(self, work: Work, at: float = 1.0) -> Started:
        """The start of a process."""
        return Started(work.lease, at, 1, 1.0, work.workdir, Place(list(range(work.cores))), 0.0)

    def end_of(self, work: Work, code: int | None = 0, cause: Cause = "exit") -> Ended:
        """The end of a process."""
        return Ended(work.lease, 2.0, code, cause, "", work.workdir, True)

    def open(self, cursor: str) -> Opened:
        self.opens.append(cursor)
        self.lost = False
        self._reported = int(cursor or 0)
        return Opened(os.dup(self._pipe[0]), self.running)

    def start(self, works: Sequence[Work]) -> None:
        self._check()
        if any(work.lease.job_id in self.unable for work in works):
            raise OverflowError("of a test")
        self.works += works

    def stop(self, leases: Sequence[Lease], *, cause: Cause, grace_sec: float) -> None:
        self._check()
        self.stops += [(lease, cause) for lease in leases]

    def poll(self) -> LauncherEvents:
        self._check()
        events, self._reported = self._log[self._reported :], len(self._log)
        started = [event for event in events if isinstance(event, Started)]
        ended = [event for event in events if isinstance(event, Ended)]
        return LauncherEvents(started, ended, str(self._reported) if events else "")

    def ack(self, cursor: str) -> None:
        self._check()
        self.acked = int(cursor)

    def close(self, *, end: bool) -> None:
        for handle in self._pipe:
            os.close(handle)

    def _check(self) -> None:
        if self.lost:
            raise LauncherLostError("lost for a test")
