"""Tasks that one API process runs beside its calls, from its start to its end."""

import asyncio
import contextlib
from abc import ABC, abstractmethod


class Background(ABC):
    """One such task. ``_run`` goes on for ever, whatever it meets."""

    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the task."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End the task, if it was started."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @abstractmethod
    async def _run(self) -> None:
        """Do the work."""
