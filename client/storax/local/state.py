"""The recorded state of a stack, ``stack.json``: enough to find, adopt and stop each of its processes.

Its version is that of the whole folder, ``FORMAT``: a release that adds a field, which older ones can do without,
leaves it as it is. So fields that are not known are ignored.
"""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from storax._runtime.processes import Process


@dataclass
class PartRecord:
    """One part of a stack as it was started.

    Attributes:
        argv: The command.
        fingerprint: Digest of command, environment and version; a running part is adopted only if it is the same.
        signal: Number of the signal that stops it.
        grace: Seconds between that signal and SIGQUIT.
        rank: Parts stop in rising order of rank.
        address: Where it listens, as host:port; empty when it does not.
        state: starting, ready, restarting or stopped.
        restarts: How often the supervisor restarted it.
        process: The running process; None while there is none.
    """

    argv: list[str]
    fingerprint: str = ""
    signal: int = 15
    grace: float = 5.0
    rank: int = 0
    address: str = ""
    state: str = "starting"
    restarts: int = 0
    process: Process | None = None

    @classmethod
    def parse(cls, values: dict[str, Any]) -> Self:
        """Parse the dict that ``asdict`` made."""
        return cls(**{**_known(cls, values), "process": _process(values.get("process"))})


@dataclass
class Stack:
    """A stack: its addresses, its secrets, its processes.

    Attributes:
        id: Marks the processes of this data folder, and of no other.
        version: Version of Storax that wrote this.
        phase: stopped, starting, ready, stopping or failed.
        error: Why it failed; empty unless it did.
        url: Address of the API; empty for the servers alone.
        database_url: Address of Postgres, password included.
        redis_url: Address of Valkey or Redis, password included.
        ports: Port by part.
        secrets: Passwords and the token of the local user.
        prepared: Digest of the version and addresses for which the schema, and the site, were prepared.
        run_dir: Folder of the sockets.
        supervisor: The process that supervises the parts.
        parts: The parts that were started, by name.
    """

    id: str = field(default_factory=lambda: secrets.token_hex(8))
    version: str = ""
    phase: str = "stopped"
    error: str = ""
    url: str = ""
    database_url: str = field(default="", repr=False)
    redis_url: str = field(default="", repr=False)
    ports: dict[str, int] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    prepared: dict[str, str] = field(default_factory=dict)
    run_dir: str = ""
    supervisor: Process | None = None
    parts: dict[str, PartRecord] = field(default_factory=dict)

    @classmethod
    def parse(cls, values: dict[str, Any]) -> Self:
        """Parse the dict that ``as_dict`` made."""
        parts = {name: PartRecord.parse(part) for name, part in values.get("parts", {}).items()}
        return cls(**{**_known(cls, values), "supervisor": _process(values.get("supervisor")), "parts": parts})

    def as_dict(self) -> dict[str, Any]:
        """Return plain dicts and lists, for JSON."""
        return asdict(self)

    @property
    def supervised(self) -> bool:
        """Whether its supervisor runs."""
        return self.supervisor is not None and self.supervisor.alive()

    @property
    def token(self) -> str:
        """Token of the local user; empty before there is one."""
        return self.secrets.get("token", "")

    def secret(self, name: str) -> str:
        """Return the password of that name, which the first call makes."""
        return self.secrets.setdefault(name, secrets.token_urlsafe(24))

    def alive(self) -> dict[str, Process]:
        """Return the running processes by part."""
        return {name: part.process for name, part in self.parts.items() if part.process and part.process.alive()}


def _known(kind: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in values.items() if name in names}


def _process(values: dict[str, Any] | None) -> Process | None:
    return Process(pid=values["pid"], start=values["start"]) if values else None
