"""Archives: ranges from the beginning of the log that were moved to files, each with the baseline at its end.

The last position that is archived is the horizon. The log has the events behind it, the baseline what was before. Each
archive is named by a seal of the chain, whose root is the digest of its row, which has the digests of its files.
"""

from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from storax_core.database.connections import Connection
from storax_core.errors import Conflict

if TYPE_CHECKING:
    from types import ModuleType

HINT = "An operator finds out more with `storax admin archives --check`, and restores the file from a copy."


@dataclass(frozen=True)
class Archive:
    """The events behind position ``low`` up to ``high``, and the baseline at ``high``.

    ``baseline_root`` is the digest of the rows of the baseline; ``first_at`` and ``last_at`` are the least and the
    largest time stamp of the events; digests of files are SHA-256, sizes are in bytes.
    """

    low: int
    high: int
    events: int
    first_at: datetime
    last_at: datetime
    folder: str
    events_file: str
    events_digest: str
    events_bytes: int
    baseline_file: str
    baseline_digest: str
    baseline_bytes: int
    baseline_rows: int
    baseline_root: str

    @property
    def root(self) -> str:
        """The digest of this row, which a seal holds."""
        row = {n: v.astimezone(UTC).isoformat() if isinstance(v, datetime) else v for n, v in asdict(self).items()}
        return sha256(orjson.dumps(row, option=orjson.OPT_SORT_KEYS)).hexdigest()

    @property
    def name(self) -> str:
        """How sentences name an archive."""
        return f"the archive of positions {self.low + 1} to {self.high}"

    def events_path(self) -> Path:
        """The file of its events, checked. Raises Conflict where it is missing or was changed."""
        return _checked(Path(self.folder) / self.events_file, self.events_digest)

    def baseline_path(self) -> Path:
        """The file of its baseline, checked. Raises Conflict where it is missing or was changed."""
        return _checked(Path(self.folder) / self.baseline_file, self.baseline_digest)


COLUMNS = tuple(f.name for f in fields(Archive))
ALL = f"SELECT {', '.join(COLUMNS)} FROM archive ORDER BY high"  # noqa: S608
BEHIND = "SELECT folder, events_file FROM archive WHERE high > $1 ORDER BY high"
HORIZON = "SELECT coalesce(max(high), 0) FROM archive"
ADD = f"INSERT INTO archive ({', '.join(COLUMNS)}) VALUES ({', '.join(f'${n + 1}' for n in range(len(COLUMNS)))})"  # noqa: S608
_known: dict[Path, tuple[int, int, str]] = {}  # size, time and digest of the files that this process has read


async def horizon(conn: Connection) -> int:
    """The last position that is archived; 0 where none is."""
    return int(await conn.fetchval(HORIZON))


async def all_of(conn: Connection) -> list[Archive]:
    """All archives, in order."""
    return [Archive(**dict(row)) for row in await conn.fetch(ALL)]


async def require_files(conn: Connection, after: int) -> None:
    """Raise Conflict where a file of the events behind a position is missing."""
    for row in await conn.fetch(BEHIND, after):
        path = Path(row["folder"]) / row["events_file"]
        if not path.is_file():
            raise Conflict(f"{path.name}, a file of archived events, is missing", hint=HINT)


async def add(conn: Connection, archive: Archive) -> None:
    """Record an archive."""
    await conn.execute(ADD, *(getattr(archive, name) for name in COLUMNS))


def files() -> "ModuleType":
    """The module that reads and writes the files; imported when it is needed, as it takes a quarter of a second."""
    from storax_core.log.archive import archive_files

    return archive_files


def _checked(path: Path, digest: str) -> Path:
    """Hash a file when it is first read, and again when it has changed since."""
    try:
        now = path.stat()
        state: Any = (now.st_size, now.st_mtime_ns)
        if _known.get(path, (0, 0, ""))[:2] != state:
            _known[path] = (*state, files().digest_of(path))
    except OSError as error:
        raise Conflict(
            f"{path.name}, a file of archived events, cannot be read: {error.strerror}", hint=HINT
        ) from error
    if _known[path][2] != digest:
        raise Conflict(f"{path.name}, a file of archived events, is not the one that was archived", hint=HINT)
    return path
