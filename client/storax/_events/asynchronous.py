"""The live feed, awaited: a thread reads it, as far ahead as a bounded buffer allows."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from storax._orm.asynchronous import in_own_thread

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Callable
    from types import TracebackType

    from storax._events.stream import EventStream

T = TypeVar("T")
BUFFER = 1000  # events that were read and not taken yet; then the server waits


class _End:
    """The end of the stream: the error to raise."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class _Reader:
    """A thread that reads a stream for an event loop."""

    def __init__(self, stream: EventStream[Any]) -> None:
        import asyncio  # at first use: most scripts never await

        self.position = stream.position
        self._stream = stream
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Any] = asyncio.Queue()
        self._room = threading.Semaphore(BUFFER)
        self._stopped = False
        threading.Thread(target=self._run, daemon=True, name="storax-events").start()

    def _run(self) -> None:
        end: BaseException = StopAsyncIteration()
        try:
            for event in self._stream:
                self._room.acquire()
                if self._stopped:
                    break
                self._put(event)
        except Exception as error:  # next() raises it
            end = error
        self._stream.close()
        self._put(_End(end))

    def _put(self, item: Any) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._queue.put_nowait, item)

    async def next(self) -> Any:
        """Return the next event.

        Raises:
            StopAsyncIteration: the stream was closed; or what ended it.
        """
        item = await self._queue.get()
        if isinstance(item, _End):
            self._queue.put_nowait(item)  # for the next call
            raise item.error
        self._room.release()
        self.position = item.position
        return item

    def stop(self) -> None:
        """End the thread and its connection."""
        self._stopped = True
        self._room.release()
        self._stream.close()


class AsyncEventStream(Generic[T]):
    """``EventStream``, awaited: ``async for`` reads it, ``aclose()`` or the end of ``async with`` ends it.

    It opens with the first event that is awaited, or at the beginning of ``async with``.
    """

    def __init__(self, open_: Callable[[], EventStream[Any]]) -> None:
        self._open = open_
        self._reader: _Reader | None = None

    @property
    def position(self) -> int | None:
        """The position of the last event that was awaited, or where it began; None before it opens."""
        return self._reader.position if self._reader else None

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        event: T = await (await self._opened()).next()
        return event

    async def __aenter__(self) -> Self:
        await self._opened()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the stream and its connection."""
        if self._reader:
            self._reader.stop()

    async def _opened(self) -> _Reader:
        if self._reader is None:
            self._reader = _Reader(await in_own_thread(self._open))
        return self._reader

    def __del__(self) -> None:
        if self._reader:
            self._reader.stop()
