"""Making, starting, stopping and removing a site, from outside its agent."""

import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from storax._runtime.settings import Connection, resolve
from storax._runtime.suggestions import nearest
from storax.errors import Conflict, InvalidInput, StoraxError
from storax_agent.files.free_space import FreeSpace, FullError
from storax_agent.files.locks import AlreadyRunningError, holder
from storax_agent.launch.end_jobs import end_everything
from storax_agent.schedulers.cluster import write_template
from storax_agent.schedulers.registry import detect
from storax_agent.server.site_api import SiteApi
from storax_agent.settings.scheduler_kinds import KINDS
from storax_agent.settings.site import SiteError, SiteFolder

START_SEC = 60.0  # Python may come over a slow network to a busy login node
STOP_SEC = 20.0


def init(
    folder: SiteFolder,
    *,
    connection: Connection,
    name: str | None,
    options: Mapping[str, Any],
    scheduler: str | None = None,
    defaults: Mapping[str, str | None] | None = None,
) -> tuple[int, bool]:
    """Register the site at the server and write its folder; a site of that name is taken over, not made twice.

    ``options`` are further settings, None for what was not said, and ``defaults`` those of ``[scheduler]``.
    ``scheduler`` is a kind, ``auto`` to look for one when the site is new, None to leave all as it is. On a cluster the
    agent itself runs no jobs, unless ``run_jobs`` says so.
    Returns its id, and whether it is new at the server.

    Raises:
        StoraxError: the server is not there, or refuses.
    """
    known = folder.load() if folder.settings_file.is_file() else None
    name = name or (known.name if known else "") or default_name(folder.path)
    values = {key: value for key, value in options.items() if value is not None}
    if known is None:
        values.setdefault("slots", os.cpu_count() or 1)
    kind = _kind(scheduler, is_new_folder=known is None)
    if kind not in (None, "local") and known is None:
        values.setdefault("run_jobs", False)
    api = SiteApi(connection.url, connection.secret)
    try:
        row, is_new = _register(api, name, folder.path)
        own = _own_token(api, folder, connection, row)
    finally:
        api.close()
    folder.make()
    if own is not connection and (profile := _profile_of(connection)):
        values["job_profile"] = profile
    folder.write({"name": name, "site_id": row["id"], **values}, connection=own)
    if is_new:  # claims of another site's BatchJobs, which had the same numbers
        shutil.rmtree(folder.path / "state" / "allocations", ignore_errors=True)
    _set_scheduler(folder, kind, defaults or {})
    return row["id"], is_new


def _own_token(api: SiteApi, folder: SiteFolder, connection: Connection, site: Mapping[str, Any]) -> Connection:
    """Return the connection with a token for this site alone: the one in the folder while it is good, else a new one.

    It is the caller's own where that is one, or where the server knows none.
    """
    if api.token_site() == site["id"]:
        return connection
    stored = folder.token_file.read_text(encoding="utf-8").strip() if folder.token_file.is_file() else ""
    if not _is_of_site(connection.url, stored, site["id"]):
        stored = api.create_site_token(site["id"], f"site {site['name']}") or ""
    if not stored:
        return connection
    return Connection(url=connection.url, token=SecretStr(stored), source="the site's token")


def _is_of_site(url: str, token: str, site_id: int) -> bool:
    if not token:
        return False
    api = SiteApi(url, token)
    try:
        return api.token_site() == site_id
    except StoraxError:
        return False
    finally:
        api.close()


def _profile_of(connection: Connection) -> str | None:
    """The profile that the connection was taken from; None for another source."""
    return connection.source.removeprefix("profile ") if connection.source.startswith("profile ") else None


def _set_scheduler(folder: SiteFolder, kind: str | None, defaults: Mapping[str, str | None]) -> None:
    folder.choose_scheduler(kind, **defaults)
    if kind not in (None, "local"):
        write_template(folder.path, kind)
    folder.load()


def _kind(scheduler: str | None, *, is_new_folder: bool) -> str | None:
    if scheduler == "auto":
        return detect() if is_new_folder else None
    if scheduler not in (None, *KINDS):
        raise InvalidInput(f"there is no kind of scheduler {scheduler!r}", hint=nearest(scheduler or "", KINDS))
    return scheduler


def _register(api: SiteApi, name: str, path: Path) -> tuple[dict[str, Any], bool]:
    row = api.find_site(name)
    if row is None:
        try:
            return api.create_site({"name": name, "path": str(path)}), True
        except (Conflict, InvalidInput):
            row = api.find_site(name)  # made by somebody else meanwhile
            if row is None:
                raise
    if row["path"] != str(path):
        row = api.update_site(row["id"], {"path": str(path)})
    return row, False


def default_name(path: Path) -> str:
    """The name of a site that was given none: the folder's and the machine's."""
    return f"{path.name or 'site'}@{socket.gethostname()}"[:100]


def start(folder: SiteFolder) -> int:
    """Start the agent in the background; returns its pid when it runs.

    Raises:
        SiteError: it ended at once, and the log says why; or it is not up yet, and starts on.
        AlreadyRunningError: it runs already.
        FullError: its folder has no room.
    """
    folder.load()
    folder.make()
    if (pid := holder(folder.lock)) is not None:
        raise AlreadyRunningError(pid)
    if reason := FreeSpace([folder.state, folder.log]).check(write=True):
        raise FullError(f"{reason}; the agent cannot start", hint="Make room, then start it.")
    log = folder.log / "agent.out"
    out = (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), out, (os.POSIX_SPAWN_DUP2, 1, 2)]
    arguments = [sys.executable, "-P", "-m", "storax_agent", "run", str(folder.path)]
    child = os.posix_spawn(sys.executable, arguments, os.environ, file_actions=actions, setsid=True)
    deadline = time.monotonic() + START_SEC
    while time.monotonic() < deadline:
        if holder(folder.lock) == child:
            return child
        if os.waitpid(child, os.WNOHANG)[0]:
            last = (log.read_text(errors="replace").strip().splitlines() or ["it gave no reason"])[-1]
            raise SiteError(f"the agent of {folder.path} did not start: {last}", hint=f"See {log}.")
        time.sleep(0.02)
    late = f"the agent of {folder.path} (process {child}) is not up after {START_SEC:.0f} s, and may still come"
    raise SiteError(late, hint=f"Look again with: storax site check {folder.path}")


def stop(folder: SiteFolder, *, kill: bool) -> tuple[bool, bool]:
    """Stop the agent; with ``kill`` its jobs too, also when no agent runs. Returns whether one ran, and any job.

    Raises:
        SiteError: the agent does not end within 20 s.
    """
    pid = holder(folder.lock)
    if pid is not None:
        os.kill(pid, signal.SIGUSR1 if kill else signal.SIGTERM)
        deadline = time.monotonic() + STOP_SEC
        while holder(folder.lock) == pid:
            if time.monotonic() > deadline:
                raise SiteError(
                    f"the agent (process {pid}) did not end within {STOP_SEC:.0f} s", hint="See log/agent.log."
                )
            time.sleep(0.02)
    return pid is not None, bool(end_everything(folder)) if kill else False


def api_of(folder: SiteFolder) -> SiteApi:
    """The server of a site, with its token."""
    settings = folder.load()
    return SiteApi(settings.url, folder.token(settings))


def account_of(folder: SiteFolder) -> SiteApi:
    """The server of a site, with the token of the owner's account, where a profile or variable has one for it."""
    settings = folder.load()
    return SiteApi(settings.url, resolve(settings.url).secret or folder.token(settings))
