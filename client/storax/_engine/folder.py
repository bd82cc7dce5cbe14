"""The engine's folder: ``lock``, ``engine.json`` (mode 0600), its socket, its log and ``projects/``."""

import json
import os
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from storax._runtime.atomic_files import atomic_write
from storax._runtime.locks import lock
from storax._runtime.processes import Process

PROTOCOL = 1  # grows when an engine and a client of different releases can no longer work together
_SOCKET_PATH_LIMIT = 100  # the kernel's limit is 107 bytes


@dataclass(frozen=True)
class Running:
    """What the engine's process writes down about itself once it can be called.

    Attributes:
        process: its pid and start time.
        socket: path of its Unix socket.
        secret: what callers must show.
        url: the platform that it tells of every change.
        version: version of Storax that it runs.
        protocol: version of the protocol that it speaks.
    """

    process: Process
    socket: str
    secret: str = field(repr=False)
    url: str
    version: str
    protocol: int = PROTOCOL

    @classmethod
    def parse(cls, content: dict[str, Any]) -> Self:
        """Read what ``asdict`` wrote; the first release wrote no protocol, and its engine speaks 1."""
        process = Process(pid=int(content["process"]["pid"]), start=str(content["process"]["start"]))
        texts = {name: str(content[name]) for name in ("socket", "secret", "url", "version")}
        return cls(process=process, **texts, protocol=int(content.get("protocol", 1)))


@dataclass(frozen=True)
class EngineFolder:
    """A folder that one engine serves at a time."""

    path: Path

    @classmethod
    def default(cls) -> Self:
        """``STORAX_HOME/engine``."""
        from storax._runtime.settings import home

        return cls(home() / "engine")

    @property
    def projects(self) -> Path:
        """A folder for each project."""
        return self.path / "projects"

    @property
    def log(self) -> Path:
        """The log file, to which the engine's process prints."""
        return self.path / "engine.log"

    def prepare(self) -> None:
        """Make the folder, for its owner alone, where it is missing."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.projects.mkdir(mode=0o700, exist_ok=True)

    def read(self) -> Running | None:
        """Return the engine that ``engine.json`` records, if its process lives; else None."""
        try:
            running = Running.parse(json.loads((self.path / "engine.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return running if running.process.alive() else None

    def write(self, running: Running) -> None:
        """Replace ``engine.json`` in one step."""
        atomic_write(self.path / "engine.json", json.dumps(asdict(running)), mode=0o600)

    def forget(self) -> None:
        """Remove ``engine.json`` and the socket; for the engine that ends."""
        running = self.read()
        (self.path / "engine.json").unlink(missing_ok=True)
        if running is not None:
            Path(running.socket).unlink(missing_ok=True)
            if Path(running.socket).parent != self.path:
                Path(running.socket).parent.rmdir()

    def socket(self) -> Path:
        """Return the path of the socket: in the folder, or in a new short one if that path is too long."""
        own = self.path / "engine.sock"
        if len(os.fsencode(own)) <= _SOCKET_PATH_LIMIT:
            own.unlink(missing_ok=True)
            return own
        return Path(tempfile.mkdtemp(prefix="storax-engine-", dir="/tmp")) / "engine.sock"

    def lock(self, name: str = "lock", *, wait: bool = False) -> int | None:
        """Lock this folder for this process; None when another one has it. Dies with the holder."""
        return lock(self.path / name, wait=wait)
