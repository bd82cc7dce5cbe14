"""An agent whose server was restored from a backup: it reports again what was lost, and runs nothing twice for it."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

import backups
from fakes.site import RunningSite
from fakes.site_user import SiteUser
from waiting import eventually
from world import User, World

COUNTED = "echo run >> runs; while [ ! -e go ]; do sleep 0.02; done"


@pytest.fixture
def user(world: World) -> User:
    return world.user()


@pytest.fixture
def site(tmp_path: Path, world: World, user: User) -> Iterator[RunningSite]:
    site = RunningSite(tmp_path / "site", world.url, token=user.token, session_ttl_sec=60, slots=4)
    yield site
    site.close()


@pytest.fixture
def desk(user: User, site: RunningSite) -> SiteUser:
    return SiteUser(user, site)


def workdir(desk: SiteUser, job: int) -> str:
    return str(desk.read(job)["workdir"])


def runs(site: RunningSite, folder: str) -> int:
    return site.read(f"{folder}/runs").count("run")


def restore(world: World, user: User, path: Path) -> None:
    backups.restore(world.database_url, path)
    eventually(lambda: user.ask("GET", "/sites/").status_code == 200)


def set_aside(site: RunningSite) -> list[str]:
    return sorted(json.loads(path.read_text())["name"] for path in site.folder.set_aside.glob("*.json"))


@pytest.mark.slow("an agent starts, and a database is dumped and restored")
def test_what_the_restored_log_lost_is_reported_again_or_set_aside_by_name(
    world: World, user: User, site: RunningSite, desk: SiteUser, tmp_path: Path
) -> None:
    site.start()
    app = desk.app("counted", COUNTED, use_shell=True)
    ended, running = desk.job(app), desk.job(app)
    folders = {job: workdir(desk, job) for job in (ended, running)}
    eventually(lambda: all(runs(site, folder) for folder in folders.values()))
    eventually(lambda: user.states(ended, running) == ["RUNNING", "RUNNING"])
    path = backups.dump(world.database_url, tmp_path / "storax.dump")
    site.file(f"{folders[ended]}/go").touch()
    desk.ended(ended)
    lost = desk.job(desk.app("lost", "exit 3"))
    epoch = desk.ended(lost, "FAILED")["lease_epoch"]
    eventually(lambda: _answered(site, lost))
    restore(world, user, path)
    desk.ended(ended)
    eventually(lambda: set_aside(site))
    site.file(f"{folders[running]}/go").touch()
    desk.ended(running)
    assert {job: runs(site, folder) for job, folder in folders.items()} == {ended: 1, running: 1}
    assert set_aside(site) == [f"report of job {lost}, lease {epoch}, from before the restore"]


def _answered(site: RunningSite, job: int) -> bool:
    """Whether the agent has noted the answer to the job's report."""
    db = sqlite3.connect(f"file:{site.folder.outbox}?mode=ro", uri=True)
    try:
        return any(f'"id":{job},'.encode() in body for (body,) in db.execute("SELECT body FROM answered"))
    finally:
        db.close()
