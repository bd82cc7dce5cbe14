"""Notes each second that this process serves, so that a lease ends only by the silence of its holder."""

import asyncio
import logging
import time

from storax_api.background import Background
from storax_core.database import uptime
from storax_core.database.connections import Database

log = logging.getLogger("storax.api")
DEADLINE_SEC = 5.0  # of one note
PROBE_SEC = 10.0  # between looks whether Postgres has room to write; each second after it had none
SILENT_SEC = 5.0  # without a note this process does not serve


class Uptime(Background):
    """The task of one API process. It uses the connections that a heartbeat's token is looked up with.

    While Postgres has no room nothing is noted: heartbeats are refused then.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._noted_at = time.monotonic()
        self._probe_at = 0.0
        self._failure = ""

    @property
    def problem(self) -> str:
        """Why calls that write will fail; empty where they will not."""
        if self._db.full:
            return f"Postgres cannot write, its disk is full: {self._db.full}"
        silence = time.monotonic() - self._noted_at
        return f"no write has succeeded for {silence:.0f} s: {self._failure}" if silence > SILENT_SEC else ""

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(DEADLINE_SEC):
                    await self._note()
            except Exception as error:
                self._failure = f"{type(error).__name__}: {error}"
                log.warning("cannot note that this process serves: %s", self._failure)
            await asyncio.sleep(uptime.NOTE_SEC)

    async def _note(self) -> None:
        if self._db.full or time.monotonic() >= self._probe_at:
            await self._db.probe()
            self._probe_at = time.monotonic() + PROBE_SEC
        async with self._db.worker() as conn:
            gap = await uptime.note_serving(conn)
        self._noted_at = time.monotonic()
        if gap.seconds:
            log.warning("no heartbeat was accepted for %.1f s; extended %d sessions", gap.seconds, gap.sessions)
