"""What an owner does meanwhile to all that jobs hang on: sites, Apps, BatchJobs, tokens and the user itself."""

from typing import Any
from uuid import uuid4

from storax_core.commands import delete, update, users
from storax_core.database.connections import RETRY, Connection, writing
from storax_core.lifecycle.change import Row
from storax_core.log.append import Context
from storax_core.queries import select
from storax_core.resources import APPS, BATCH_JOBS, SITES, TOKENS, Resource

SLOTS = {"src": {"required": True, "direction": "in"}, "out": {"required": False, "direction": "out"}}
SPARED = 0.7  # of sites and Apps that might be deleted, or all commands would meet only sites
GONE = "SELECT entity_id FROM event_log WHERE command_id = $1 AND type = 'job.deleted'"


class Upkeep:
    """Verbs of the random commands. Ids of what was deleted are at times kept, so that commands meet what is no longer there."""

    db: Any
    rng: Any
    owner: int
    sites: list[int]
    apps: list[int]
    with_slots: set[int]
    batch_jobs: list[int]
    tokens: list[int]
    deleted: set[int]
    command: Any
    make: Any
    open_session: Any

    async def add_site(self) -> int:
        """A site with an App."""
        site = await self.make(SITES, {"name": f"s-{uuid4().hex}"})
        self.sites.append(site)
        await self.add_app(site)
        return int(site)

    async def add_app(self, site: int, *, slots: bool = False) -> None:
        """An App that copies files, or none."""
        row = {"transfers": SLOTS} if slots else {"command_template": "true"}
        app = await self.make(APPS, {"site_id": site, "name": f"A{uuid4().hex}", **row})
        self.apps.append(app)
        self.with_slots |= {app} if slots else set()

    async def change_site(self) -> None:
        """Fields of sites, also names, which are unique."""
        rows: list[Row] = [{"id": i, "path": f"/p{self.rng.randint(0, 3)}"} for i in set(self.sites[:2])]
        if self.rng.random() < 0.3:
            rows[0]["name"] = self.rng.choice(["first", "second"])
        await self.command(lambda c, x: update.update_rows(c, x, SITES, rows))

    async def change_app(self) -> None:
        """Fields of an App; at times it moves to another site, which only one that no job uses may."""
        row: Row = {"id": self.rng.choice(self.apps), "max_attempts": self.rng.randint(1, 4)}
        if self.rng.random() < 0.3:
            row["site_id"] = self.rng.choice(self.sites)
        await self.command(lambda c, x: update.update_rows(c, x, APPS, [row]))

    async def delete_app(self) -> None:
        """An App with its jobs; another takes its place."""
        if self.rng.random() < SPARED:
            return
        app = self.rng.choice(self.apps)
        await self.remove(APPS, app)
        self.forget(self.apps, app)
        await self.add_app(self.rng.choice(self.sites), slots=app in self.with_slots)

    async def delete_site(self) -> None:
        """A site with all that is there; another takes its place."""
        if self.rng.random() < SPARED:
            return
        site = self.rng.choice(self.sites)
        await self.remove(SITES, site)
        self.forget(self.sites, site)
        await self.add_site()
        await self.open_session()

    async def change_batch_job(self) -> None:
        """Words of a BatchJob, and at times its end."""
        for batch_job in self.rng.sample(self.batch_jobs, min(2, len(self.batch_jobs))):
            row: Row = {"id": batch_job, "status_info": {"note": self.rng.randint(0, 9)}}
            if self.rng.random() < 0.3:
                row["state"] = self.rng.choice(["pending_deletion", "finished"])
            await self.command(lambda c, x, row=row: update.update_rows(c, x, BATCH_JOBS, [row]))

    async def delete_batch_job(self) -> None:
        """One with the sessions inside it."""
        if self.batch_jobs:
            await self.remove(BATCH_JOBS, self.batch_jobs.pop(0))

    async def change_user(self) -> None:
        """A login, or another password, as the API and the operator do it."""

        async def step(conn: Connection) -> None:
            name = await conn.fetchval("SELECT username FROM user_account WHERE id = $1", self.owner)
            user = await users.find_user(conn, name)
            if user["password_hash"] and self.rng.random() < 0.5:
                self.tokens.append((await users.log_in(conn, user, 1))["id"])
            else:
                hashed, revoke = f"no-hash-{uuid4().hex}", self.rng.random() < 0.3
                await users.set_password(conn, self.owner, hashed, revoke_tokens=revoke, actor="system:admin")

        await self.serve(step)

    async def token(self) -> None:
        """One is made, one is revoked."""
        token = await self.command(lambda c, x: users.issue_token(c, x, "load", 1))
        self.tokens.append(token["id"])
        await self.remove(TOKENS, self.tokens.pop(self.rng.randrange(len(self.tokens))))

    async def remove(self, resource: Resource, row: int) -> None:
        """Delete one row and what hangs on it; the jobs among that are remembered."""

        async def step(conn: Connection, ctx: Context) -> set[int]:
            await delete.delete_where(conn, ctx, resource, select.Query(filter={"id": [row]}))
            return {r["entity_id"] for r in await conn.fetch(GONE, ctx.command_id)}

        self.deleted |= await self.command(step)

    async def serve(self, step: Any) -> None:
        """A transaction that serves all users, repeated after a deadlock."""
        while True:
            try:
                async with self.db.worker() as conn, writing(conn):
                    return await step(conn)
            except RETRY:
                continue

    def forget(self, known: list[int], row: int) -> None:
        """Mostly, so that some commands go to what is no longer there."""
        if row in known and self.rng.random() < 0.8:
            known.remove(row)
