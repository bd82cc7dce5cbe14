"""Every kind of write holds the fence of the watermark."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg

from storax_core.log import sql
from world import World


def test_every_statement_that_appends_holds_the_fence_while_it_does(world: World) -> None:
    """An exclusive holder of the fence stops every kind of write, so none of them goes past it."""
    user = world.user()
    site = user.site()
    app = user.app(site)
    jobs = user.jobs(app, 4)
    session = user.session(site)
    (held,) = user.acquire(session)
    batch = user.post("/batch-jobs/", {"site_id": site})["id"]
    calls: list[tuple[str, str, Any]] = [
        ("POST", "/sites/", {"name": "fenced"}), ("PATCH", f"/sites/{site}", {"path": "/x"}), ("POST", "/jobs/", {"app_id": app, "workdir": "w"}),
        ("PATCH", f"/jobs/{jobs[3]}", {"priority": 1}), ("PATCH", f"/jobs/{jobs[3]}", {"state": "FAILED"}), ("DELETE", f"/jobs/{jobs[2]}", None),
        ("POST", f"/sessions/{session}/acquire", {}), ("POST", f"/sessions/{session}/acquire", {"max_aggregate_nodes": 5}),
        ("POST", f"/sessions/{session}/acquire-batch-jobs", {}), ("PATCH", f"/batch-jobs/{batch}", {"state": "finished"}),
        ("POST", f"/sessions/{session}/report", {"reports": [{"id": held["id"], "lease_epoch": 1, "moves": [{"to": "RUNNING", "at": "2026-01-01T00:00:00Z"}]}]}),
        ("POST", "/jobs/cancel", {"filter": {"id": jobs[1:]}}), ("POST", "/tokens/", {"name": "t"}), ("DELETE", f"/sessions/{session}", None),
    ]  # fmt: skip

    async def stop() -> Any:
        conn = await asyncpg.connect(world.database_url)
        await conn.execute(f"SELECT pg_advisory_lock({sql.FENCE})")
        return conn

    def count() -> int:
        return int(world.value("SELECT coalesce(max(position), 0) FROM event_log"))

    for method, path, body in calls:
        holder, before = world.run(stop()), count()
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(user.ask, method, path, body)
            time.sleep(0.1)
            waiting = not call.done()
            written = count() - before
            world.run(holder.close())
            assert call.result(60).status_code < 300, (method, path, call.result().text)
        assert waiting, (method, path)
        assert written == 0
