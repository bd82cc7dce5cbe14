"""The embedded Valkey: its configuration and command."""

import os

from storax.local.folder import Folder
from storax.local.servers import binaries
from storax.local.servers.ports import HOST
from storax.local.servers.probes import valkey_answers
from storax.local.stack_parts import Part
from storax.local.state import Stack

_RANK = 2


def url(stack: Stack, *, port: int) -> str:
    """Return the address of the server, password included."""
    return f"redis://:{stack.secret('valkey')}@{HOST}:{port}/0"


def valkey_part(folder: Folder, *, stack: Stack, port: int, fsync: bool = True) -> Part:
    """Return the part that runs Valkey.

    Raises:
        MissingWheelError: the wheel is not installed.
    """
    password = stack.secret("valkey")
    settings = folder.valkey / "valkey.conf"

    def write_settings() -> None:
        # A file, and not arguments: every user of the machine can read the arguments of a process.
        handle = os.open(settings, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(_settings(folder, port=port, password=password, durable=fsync))

    def answers() -> bool:
        return valkey_answers(port, password=password)

    return Part(
        name="valkey", argv=(str(binaries.valkey_program()), str(settings)), clean=True, before=write_settings,
        environment=lambda: {"STORAX_VALKEY_PORT": str(port)},  # so that the fingerprint tells ports apart
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
