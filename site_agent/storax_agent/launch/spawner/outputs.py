"""A bound for what jobs write to job.out and job.err, for sites that set one.

The spawner looks at the files once a second: a limit on file sizes by the kernel would hit a job's own large files as
well, and a pipe through the spawner would cost every job a copy of its output.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from storax._runtime.output_files import PLAIN, name_of
from storax_agent.launch.work import Started

CHECK_SEC = 1.0


class OutputLimit:
    """``limit`` in bytes; 0 sets none. ``data`` is the data folder."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.limit = 0
        self._next = 0.0

    def due(self) -> float | None:
        """When to look next, by the monotonic clock; None without a limit."""
        return self._next if self.limit else None

    def exceeded(self, running: Iterable[Started], *, now: float) -> list[tuple[Started, str]]:
        """Those that wrote too much, with the reason."""
        if not self.limit or now < self._next:
            return []
        self._next = now + CHECK_SEC
        return [(row, why) for row in running if (why := self._excess(row))]

    def cut(self, row: Started) -> None:
        """Give the disk back: cut the files to the limit."""
        for path in self._files(row):
            with suppress(OSError):
                handle = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
                with os.fdopen(handle, "wb") as file:
                    if os.fstat(handle).st_size > self.limit:
                        file.truncate(self.limit)

    def _excess(self, row: Started) -> str:
        for path in self._files(row):
            with suppress(OSError):
                if path.lstat().st_size > self.limit:
                    return f"it wrote more than {self.limit >> 20} MiB to {path.name} (max_output_mb in site.toml)"
        return ""

    def _files(self, row: Started) -> list[Path]:
        folder = self._data / row.workdir
        names = (
            name_of(row.lease.job_id, stream, lambda name: (folder / name).exists()) for stream in range(len(PLAIN))
        )
        return [folder / name for name in names]
