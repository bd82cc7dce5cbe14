"""What job scripts leave in the site's folder, so that the end of an allocation is known when a scheduler is not.

Each script writes ``ID.claim`` when it begins, which holds its scheduler id and nothing else, and ``SCHEDULER_ID.exit``
as its last act; see ``template.py``. Scripts wait in queues for weeks, so an exit names its version; the first had
three numbers without names.
"""

import logging
import re
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from storax_agent.schedulers.base import Status

LOG = logging.getLogger(__name__)
EXIT_VERSION = "2"
KEEP_SEC = 30 * 24 * 3600
UNSAFE = re.compile(r"[^\w.\[\]-]")


class Files:
    """The folder ``state/allocations`` of a site."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def script(self, batch_job_id: int) -> Path:
        """Where its job script is written."""
        return self.folder / f"{batch_job_id}.sh"

    def claim(self, batch_job_id: int) -> Path:
        """Holds the scheduler id under which it began."""
        return self.folder / f"{batch_job_id}.claim"

    def claimed(self, batch_job_id: int) -> str | None:
        """The scheduler id of a BatchJob whose script has begun."""
        with suppress(OSError):
            return self.claim(batch_job_id).read_text(encoding="utf-8", errors="replace").strip() or None
        return None

    def exit(self, scheduler_id: str) -> Status | None:
        """The end that the script itself reported; None where there is none, or none of a version that we know."""
        with suppress(OSError, ValueError, OverflowError):
            path = self.folder / f"{UNSAFE.sub('_', scheduler_id)}.exit"
            return _exit(path.read_text(encoding="utf-8").split())
        return None

    def tidy(self) -> None:
        """Remove what is older than 30 days."""
        horizon = time.time() - KEEP_SEC
        for path in self.folder.iterdir():
            with suppress(OSError):
                if path.stat().st_mtime < horizon:
                    path.unlink()


def _exit(parts: list[str]) -> Status:
    """Raises ValueError for words that are no exit."""
    if parts and parts[0].startswith("version="):
        fields = dict(word.split("=", 1) for word in parts)
        if fields["version"] != EXIT_VERSION:
            LOG.warning("a job script ended by version %s, which this Storax does not know", fields["version"])
            raise ValueError
        code, began, ended = (fields.get(name, "") for name in ("exit_code", "began", "ended"))
    else:
        code, began, ended = parts
    start, end = (datetime.fromtimestamp(int(stamp), UTC) for stamp in (began, ended))
    return Status("finished", start, end, {"exit_code": int(code)})
