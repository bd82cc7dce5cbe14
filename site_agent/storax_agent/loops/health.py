"""Health: what went wrong in which loop, in a file that `storax site check` and the agent of a runner's site read.

Each program rewrites its own file, so one of a newer release is ignored: it says nothing that this release has to keep.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from storax._file_formats import UnknownFormat, without_format
from storax._runtime.atomic_files import atomic_write
from storax_agent.mainloop.loop import LoopHealth

VERSION = 1
EVERY_SEC = 5.0
FILE = "loops.json"


class LoopRecord(msgspec.Struct, frozen=True):
    """One loop; fields as those of ``LoopHealth``. ``since`` and ``server_away`` are those of the current failure."""

    errors: int
    failing: str
    since: float = 0.0
    server_away: bool = False


class Health:
    """Writes ``state/loops.json`` when it has changed."""

    def __init__(self, path: Path, loops: Sequence[LoopHealth]) -> None:
        self._path, self._loops = path, loops
        self._written = ""

    def step(self) -> float:
        """One round."""
        loops = {loop.name: msgspec.to_builtins(_record(loop)) for loop in self._loops}
        text = json.dumps({"version": VERSION, "loops": loops})
        if text != self._written:
            atomic_write(self._path, text)
            self._written = text
        return EVERY_SEC


def _record(loop: LoopHealth) -> LoopRecord:
    if not loop.failing:
        return LoopRecord(loop.errors, "")
    return LoopRecord(loop.errors, loop.failing, loop.since, loop.server_away)


def read(path: Path) -> Mapping[str, LoopRecord]:
    """Errors and the current failure of each loop, by name; empty where no agent of a known release has written any."""
    with suppress(OSError, ValueError, TypeError, KeyError, msgspec.MsgspecError, UnknownFormat):
        content = json.loads(path.read_text(encoding="utf-8"))
        previous = "version" not in content  # the release before there were versions wrote the loops alone
        loops = content if previous else without_format(path, content, known=VERSION)["loops"]
        return msgspec.convert(loops, dict[str, LoopRecord])
    return {}
