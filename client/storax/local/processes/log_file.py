"""The log file of a part: opened for appending, rotated when it is large, quoted when the part fails."""

import os
from pathlib import Path
from typing import TextIO

_MAX_BYTES = 20 * 1024 * 1024
_TAIL_LINES = 15


class LogFile:
    """The log of one part. ``tail`` quotes what was written since the last ``open``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._start = 0

    def open(self) -> TextIO:
        """Open it for appending; a file above 20 MiB is renamed to ``.log.1`` first."""
        if self.path.exists() and self.path.stat().st_size > _MAX_BYTES:
            self.path.replace(self.path.with_suffix(".log.1"))
        file = os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a")
        self._start = file.seek(0, os.SEEK_END)
        return file

    def tail(self) -> str:
        """The last 15 lines since it was opened last; empty where it cannot be read."""
        try:
            with self.path.open(encoding="utf-8", errors="replace") as file:
                file.seek(self._start)
                return "\n".join(line.rstrip() for line in file.readlines()[-_TAIL_LINES:])
        except OSError:
            return ""
