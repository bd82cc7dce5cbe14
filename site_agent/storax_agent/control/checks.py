"""What `storax site check` looks at, one line each."""

import os
import shutil
import sqlite3
from collections.abc import Iterator

from storax.errors import StoraxError, Unauthorized
from storax_agent.control.scheduler_checks import Finding, scheduler_findings
from storax_agent.files.free_space import FreeSpace
from storax_agent.files.locks import holder
from storax_agent.files.set_aside import SetAside
from storax_agent.launch.mpi import launch_of
from storax_agent.loops.health import FILE as HEALTH_FILE
from storax_agent.loops.health import read as read_health
from storax_agent.loops.token_refresh import is_near, words_of
from storax_agent.server.site_api import SiteApi
from storax_agent.settings.policy import app_digest
from storax_agent.settings.site import SiteFolder, SiteSettings
from storax_agent.transfers.services import Locations


def check(folder: SiteFolder) -> Iterator[Finding]:
    """Look at the folder, its agent, the server and the site's policy.

    Raises:
        SiteError: the folder is no site.
    """
    settings = folder.load()
    memory = f"{settings.memory_mb} MiB of memory" if settings.memory_mb else "memory unknown, not packed"
    yield Finding("settings", True, f"{settings.name}, {settings.slots} cores, {settings.gpus} GPUs, {memory}")
    private = folder.path.stat().st_mode & 0o077 == 0
    yield Finding(
        "folder",
        private,
        "accessible only to its owner" if private else f"accessible to others; run chmod 700 {folder.path}",
    )
    yield Finding("launch", None, _launch(settings))
    yield from _disk(folder, settings)
    yield from _processes(folder)
    yield from _loops(folder)
    yield from scheduler_findings(folder, settings)
    yield from _locations(folder, settings)
    yield from _server(folder, settings)


def _disk(folder: SiteFolder, settings: SiteSettings) -> Iterator[Finding]:
    """As the agent looks before it starts jobs."""
    space = FreeSpace([folder.data, folder.state, folder.log], settings.launcher.min_free_mb << 20)
    reason = space.check(write=True)
    yield Finding("disk", not reason, reason or f"{shutil.disk_usage(folder.data).free >> 20} MiB free for data")


def _launch(settings: SiteSettings) -> str:
    kind, _ = launch_of(settings.launcher.launch, settings.environment.job(os.environ))
    return (
        "no mpiexec on the PATH; jobs of several ranks are refused"
        if kind == "none"
        else f"ranks are started by {kind}"
    )


def _processes(folder: SiteFolder) -> Iterator[Finding]:
    agent, launcher = holder(folder.lock), holder(folder.state / "launcher.lock")
    yield Finding(
        "agent", agent is not None, f"process {agent}" if agent else f"not running; storax site start {folder.path}"
    )
    yield Finding("launcher", None, f"process {launcher}" if launcher else "not running; no job needs it")
    yield Finding("outbox", None, f"{_waiting(folder)} reports waiting to be sent")
    yield from _set_aside(folder)


def _set_aside(folder: SiteFolder) -> Iterator[Finding]:
    """Nothing waits for these any more, so they are no fault of the site now."""
    summary = SetAside(folder.set_aside).summary()
    if summary.count:
        where = f"{folder.set_aside}; remove what you have looked at"
        yield Finding("set aside", None, f"{summary.count} records that could not be read or sent, in {where}")
    for record in summary.newest:
        yield Finding("set aside", None, f"{record.name}: {record.reason}")


def _loops(folder: SiteFolder) -> Iterator[Finding]:
    if holder(folder.lock) is None:
        return
    for name, health in read_health(folder.state / HEALTH_FILE).items():
        if health.errors:
            now = f"now: {health.failing}" if health.failing else "none now"
            yield Finding(f"loop {name}", False if health.failing else None, f"{health.errors} errors so far, {now}")


def _waiting(folder: SiteFolder) -> int:
    if not folder.outbox.is_file():
        return 0
    db = sqlite3.connect(f"file:{folder.outbox}?mode=ro", uri=True)
    try:
        count: int = db.execute("SELECT count(*) FROM outbox").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
    finally:
        db.close()
    return count


def _locations(folder: SiteFolder, settings: SiteSettings) -> Iterator[Finding]:
    """Each location is really asked, as an agent would ask it."""
    places = Locations(
        settings.transfer_locations, data=folder.data, scratch=folder.transfers, environment=settings.environment
    )
    for alias in settings.transfer_locations:
        try:
            yield Finding(f"location {alias}", True, places.service(alias).check())
        except Exception as error:  # whatever a library says of a place it cannot use, the check goes on
            yield Finding(f"location {alias}", False, str(error) or repr(error))


def _server(folder: SiteFolder, settings: SiteSettings) -> Iterator[Finding]:
    try:
        api = SiteApi(settings.url, folder.token(settings), connect_within=2.0)
    except StoraxError as error:
        yield Finding("server", False, str(error))
        return
    try:
        yield from _ask_server(api, settings)
        yield from _token(api, folder, settings)
    except Unauthorized as error:
        place = folder.token_place(settings)
        yield Finding("token", False, f"{error.message}; put another token into {place}; a running agent reads it")
    except StoraxError as error:
        yield Finding("server", False, str(error))
    finally:
        api.close()


def _token(api: SiteApi, folder: SiteFolder, settings: SiteSettings) -> Iterator[Finding]:
    yield _token_end(api, folder, settings)
    if api.token_site() is None:  # as of sites of earlier releases
        yield Finding(
            "token", None, "speaks for your whole account, and jobs can read it; `storax site init "
            f"{folder.path}` replaces it with one that may only lease and report for this site",
        )  # fmt: skip


def _token_end(api: SiteApi, folder: SiteFolder, settings: SiteSettings) -> Finding:
    expires = api.token_expires()
    if is_near(expires, warn_days=settings.token_warn_days):  # nothing is wrong yet
        return Finding(
            "token", None, f"{words_of(expires)}; put another token into {folder.token_place(settings)} before"
        )
    return Finding("token", True, words_of(expires))


def _ask_server(api: SiteApi, settings: SiteSettings) -> Iterator[Finding]:
    username = api.username()
    row = api.find_site(settings.name)
    yield Finding("server", True, f"{settings.url}, as {username}")
    known = row is not None and row["id"] == settings.site_id
    yield Finding(
        "site", known, f"id {settings.site_id}" if known else "unknown at the server; storax site init registers it"
    )
    policy = settings.policy.policy()
    for app in api.apps_of_site(settings.site_id) if known else []:
        objection = policy.objection(app, submitter=username)
        yield Finding(f"app {app['name']}", not objection, objection or app_digest(app))
