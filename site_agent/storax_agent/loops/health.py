"""Health: what went wrong in which loop, in a file that `storax site check` reads."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from storax._runtime.atomic_files import atomic_write
from storax_agent.mainloop.loop import LoopHealth

EVERY_SEC = 5.0
FILE = "loops.json"


class Health:
    """Writes ``state/loops.json`` when it has changed."""

    def __init__(self, path: Path, loops: Sequence[LoopHealth]) -> None:
        self._path, self._loops = path, loops
        self._written = ""

    def step(self) -> float:
        """One round."""
        text = json.dumps({loop.name: _row(loop) for loop in self._loops})
        if text != self._written:
            atomic_write(self._path, text)
            self._written = text
        return EVERY_SEC


def _row(loop: LoopHealth) -> dict[str, Any]:
    row: dict[str, Any] = {"errors": loop.errors, "failing": loop.failing}
    return row | ({"since": loop.since, "server_away": loop.server_away} if loop.failing else {})


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Errors and the current failure of each loop, by name; empty where no agent has written any."""
    with suppress(OSError, ValueError):
        loops = json.loads(path.read_text(encoding="utf-8"))
        rows = loops.items() if isinstance(loops, dict) else ()
        return {name: row for name, row in rows if isinstance(row, dict)}
    return {}
