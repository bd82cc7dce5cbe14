"""Disk: whether the site's folders have room. While one is full, the loop fails with its name and no job is leased."""

import time

from storax_agent.files.free_space import CHECK_SEC, FreeSpace, FullError

PROBE_SEC = 5.0  # between small files that are written, as a quota does not show otherwise


class Disk:
    """One check each second."""

    def __init__(self, space: FreeSpace) -> None:
        self._space = space
        self._probe_at = 0.0

    def step(self) -> float:
        """One check. Raises ``FullError``."""
        is_due = time.monotonic() >= self._probe_at
        if is_due:
            self._probe_at = time.monotonic() + PROBE_SEC
        if reason := self._space.check(write=is_due):
            raise FullError(f"{reason}; no job is started")
        return CHECK_SEC
