"""A log that is sealed and archived in small ranges, and a history to archive."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from storax_core.admin import archive
from storax_core.log import flow, seals
from storax_core.log.archive.archives import Archive
from waiting import eventually
from world import User, World, as_login

PER_SEAL = 7


@pytest.fixture(autouse=True)
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Archive seal by seal, however many resources live; for the tests of a file that names it."""
    monkeypatch.setattr(archive, "EVENTS_PER_ARCHIVE", PER_SEAL)
    monkeypatch.setattr(archive, "LIVING", "SELECT 0")


def end(world: World) -> int:
    """The last position, once it is published."""
    position = int(world.value("SELECT max(position) FROM event_log") or 0)  # 0: no test before it wrote an event
    eventually(lambda: (world.value("SELECT max(position) FROM feed") or 0) >= position)
    return position


def sealed(world: World) -> None:
    """Seal the whole log in small ranges, and count it."""
    upto = end(world)

    async def run() -> None:
        async with world.db.worker() as conn:
            await flow.count(conn)
            while True:
                async with conn.transaction():
                    if not await seals.add(conn, upto, per=PER_SEAL):
                        return

    world.run(run())


def archived(world: World, folder: Path, before: int | datetime = 2**60) -> list[Archive]:
    """Archive what can be, seal by seal, as the login that owns the tables."""
    sealed(world)
    owner = as_login(world.database_url, "storax_owner")
    return asyncio.run(archive.run(owner, before, folder, report=lambda *_: None))


def story(user: User) -> dict[str, Any]:
    """A history with all kinds of events; returns ids of what was in it."""
    site = user.site()
    app = user.app(site)
    batch = user.post("/batch-jobs/", {"site_id": site})["id"]
    session = user.session(site)
    inside = user.session(site, batch_job_id=batch)
    jobs = user.jobs(app, 6, tags={"run": "a"})
    finished, failed = user.acquire(inside, 2)
    user.finish(inside, finished)
    user.finish(inside, failed, last="RUN_ERROR")
    user.patch(f"/jobs/{jobs[2]}", {"state": "CANCELLED"})
    user.patch("/jobs/", {"filter": {"id": jobs[3:5]}, "patch": {"tags": {"run": "b"}, "priority": 7}})
    (child,) = user.jobs(app, 1, parent_ids=[finished["id"]])
    user.delete(f"/jobs/{jobs[5]}")
    user.delete(f"/jobs/{finished['id']}")
    return {
        "site": site,
        "app": app,
        "batch": batch,
        "jobs": jobs,
        "failed": failed["id"],
        "child": child,
        "session": session,
    }


def pages(user: User, **ask: Any) -> list[list[int]]:
    """The positions of each page."""
    return [[row["position"] for row in page] for page in rows_of_pages(user, **ask)]


def rows_of_pages(user: User, **ask: Any) -> list[list[dict[str, Any]]]:
    """The rows of each page."""
    rows: list[list[dict[str, Any]]] = []
    cursor = None
    while True:
        page = user.post("/events/query", {"limit": 12, **ask, **({"cursor": cursor} if cursor else {})})
        rows.append(page["results"])
        cursor = page["next"]
        if cursor is None:
            return rows


def differing(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return {name: (replies, after[name]) for name, replies in before.items() if replies != after[name]}
