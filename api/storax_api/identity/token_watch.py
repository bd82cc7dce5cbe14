"""Tokens of open polls and streams: a call that waits for minutes ends soon after its token is revoked or expires."""

import asyncio
import logging

from storax_api.background import Background
from storax_api.service import Service
from storax_core.commands import users
from storax_core.errors import Unavailable

log = logging.getLogger("storax.api")
EVERY_SEC = 1.5


class TokenWatch(Background):
    """One query per round for all open calls of this process; none where no call is open."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_SEC)
            try:
                await self._check()
            except Unavailable as error:
                log.warning("the watch over tokens waits for Postgres: %s", error)
            except Exception:  # it must go on whatever it met
                log.exception("the watch over tokens met an unexpected error")

    async def _check(self) -> None:
        tokens = self._service.waits.tokens()
        if not tokens:
            return
        async with self._service.db.worker() as conn:
            refused = {row["id"] for row in await conn.fetch(users.REFUSED, sorted(tokens))}
        if refused:
            self._service.forget_tokens(refused)
            self._service.waits.refuse(refused)
