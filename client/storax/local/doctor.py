"""`storax doctor`: check the connection and this machine, and say how to mend what is wrong."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storax.local.errors import LocalError
from storax.local.folder import Folder
from storax.local.servers import binaries
from storax.local.servers.probes import http_get

_SHM = Path("/dev") / "shm"
_SHM_MIN_MB = 64
_DISK_MIN_MB = 1024


@dataclass(frozen=True)
class Finding:
    """The result of one check, as `storax doctor` prints it: its name, whether it passed, its facts, the way out."""

    check: str
    ok: bool
    found: str
    fix: str = ""


def examine(data: Path) -> Iterator[Finding]:
    """Run every check, one after the other. No check changes anything or raises."""
    yield from _connection()
    yield _wheel("embedded Postgres", binaries.postgres_folder)
    yield _wheel("embedded Valkey", binaries.valkey_program)
    yield _data_folder(data)
    yield _disk(data)
    yield _shared_memory()


def _connection() -> Iterator[Finding]:
    from storax._runtime import settings

    try:
        connection = settings.resolve()
    except settings.SettingsError as error:
        yield Finding("profile", False, str(error.args[0]), error.hint)
        return
    yield Finding("profile", True, f"{connection.url} (from {connection.source})")
    yield from _server(connection.url, token=connection.secret or "")


def _server(url: str, *, token: str) -> Iterator[Finding]:
    code, _ = http_get(f"{url}/healthz")
    if code != 200:
        fix = "Start it with `storax up`, or log in to another server with `storax login URL`."
        yield Finding("server", False, f"{url} does not respond" if code == 0 else f"{url} answers {code}", fix)
        return
    yield Finding("server", True, f"{url} answers{_server_version(url)}")
    ready = http_get(f"{url}/readyz")
    yield _ready(*ready)
    yield from _database_login(*ready)
    yield _login(http_get(f"{url}/api/v1/auth/me", token=token), url=url)


def _server_version(url: str) -> str:
    _, document = http_get(f"{url}/openapi.json")
    version = document.get("info", {}).get("version") if isinstance(document, dict) else None
    return f", version {version}" if version else ""


def _ready(code: int, body: Any) -> Finding:
    status = body if isinstance(body, dict) else {}
    if code != 200:
        return Finding("readyz", False, str(status.get("detail") or status.get("status") or f"answers {code}"),
                       "See `storax status`. The logs are in the data folder, under log/.")  # fmt: skip
    if status.get("redis") == "down":
        return Finding("readyz", False, "Redis is down; jobs still run, but start later",
                       "See `storax status`, and check STORAX_REDIS_URL if it is set.")  # fmt: skip
    if stale := status.get("stale"):
        return Finding("readyz", False, f"without a heartbeat: {', '.join(stale)}",
                       "See the log of that part: under log/ of the data folder, or of its container.")  # fmt: skip
    return Finding("readyz", True, "Postgres and Redis answer, and all parts work")


def _database_login(code: int, body: Any) -> Iterator[Finding]:
    """Whether the API may do more in Postgres than it needs; servers of an earlier release do not say."""
    if code == 200 and isinstance(body, dict) and "excess" in body:
        excess = body["excess"]
        yield Finding("database login", not excess, excess or "may do what the API needs",
                      "Create roles of less with `storax admin roles`, and give each process its own URL.")  # fmt: skip


def _login(answer: tuple[int, Any], *, url: str) -> Finding:
    code, body = answer
    if code != 200:
        return Finding("token", False, f"the server refuses the token ({code})",
                       f"Run `storax login {url}`; for a server of this machine, `storax up`.")  # fmt: skip
    name = body.get("username") if isinstance(body, dict) else None
    return Finding("token", True, f"logged in as {name}" if name else "accepted")


def _wheel(name: str, find: Callable[[], Path]) -> Finding:
    try:
        return Finding(name, True, str(find()))
    except LocalError as error:
        return Finding(name, False, "not installed", str(error))


def _data_folder(data: Path) -> Finding:
    existing = next(folder for folder in (data, *data.parents) if folder.exists())
    try:
        Folder(data).check()
    except (LocalError, OSError) as error:
        return Finding("data folder", False, str(data), str(error))
    if not os.access(existing, os.W_OK | os.X_OK):
        return Finding("data folder", False, f"{existing} is not writable", "Choose another folder with --data.")
    return Finding("data folder", True, f"{data} is writable")


def _disk(data: Path) -> Finding:
    existing = next(folder for folder in (data, *data.parents) if folder.exists())
    free = shutil.disk_usage(existing).free // 2**20
    return Finding("disk", free >= _DISK_MIN_MB, f"{free:,} MiB free",
                   f"Free disk space: Postgres alone may use {_DISK_MIN_MB * 4:,} MiB for its log.")  # fmt: skip


def _shared_memory() -> Finding:
    if not os.access(_SHM, os.W_OK):
        return Finding("shared memory", False, f"{_SHM} is not writable", "Mount a tmpfs there; Postgres needs it.")
    free = shutil.disk_usage(_SHM).free // 2**20
    return Finding("shared memory", free >= _SHM_MIN_MB, f"{free:,} MiB free in {_SHM}",
                   "Enlarge it (docker run --shm-size=256m); Postgres needs it for large queries.")  # fmt: skip
