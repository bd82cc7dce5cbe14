"""What job scripts leave in the site's folder, so that the end of an allocation is known when a scheduler is not.

Each script writes ``ID.claim`` when it begins and ``SCHEDULER_ID.exit`` as its last act; see ``template.py``.
"""

import re
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from storax_agent.schedulers.base import Status

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
        """The end that the script itself has told of."""
        try:
            text = (self.folder / f"{UNSAFE.sub('_', scheduler_id)}.exit").read_text(encoding="utf-8")
            code, began, ended = text.split()
            start, end = (datetime.fromtimestamp(int(stamp), UTC) for stamp in (began, ended))
            return Status("finished", start, end, {"exit_code": int(code)})
        except (OSError, ValueError, OverflowError):
            return None

    def tidy(self) -> None:
        """Remove what is older than 30 days."""
        horizon = time.time() - KEEP_SEC
        for path in self.folder.iterdir():
            with suppress(OSError):
                if path.stat().st_mtime < horizon:
                    path.unlink()
