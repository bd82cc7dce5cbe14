"""The embedded Valkey: its configuration and command."""

import hashlib
import os

from storax.local.folder import Folder
from storax.local.servers import binaries
from storax.local.servers import valkey_access as access
from storax.local.servers.ports import HOST
from storax.local.servers.probes import valkey_answers
from storax.local.stack_parts import Part
from storax.local.state import Stack

_RANK = 2
USERS = {part: f"storax_{part}" for part in access.RULES}


def url(stack: Stack, *, port: int, user: str = "") -> str:
    """Return the address of the server for a user, by default the one who may do everything; password included."""
    return f"redis://{user}:{stack.secret(_name(user))}@{HOST}:{port}/0"


def _name(user: str) -> str:
    return f"valkey_{user}" if user else "valkey"


def valkey_part(folder: Folder, *, stack: Stack, port: int, fsync: bool = True) -> Part:
    """Return the part that runs Valkey.

    Raises:
        MissingWheelError: the wheel is not installed.
    """
    password = stack.secret("valkey")
    users = {user: stack.secret(_name(user)) for user in USERS.values()}
    rules = "".join(f"user {user} {access.rule(part, users[user])}\n" for part, user in USERS.items())
    digest = hashlib.sha256(rules.encode()).hexdigest()
    settings = folder.valkey / "valkey.conf"

    def write_settings() -> None:
        # A file, and not arguments: every user of the machine can read the arguments of a process.
        handle = os.open(settings, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(_settings(folder, port=port, password=password, durable=fsync) + rules)

    def answers() -> bool:
        return valkey_answers(port, password=password)

    return Part(
        name="valkey", argv=(str(binaries.valkey_program()), str(settings)), clean=True, before=write_settings,
        # So that the fingerprint tells ports and users apart: a server of an earlier release is started anew.
        environment=lambda: {"STORAX_VALKEY_PORT": str(port), "STORAX_VALKEY_USERS": digest},
        ready=answers, alive=answers, retry=lambda log: "Address already in use" in log, rank=_RANK,
        address=f"{HOST}:{port}",
    )  # fmt: skip


def _settings(folder: Folder, *, port: int, password: str, durable: bool) -> str:
    data = str(folder.valkey).replace("\\", "\\\\").replace('"', '\\"')
    return f"""\
bind {HOST}
port {port}
dir "{data}"
requirepass {password}
appendonly yes
appendfsync {"everysec" if durable else "no"}
save ""
maxmemory-policy noeviction
set-proc-title no
"""
