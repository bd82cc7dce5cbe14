"""The feeder: reads the log up to the watermark, and writes to Redis: ids of jobs that became runnable, sessions to
wake, the position for the stream. One feeder leads at a time, by a Postgres advisory lock; any other takes over.

The leader's lock belongs to a connection of its own, which Postgres ends when the feeder is silent for long. Every step
has a deadline; whatever goes wrong, the feeder starts over from Postgres. Its heartbeats say that steps succeed.

What it writes are hints. A second task, the reconciler, puts back the head of every live site's queue from Postgres, so
a lost hint costs seconds and never a job.
"""

import asyncio
import contextlib
import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from storax_core.database import heartbeats, upkeep
from storax_core.database.connections import Connection, Database
from storax_core.lifecycle.states import JOB_TAKEABLE
from storax_core.log import flow, watermark
from storax_core.queues import FILLED, QueueDown, Queues
from storax_core.resources.batch_job import SUBMITTABLE
from storax_core.resources.job import STILL_TAKEABLE, TAKEABLE, first_in_line

log = logging.getLogger("storax.feeder")
LEAD = f"SELECT pg_try_advisory_lock({watermark.LEADER_KEY})"
QUEUE_OF = {"job": "ready", "batch_job": "batch"}
CHUNK = 2000  # events relayed at once
ACTIVE_SEC, IDLE_SEC = 0.002, 0.5  # between checks while an append is under way, and while nothing happens
RECONCILE_SEC = 2.0
PAUSE_SEC = 0.5  # before the next try to lead, and after an error
STEP_SEC = 10.0  # for one step of the leader, and for one look at the lock
BEAT_SEC, FEEDER_LIMIT_SEC, RECONCILER_LIMIT_SEC = 3.0, 15, 60
# A checkpoint lost in a crash does no harm: Redis refuses what is published twice, and the events are durable. Postgres
# itself ends a leader that is silent, and with it the lock, although its connection looks open.
LEADER_SESSION = {"synchronous_commit": "off", "statement_timeout": "10s", "idle_session_timeout": "10s"}
HEAD_LENGTH = 2000  # jobs of each live site that the reconciler keeps in the queue
REFILL = 50_000  # rows per round trip of a full refill, or of one site's
SELECT_RUNNABLE_OF = f"SELECT id, site_id, priority FROM job_state WHERE id = ANY($1::bigint[]) AND {STILL_TAKEABLE}"  # noqa: S608
SELECT_QUEUE_HEADS = f"""SELECT x.* FROM (SELECT DISTINCT site_id FROM session) live, LATERAL (
SELECT id, site_id, priority FROM job_state WHERE site_id = live.site_id AND {TAKEABLE}
ORDER BY {first_in_line("job_state")} LIMIT {HEAD_LENGTH}) x"""  # noqa: S608
SELECT_LINE_OF_SITE = f"""SELECT id, site_id, priority FROM job_state WHERE site_id = $1 AND {TAKEABLE}
ORDER BY {first_in_line("job_state")} LIMIT {REFILL}"""  # noqa: S608
SELECT_ALL_RUNNABLE = (
    f"SELECT id, site_id, priority FROM job_state WHERE {TAKEABLE} AND id > $1 ORDER BY id LIMIT {REFILL}"  # noqa: S608
)
SELECT_SUBMITTABLE = f"SELECT id, site_id, 0 AS priority FROM batch_job WHERE {SUBMITTABLE}"  # noqa: S608


