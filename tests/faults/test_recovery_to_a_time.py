"""A drill: Postgres goes back to the moment before a mistake, from a copy of its files and the archived WAL."""

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from storax import App, Client, EventLog, Job, Site
from storax.errors import NotFound
from storax.local import LocalStack
from storax_core.admin.verify import verify
from waiting import eventually


def sql(url: str, *statements: str) -> Any:
    """Run statements on one connection, each by itself, and return the first row of the last."""

    async def run() -> Any:
        conn = await asyncpg.connect(url)
        try:
            return [await conn.fetch(statement) for statement in statements][-1]
        finally:
            await conn.close()

    rows = asyncio.run(run())
    return rows[0] if rows else None


def give(path: Path, like: Path) -> None:
    """Give a folder and what is in it to the user as whom Postgres runs."""
    owner = like.stat()
    for entry in (path, *path.rglob("*")):
        os.chown(entry, owner.st_uid, owner.st_gid)


class Drill:
    """A data folder whose Postgres archives its WAL into ``wal``, with a copy of its files in ``copy``."""

    def __init__(self, data: Path) -> None:
        self.pg, self.wal, self.copy = data / "pg", data / "wal", data / "copy"

    def archive(self, stack: LocalStack) -> None:
        """Have Postgres archive its WAL from its next start on."""
        self.wal.mkdir(mode=0o700)
        give(self.wal, self.pg)
        command = f"test ! -f {self.wal}/%f && cp %p {self.wal}/%f"
        sql(
            stack.administrator_url,
            "ALTER SYSTEM SET archive_mode = on",
            f"ALTER SYSTEM SET archive_command = '{command}'",
        )

    def back_up(self, stack: LocalStack) -> None:
        """Copy the files of the running Postgres, as ``pg_basebackup`` does."""

        async def run() -> None:
            conn = await asyncpg.connect(stack.administrator_url)
            await conn.fetch("SELECT pg_backup_start('drill', true)")
            left_out = shutil.ignore_patterns("postmaster.*", "pg_replslot", "pg_stat_tmp")
            await asyncio.to_thread(shutil.copytree, self.pg, self.copy, ignore=left_out)
            label = await conn.fetchval("SELECT labelfile FROM pg_backup_stop()")
            (self.copy / "backup_label").write_text(label)
            await conn.close()

        asyncio.run(run())
        (self.copy / "pg_replslot").mkdir()
        (self.copy / "pg_stat_tmp").mkdir()

    def wait_for_archive(self, stack: LocalStack) -> None:
        """Wait until everything that was committed is archived."""
        current = sql(stack.administrator_url, "SELECT pg_walfile_name(pg_switch_wal()) AS name")["name"]
        eventually(lambda: (self.wal / current).exists())

    def go_back(self, moment: str) -> None:
        """Put the copy in the place of the files, to be recovered up to a moment at the next start."""
        shutil.rmtree(self.pg)
        for segment in (self.copy / "pg_wal").glob("0*"):
            segment.unlink()
        settings = {
            "restore_command": f"cp {self.wal}/%f %p", "recovery_target_time": moment,
            "recovery_target_action": "promote", "hot_standby": "off",
        }  # fmt: skip
        with (self.copy / "postgresql.auto.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        (self.copy / "recovery.signal").touch()
        self.copy.rename(self.pg)
        give(self.pg, self.wal)


@pytest.mark.slow("a stack starts three times, once through a recovery")
def test_a_mistake_is_undone_by_a_recovery_to_the_moment_before_it_and_nothing_is_handed_out_twice(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    drill, stack = Drill(data), LocalStack(data, site=False, fsync=False)
    with stack:
        drill.archive(stack)
    with stack, Client(stack.url, stack.token):
        site: Any = Site.objects.create(name="far", path="/far")
        app: Any = App.objects.create(site_id=site.id, name="Noop", command_template="true")
        kept: list[Any] = Job.objects.bulk_create([Job(app_id=app.id, workdir=f"kept/{i}") for i in range(50)])
        drill.back_up(stack)
        Job.objects.filter(id=[job.id for job in kept[:20]]).update(priority=7)  # only in the WAL
        position = EventLog.objects.order_by("-position")[0].position
        moment = str(sql(stack.administrator_url, "SELECT clock_timestamp()::text AS now")["now"])
        lost: list[Any] = Job.objects.bulk_create([Job(app_id=app.id, workdir=f"lost/{i}") for i in range(10)])
        assert Job.objects.filter(id=[job.id for job in kept]).delete() == 50  # the mistake
        last_position = EventLog.objects.order_by("-position")[0].position
        drill.wait_for_archive(stack)
    drill.go_back(moment)
    with stack, Client(stack.url, stack.token):
        assert Job.objects.count() == 50
        assert Job.objects.filter(priority=7).count() == 20
        assert EventLog.objects.order_by("-position")[0].position == position
        with pytest.raises(NotFound):
            Job.objects.get(id=lost[0].id)
        new: Any = Job.objects.create(app_id=app.id, workdir="new")
        assert new.id > max(job.id for job in lost)
        assert EventLog.objects.filter(job_id=new.id)[0].position > last_position
        epoch = sql(
            stack.administrator_url, "SELECT epoch, kept_position FROM cluster_epoch ORDER BY epoch DESC LIMIT 1"
        )
        assert (epoch["epoch"] >= 1, epoch["kept_position"]) == (True, position)
        assert asyncio.run(verify(stack.database_url))["differences"] == 0
