"""``python -m storax_workers feeder|tasks``."""

import asyncio
import contextlib
import signal
import sys

import uvloop

from storax_core import process_log
from storax_core.database import roles
from storax_core.database.connections import RELAY_ROLE, Database
from storax_core.errors import Unavailable
from storax_core.queues import Queues
from storax_core.settings import Settings

USAGE = """usage: python -m storax_workers feeder|tasks

feeder  follows the event log and fills the queues and the stream; run as many as you like, one leads
tasks   RQ workers and cron: sweeps expired sessions, seals the log, forgets old idempotency keys, posts to webhooks"""


async def _feed(settings: Settings) -> None:
    from storax_workers.feeder import Feeder

    db = await Database.connect(settings.database_url, size=8, role=RELAY_ROLE)
    await roles.excess(db)
    queues = Queues(settings.redis_url)
    task = asyncio.create_task(Feeder(db, queues).run())
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await queues.close()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(db.close(), 3)


def main(argv: list[str]) -> int:
    """Run one of the two parts; returns the exit code."""
    settings = Settings()
    process_log.start(settings.log_level, settings.log_format)
    if argv == ["feeder"]:
        uvloop.run(_feed(settings))
    elif argv == ["tasks"]:
        from storax_workers import cron, tasks

        with contextlib.suppress(Unavailable):  # a task says so itself, each time
            tasks.check_login()
        cron.main(settings)
    else:
        sys.stderr.write(USAGE + "\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
