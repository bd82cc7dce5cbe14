"""Watch jobs: the number of them in each state, shown again whenever it changes, until all have ended."""

import sys
import time
from collections.abc import Mapping
from typing import Any

from storax._orm import notebook
from storax._orm.changes import ChangeQuery
from storax._runtime.progress import in_notebook
from storax.errors import InvalidInput
from storax.models.job_rules import FINAL


class Display:
    """Where the counts are shown: one cell output that changes, one line of a terminal, or a line per change."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._last: Mapping[str, int] | None = None

    def show(self, counts: Mapping[str, int]) -> None:
        """Show the counts, unless they are those of the last call."""
        if counts == self._last:
            return
        self._last = dict(counts)
        if in_notebook():
            self._show_html(notebook.counts(counts))
            return
        text = ", ".join(f"{n:,} {state}" for state, n in counts.items()) or "no jobs"
        sys.stderr.write(f"\r\x1b[K{text}" if sys.stderr.isatty() else f"{text}\n")
        sys.stderr.flush()

    def _show_html(self, html: str) -> None:
        from IPython.display import HTML, display

        if self._handle is None:
            self._handle = display(HTML(html), display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(HTML(html))  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Leave the last line of a terminal as it is."""
        if self._last is not None and not in_notebook() and sys.stderr.isatty():
            sys.stderr.write("\n")


def watch(query: ChangeQuery[Any], *, timeout: float | None, interval: float) -> dict[str, int]:
    """Show the counts of a query until all of its jobs have ended, or the timeout; return the last counts."""
    if interval <= 0:
        raise InvalidInput(f"interval must be more than 0 seconds, not {interval}.")
    until = time.monotonic() + (timeout if timeout is not None else float("inf"))
    display = Display()
    try:
        while True:
            counts: dict[str, int] = query.counts("state")
            display.show(counts)
            left = until - time.monotonic()
            if set(counts) <= set(FINAL) or left <= 0:
                return counts
            time.sleep(min(interval, left))
    finally:
        display.close()
