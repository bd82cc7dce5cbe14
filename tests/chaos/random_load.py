"""Random commands against the store, several at once, as users, agents and operators would send them."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from chaos.upkeep import Upkeep
from storax_core.commands import acquire, create, delete, leases, transitions, update, users
from storax_core.database import session_life
from storax_core.database.connections import RETRY, UPKEEP_ROLE, Connection, Database, writing
from storax_core.errors import CoreError
from storax_core.lifecycle.change import Row
from storax_core.lifecycle.states import JobState
from storax_core.log.append import Context
from storax_core.queries import select
from storax_core.resources import BATCH_JOBS, JOBS, SESSIONS, TRANSFERS, Resource

Step = Callable[[Connection, Context], Awaitable[Any]]
NOW = "2026-01-01T00:00:00Z"


class RandomLoad(Upkeep):
    """Random commands of one user. ``accepted`` and ``deleted`` hold the ids that were acknowledged."""

    def __init__(self, db: Database, rng: random.Random) -> None:
        self.db, self.rng = db, rng
        self.owner, self.apps, self.sites = 0, [], []
        self.with_slots: set[int] = set()
        self.batch_jobs: list[int] = []
        self.tokens: list[int] = []
        self.accepted: set[int] = set()
        self.deleted: set[int] = set()
        self.sessions: list[int] = []
        self.leases: list[Row] = []
        self.done: dict[int, int] = {}
        self.refused = 0

    async def begin(self) -> None:
        """A user with two sites, three Apps (one with transfers) and two sessions."""
        async with self.db.worker() as conn, writing(conn):
            self.owner = await users.create_user(conn, f"load-{uuid4().hex}", None)
        for _ in range(2):
            await self.add_site()
        await self.add_app(self.sites[0], slots=True)
        await self.open_session()
        await self.open_session()

    async def make(self, resource: Resource, row: Row) -> int:
        """Create one row by the same door as the API."""
        rows = create.fields_set(resource.create_adapter.validate_python([row]))
        rows_created = await self.command(lambda c, x: create.create(c, x, resource, rows))
        return int(rows_created[0]["id"])

    async def command(self, step: Step, actor: str = "") -> Any:
        """Run one command as the API does: its own transaction, repeated after a deadlock."""
        while True:
            ctx = Context(self.owner, actor or f"user:{self.owner}", uuid4())
            try:
                async with self.db.owner_writing(self.owner) as conn:
                    return await step(conn, ctx)
            except RETRY:
                continue

    async def run(self, commands: int, at_once: int) -> None:
        """So many random commands, several at a time. What the rules refuse is counted; any other error fails."""
        verbs = [
            self.create_jobs, self.create_jobs, self.patch, self.move, self.acquire, self.acquire, self.report,
            self.report, self.report, self.cancel, self.delete, self.expire, self.transfer, self.batch_job, self.open_session,
            self.create_jobs, self.acquire, self.report, self.change_site, self.change_app, self.change_batch_job,
            self.change_user, self.token, self.delete_app, self.delete_site, self.delete_batch_job,
        ]  # fmt: skip

        async def one() -> None:
            try:
                await self.rng.choice(verbs)()
            except CoreError:
                self.refused += 1

        for _ in range(0, commands, at_once):
            await asyncio.gather(*(one() for _ in range(at_once)))

    def some(self, most: int) -> list[int]:
        """A few ids, mostly living."""
        known = sorted(self.accepted - self.deleted if self.rng.random() < 0.8 else self.accepted)
        return self.rng.sample(known, min(len(known), self.rng.randint(1, most))) if known else []

    async def create_jobs(self) -> None:
        """A random graph in one call."""
        count, rows = self.rng.randint(1, 12), []
        for k in range(count):
            app = self.rng.choice(self.apps)
            row: Row = {"app_id": app, "workdir": f"w/{k}", "priority": self.rng.randint(-3, 3)}
            row |= {"max_attempts": self.rng.randint(1, 3), "on_parent_failure": self.rng.choice(["fail", "run"])}
            row["num_nodes"] = self.rng.randint(1, 4)
            row["parent_refs"] = self.rng.sample(range(k), min(k, self.rng.randint(0, 2)))
            if self.rng.random() < 0.3:
                row["parent_ids"] = self.some(2)
            if app in self.with_slots:
                row["transfers"] = {"src": "here:/a"} | ({"out": "here:/b"} if self.rng.random() < 0.5 else {})
            rows.append(row)
        drafts = create.fields_set(JOBS.create_adapter.validate_python(rows))
        rows_created = await self.command(lambda c, x: create.create(c, x, JOBS, drafts))
        self.accepted |= {m["id"] for m in rows_created}

    async def patch(self) -> None:
        """Different patches in one call."""
        rows = [
            {"id": i, self.rng.choice(["num_nodes", "priority", "wall_time_min"]): self.rng.randint(1, 9)}
            for i in self.some(5)
        ]
        if rows:
            await self.command(lambda c, x: update.update_rows(c, x, JOBS, rows))

    async def move(self) -> None:
        """A user or an operator writes states."""
        to, force = self.rng.choice(list(JobState)), self.rng.random() < 0.2
        rows = [{"id": i, "state": to} for i in self.some(2)]
        if rows:
            await self.command(lambda c, x: update.update_rows(c, x, JOBS, rows, how=update.How(force=force)))

    async def acquire(self) -> None:
        """A session takes work, with or without constraints."""
        session = self.rng.choice(self.sessions)
        ask = acquire.Acquire(max_num_jobs=self.rng.randint(1, 8))
        if self.rng.random() < 0.4:
            ask = acquire.Acquire(max_num_jobs=5, max_aggregate_nodes=self.rng.randint(1, 9), max_nodes_per_job=3)

        async def step(conn: Connection, ctx: Context) -> list[Any]:
            row = await session_life.touch(conn, self.owner, session)
            holder = acquire.Holder(*(row[name] for name in acquire.HOLDER_FIELDS))
            return await acquire.claim(conn, ctx, holder, ask)

        rows = await self.command(step, f"session:{session}")
        self.leases += [{"id": r["id"], "lease_epoch": r["lease_epoch"], "session": session} for r in rows]

    async def report(self) -> None:
        """An agent reports, at times twice, late, or with an old epoch."""
        if not self.leases:
            return
        lease = self.rng.choice(self.leases)
        epoch = max(1, lease["lease_epoch"] - (self.rng.random() < 0.1))
        ways = (
            ["RUNNING"],
            ["RUNNING", "RUN_DONE"],
            ["RUNNING", "RUN_ERROR"],
            ["RUN_DONE"],
            ["RUNNING", "RUN_TIMEOUT"],
        )
        steps = [{"to": to, "at": NOW} for to in self.rng.choice(ways)]
        report = leases.Report.model_validate({"id": lease["id"], "lease_epoch": epoch, "moves": steps})
        await self.command(lambda c, x: leases.report(c, x, lease["session"], [report]), f"session:{lease['session']}")

    async def cancel(self) -> None:
        """Cancel a few."""
        ids = self.some(3)
        await self.command(lambda c, x: transitions.cancel_jobs(c, x, sorted(ids)))

    async def delete(self) -> None:
        """Delete a few, by filter."""
        query = select.Query(filter={"id": self.some(3)})

        async def step(conn: Connection, ctx: Context) -> set[int]:
            before = set(await select.matching_ids(conn, JOBS, self.owner, query))
            _, held = await delete.delete_where(conn, ctx, JOBS, query)
            return before - set(held)

        self.deleted |= await self.command(step)

    async def expire(self) -> None:
        """A session goes silent; the sweep finds it."""
        if len(self.sessions) < 3 or self.rng.random() < 0.5:
            return
        silent = self.sessions.pop(0)
        async with self.db.worker() as conn:
            await conn.execute("UPDATE session SET expires_at = to_timestamp(0) WHERE id = $1", silent)
        await self.serve(self._sweep)

    @staticmethod
    async def _sweep(conn: Connection) -> int:
        """End silent sessions with no more rights than the periodic tasks have."""
        await conn.execute(f"SET LOCAL ROLE {UPKEEP_ROLE}")
        return await leases.expire(conn)

    async def transfer(self) -> None:
        """A site moves files."""
        async with self.db.owner(self.owner) as conn:
            rows = await conn.fetch("SELECT id FROM transfer_item WHERE state IN ('pending', 'active') LIMIT 5")
        to = self.rng.choice(["active", "done", "done", "error"])
        patches = [{"id": r["id"], "state": to} for r in rows]
        if patches:
            await self.command(lambda c, x: update.update_rows(c, x, TRANSFERS, patches))

    async def batch_job(self) -> None:
        """A BatchJob comes, is submitted, runs, ends."""
        batch_job = await self.make(BATCH_JOBS, {"site_id": self.rng.choice(self.sites), "num_nodes": 2})
        self.batch_jobs.append(batch_job)
        for state in ("queued", "running", "finished")[: self.rng.randint(1, 3)]:
            row = {"id": batch_job, "state": state, "scheduler_id": str(batch_job)}
            await self.command(lambda c, x, row=row: update.update_rows(c, x, BATCH_JOBS, [row]))  # type: ignore[misc]

    async def open_session(self) -> None:
        """A new lease holder."""
        self.sessions.append(await self.make(SESSIONS, {"site_id": self.rng.choice(self.sites), "ttl_sec": 60}))
