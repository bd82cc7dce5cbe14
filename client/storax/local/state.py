"""What is written down about a stack, in ``stack.json``: enough to find, adopt and stop every process of it."""

import secrets
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from storax._runtime.processes import Process


@dataclass
class Record:
    """One part of a stack as it was started.

    Attributes:
        argv: the command.
        fingerprint: digest of command, environment and version; a running part is adopted only if it is the same.
        signal: number of the signal that asks it to stop.
        grace: seconds it is given to stop.
        rank: parts stop in rising order of rank.
        address: where it listens, as host:port; empty when it does not.
        state: starting, ready, restarting or stopped.
        restarts: how often the supervisor started it again.
        process: the running process; None while there is none.
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
    def parse(cls, words: dict[str, Any]) -> Self:
        """Read what ``asdict`` wrote."""
        return cls(**{**words, "process": _process(words.get("process"))})


@dataclass
class Stack:
    """A stack: its addresses, its secrets, its processes.

    Attributes:
        id: marks the processes of this data folder, and of no other.
        version: version of Storax that wrote this.
        phase: stopped, starting, ready, stopping or failed.
        error: why it failed.
        url: address of the API.
        database_url: address of Postgres, password included.
        redis_url: address of Valkey or Redis, password included.
        ports: port by part.
        secrets: passwords and the token of the local user.
        prepared: digest of the version and addresses for which the schema, and the site, were made ready.
        run_dir: folder of the sockets.
        supervisor: the process that looks after the parts.
        parts: what was started, by name.
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
    parts: dict[str, Record] = field(default_factory=dict)

    @classmethod
    def parse(cls, words: dict[str, Any]) -> Self:
        """Read what ``as_dict`` wrote."""
        parts = {name: Record.parse(part) for name, part in words.get("parts", {}).items()}
        return cls(**{**words, "supervisor": _process(words.get("supervisor")), "parts": parts})

    def as_dict(self) -> dict[str, Any]:
        """Plain dicts and lists, for JSON."""
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
        """The password of that name, made at the first call."""
        return self.secrets.setdefault(name, secrets.token_urlsafe(24))

    def alive(self) -> dict[str, Process]:
        """The running processes by part."""
        return {name: part.process for name, part in self.parts.items() if part.process and part.process.alive()}


def _process(words: dict[str, Any] | None) -> Process | None:
    return Process(pid=words["pid"], start=words["start"]) if words else None
