"""Records that could not be read, or that the server refused for good: kept in files, so that they hold up no other.

A record is one report, one row of the outbox, one line of a journal, one patch of a transfer or a BatchJob. Each is a
file of the folder ``state/set-aside``, for the owner of the site to look at and to remove. The agent, its spawner and
the runners of its allocations write there, at once, perhaps on other machines and in other releases. So a file has a
version; those of the release before there were versions have the same fields.
"""

import json
import logging
import re
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from storax._file_formats import UnknownFormat, without_format
from storax._runtime.atomic_files import atomic_write

VERSION = 1
MOST = 1000  # files; the oldest go
MOST_BYTES = 1 << 20  # of a record that is kept
NEWEST = 5  # of a summary
SUFFIX = ".json"
UNSAFE = re.compile(r"[^\w.-]+")
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class SetAsideRecord:
    """One file: what the record is, why it was set aside, when (Unix time), and the start of its text."""

    name: str
    reason: str
    at: float
    record: str


@dataclass(frozen=True)
class Summary:
    """How many records are set aside, and the newest."""

    count: int
    newest: list[SetAsideRecord]


class SetAside:
    """The folder of one site. Safe for threads and processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, name: str, reason: str, record: object) -> None:
        """Keep a record; one of the same name is replaced. A disk that takes no file leaves it to the log."""
        text = record.decode(errors="backslashreplace") if isinstance(record, bytes) else str(record)
        shown = reason[:1000].encode(errors="backslashreplace").decode()
        row = {"version": VERSION, **asdict(SetAsideRecord(name, shown, time.time(), text[:MOST_BYTES]))}
        LOG.error("%s was set aside in %s: %s", name, self.folder, shown)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            atomic_write(self.folder / f"{UNSAFE.sub('-', name)[:100]}{SUFFIX}", json.dumps(row), mode=0o600)
            self._bound()
        except OSError as error:
            LOG.error("%s cannot be kept there (%s): %.2000s", name, error, text)  # noqa: TRY400

    def summary(self) -> Summary:
        """Return what is there."""
        paths = self._paths()
        return Summary(len(paths), [record for path in paths[:NEWEST] if (record := _read(path)) is not None])

    def records(self, noun: str) -> dict[int, str]:
        """Return the records named ``noun`` and a number, by number; also those that an earlier process has put."""
        named = re.compile(rf"{re.escape(noun)} (\d+)")
        known = [record for path in self._paths() if (record := _read(path)) is not None]
        return {int(match[1]): record.record for record in known if (match := named.fullmatch(record.name))}

    def _paths(self) -> list[Path]:
        """All files, the newest first."""
        with suppress(OSError):
            paths = [path for path in self.folder.iterdir() if path.suffix == SUFFIX]
            return sorted(paths, key=lambda path: (path.stat().st_mtime, path.name), reverse=True)
        return []

    def _bound(self) -> None:
        for path in self._paths()[MOST:]:
            path.unlink(missing_ok=True)


def _read(path: Path) -> SetAsideRecord | None:
    """A file of a newer release is shown by its name, with the reason why it is not read."""
    with suppress(OSError, ValueError, TypeError, msgspec.MsgspecError):
        try:
            return msgspec.convert(without_format(path, json.loads(path.read_bytes()), known=VERSION), SetAsideRecord)
        except UnknownFormat as error:
            return SetAsideRecord(path.name, str(error), path.stat().st_mtime, "")
    return None