class Feeder:
    """One feeder process; at any time one of them leads."""

    def __init__(self, db: Database, queues: Queues) -> None:
        self.db, self.queues = db, queues
        self.position = 0
        self.woken = asyncio.Event()
        self.redis_lost = True
        self._beaten = 0.0
        self._dropped: set[tuple[str, int]] | None = None  # queue and id, while the reconciler looks for heads

    async def run(self) -> None:
        """Lead whenever nobody else does, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            tasks.create_task(self._lead_for_ever())

    async def _lead_for_ever(self) -> None:
        while True:
            try:
                async with self.db.session(**LEADER_SESSION) as conn:
                    await self._wait_for_lead(conn)
                    await self._lead(conn)
            except Exception as error:
                log.warning("feeder starts over: %s: %s", type(error).__name__, error)
            await asyncio.sleep(PAUSE_SEC)

    async def _wait_for_lead(self, conn: Connection) -> None:
        while True:
            async with asyncio.timeout(STEP_SEC):
                if await conn.fetchval(LEAD):
                    return
            await asyncio.sleep(PAUSE_SEC)

    async def _lead(self, conn: Connection) -> None:
        async with asyncio.timeout(STEP_SEC):
            self.position = await watermark.published(conn)
            await self._drop_foreign_stream(conn)
        mark = watermark.Watermark(safe=self.position)
        helper = asyncio.create_task(self._reconcile_for_ever())
        log.info("feeder leads from position %d", self.position)
        try:
            while True:
                async with asyncio.timeout(STEP_SEC):
                    moved = await self._step(conn, mark)
                    await self._beat(conn)
                if not moved:
                    await self._rest(ACTIVE_SEC if mark.waiting else IDLE_SEC)
        finally:
            helper.cancel()

    async def _beat(self, conn: Connection) -> None:
        if time.monotonic() > self._beaten + BEAT_SEC:
            await heartbeats.beat(conn, heartbeats.FEEDER, FEEDER_LIMIT_SEC)
            self._beaten = time.monotonic()

    async def _drop_foreign_stream(self, conn: Connection) -> None:
        """Drop a stream that is ahead of the log: it is of another database, or forged, and refuses our positions."""
        with contextlib.suppress(QueueDown):
            end = int((await self.queues.feed_end()).partition("-")[0])
            if end > await conn.fetchval(watermark.LAST_DRAWN):
                await self.queues.drop_feed()

    async def _rest(self, seconds: float) -> None:
        # Not wait_for: before Python 3.12 it swallows a cancellation that comes together with the event.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.woken.wait()
        self.woken.clear()

    async def _step(self, conn: Connection, mark: watermark.Watermark) -> bool:
        """Advance the watermark once, and relay the events that became final."""
        safe = await mark.advance(conn)
        if safe <= self.position:
            return False
        rows = await watermark.read(conn, self.position, safe, CHUNK)
        if not rows:
            return False
        await self.relay(conn, rows)
        return True

    async def relay(self, conn: Connection, rows: Sequence[Any]) -> None:
        """Hints first, then the checkpoint, then the stream, whose readers go by the checkpoint.

        A crash in between repeats hints, which is harmless, or leaves readers to look at the checkpoint by themselves.
        """
        last = rows[-1]["position"]
        with self._going_on_without_redis():
            await self._hint(conn, rows)
        await watermark.keep(conn, last)
        self.position = last
        with self._going_on_without_redis():
            if not await self.queues.publish(last):
                await self._drop_foreign_stream(conn)

    @contextlib.contextmanager
    def _going_on_without_redis(self) -> Iterator[None]:
        try:
            yield
        except QueueDown as error:
            if not self.redis_lost:
                log.warning("Redis does not answer, going on without: %s", error)
            self.redis_lost = True

    async def _hint(self, conn: Connection, rows: Sequence[Any]) -> None:
        rows = _without_states_between(rows)
        # What became runnable again in the same batch is added after it was dropped.
        await self._drop([r for r in rows if _is_stale(r)])
        jobs = [r["entity_id"] for r in rows if r["entity"] == "job" and _may_run(r)]
        if jobs:
            await self._push("ready", await conn.fetch(SELECT_RUNNABLE_OF, jobs))
        batch = [r for r in rows if r["entity"] == "batch_job" and _may_submit(r)]
        if batch:
            await self.queues.push_many([("batch", r["site_id"], [(r["entity_id"], 0)]) for r in batch])
        cancels = [r["entity_id"] for r in rows if r["type"] == "job.cancel_requested"]
        if cancels:
            held = await conn.fetch(
                "SELECT session_id, id FROM job_state WHERE id = ANY($1) AND session_id IS NOT NULL", cancels
            )
            await self.queues.push_cancels([(r["session_id"], r["id"]) for r in held])

    async def _drop(self, rows: Sequence[Any]) -> None:
        """Drop the hints at work that was leased, cancelled or deleted, so that no session takes them for work."""
        stale: dict[tuple[str, int], list[int]] = defaultdict(list)
        for row in rows:
            stale[QUEUE_OF[row["entity"]], row["site_id"]].append(row["entity_id"])
        if self._dropped is not None:
            self._dropped.update((kind, row_id) for (kind, _), ids in stale.items() for row_id in ids)
        if stale:
            await self.queues.drop_many([(*queue, ids) for queue, ids in stale.items()])

    async def _push(self, kind: str, rows: Sequence[Any]) -> dict[int, int]:
        """Add jobs, or BatchJobs, to the queues of their sites. Returns how many were not in the queue, by site."""
        by_site: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for row in rows:
            by_site[row["site_id"]].append((row["id"], row["priority"]))
        if not by_site:
            return {}
        added = await self.queues.push_many([(kind, site, ids) for site, ids in by_site.items()])
        return dict(zip(by_site, added, strict=True))

    async def _listen(self) -> None:
        while True:
            try:
                async with contextlib.aclosing(self.queues.wakes()) as wakes:
                    async for _ in wakes:
                        self.woken.set()
            except QueueDown:
                pass  # the leader finds what it is not woken for
            except Exception as error:
                log.warning("feeder listens anew: %s: %s", type(error).__name__, error)
            await asyncio.sleep(PAUSE_SEC)

    async def _reconcile_for_ever(self) -> None:
        while True:
            try:
                await self.reconcile()
            except QueueDown:
                self.redis_lost = True
            except Exception as error:
                log.warning("feeder reconciles anew: %s: %s", type(error).__name__, error)
            await asyncio.sleep(RECONCILE_SEC)

    async def reconcile(self) -> None:
        """Put back what Postgres says is runnable: everything after Redis was lost or flushed, else queue heads."""
        async with self.db.worker() as conn:
            await upkeep.compact_job_counts(conn)
            await upkeep.refresh_statistics(conn)
            if self.redis_lost or await self.queues.marked(FILLED) is None:
                await self._refill(conn)
            else:
                await self._put_back_lines(conn)
            await self._put_back("batch", conn, SELECT_SUBMITTABLE)
            await heartbeats.beat(conn, heartbeats.RECONCILER, RECONCILER_LIMIT_SEC)
            await flow.count(conn)  # last, because no queue waits for it

    async def _put_back_lines(self, conn: Connection) -> None:
        """Put back the head of each queue, and more of a queue that lacked much of its head.

        A queue keeps only those first in line, so that it ends before the work does.
        """
        added = await self._put_back("ready", conn, SELECT_QUEUE_HEADS)
        for site_id, count in added.items():
            if count >= HEAD_LENGTH // 2:
                await self._put_back("ready", conn, SELECT_LINE_OF_SITE, site_id)

    async def _put_back(self, kind: str, conn: Connection, statement: str, *values: int) -> dict[int, int]:
        """Put what a statement finds into the queues, without what was dropped from them while it ran.

        Returns how many were not in the queue, by site.
        """
        self._dropped = set()
        try:
            rows = await conn.fetch(statement, *values)
            return await self._push(kind, [row for row in rows if (kind, row["id"]) not in self._dropped])
        finally:
            self._dropped = None

    async def _refill(self, conn: Connection) -> None:
        at, total = 0, 0
        while rows := await conn.fetch(SELECT_ALL_RUNNABLE, at):
            await self._push("ready", rows)
            await heartbeats.beat(conn, heartbeats.RECONCILER, RECONCILER_LIMIT_SEC)
            at, total = rows[-1]["id"], total + len(rows)
        await self.queues.mark(FILLED, "yes")
        self.redis_lost = False
        log.info("queues refilled with %d jobs", total)


def _without_states_between(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Join the transitions that a thing made in one command: nobody could take it in the states between."""
    joined: list[Mapping[str, Any]] = []
    places: dict[tuple[Any, ...], int] = {}
    for row in rows:
        key = (row["entity"], row["entity_id"], row["timestamp"])
        if row["to_state"] is not None and key in places:
            place = places[key]
            joined[place] = {**row, "from_state": joined[place]["from_state"]}
            continue
        if row["to_state"] is not None:
            places[key] = len(joined)
        joined.append(row)
    return joined


def _may_run(row: Mapping[str, str]) -> bool:
    """Whether this event may have made its job runnable. A call that creates jobs queues them itself."""
    moved = row["to_state"] in JOB_TAKEABLE and row["type"] != "job.created"
    return moved or row["type"] in ("job.released", "job.updated")


def _is_stale(row: Mapping[str, str]) -> bool:
    """Whether this event ended what a hint said: the job, or the BatchJob, may not be taken any more."""
    if row["entity"] == "batch_job":
        left = row["from_state"] == "pending_submission" and not _may_submit(row)
        return left or row["type"] == "batch_job.leased"
    left = row["from_state"] in JOB_TAKEABLE and row["to_state"] not in (*JOB_TAKEABLE, "RUNNING")
    return row["entity"] == "job" and (left or row["type"] == "job.leased")


def _may_submit(row: Mapping[str, str]) -> bool:
    return row["to_state"] == "pending_submission" or row["type"] == "batch_job.released"
