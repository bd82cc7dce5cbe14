"""What the generated ``await`` twins stand on: blocking calls of queries and instances, made in threads.

Calls share a few threads. A wait has a thread of its own, so that waits never hold up the calls that may end them.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import suppress
from functools import cache, partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from storax._orm.query import Query
from storax.errors import InvalidInput

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import ThreadPoolExecutor
    from datetime import datetime

    from storax._orm.query_plan import Positioned

T = TypeVar("T")
R = TypeVar("R")
CALLS = 16  # calls of one process at a time
CHUNK = 500  # rows passed to the event loop at once


@cache
def _pool() -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(CALLS, thread_name_prefix="storax-call")


async def in_thread(call: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """Make a call that sends requests, in the present context, so that ``with Client(...)`` counts there too."""
    import asyncio  # at first use: most scripts never await

    bound = partial(contextvars.copy_context().run, call, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_pool(), bound)


async def in_own_thread(call: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """Make a call that waits, as ``in_thread``; the thread of a wait that was cancelled ends with its jobs."""
    import asyncio

    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(put: Callable[[Any], None], value: Any) -> None:
        if not future.done():
            put(value)

    def run() -> None:
        try:
            put, value = future.set_result, context.run(call, *args, **kwargs)
        except BaseException as error:
            put, value = future.set_exception, error  # type: ignore[assignment]
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, put, value)

    context = contextvars.copy_context()
    threading.Thread(target=run, daemon=True, name="storax-wait").start()
    return await future


async def iterate_rows(make: Callable[[], Iterator[T]]) -> AsyncIterator[T]:
    """Iterate over what a blocking iterator yields, some hundred at a time."""
    iterator = await in_thread(make)
    while part := await in_thread(lambda: list(islice(iterator, CHUNK))):
        for item in part:
            yield item


async def iterate_ends(make: Callable[[], Iterator[T]]) -> AsyncIterator[T]:
    """Iterate over what an iterator yields that waits for each."""
    iterator = await in_own_thread(make)
    while part := await in_own_thread(lambda: list(islice(iterator, 1))):
        yield part[0]


class AsyncQuery(Generic[R]):
    """A query whose reading and writing calls are awaited; building it sends no request, so that is not.

    ``await query`` returns the list of its objects, and ``async for`` reads page by page.
    """

    def __init__(self, query: Query[Any]) -> None:
        self._query: Any = query

    def __await__(self) -> Generator[Any, None, list[R]]:
        return in_thread(list, self._query).__await__()

    def __aiter__(self) -> AsyncIterator[R]:
        return iterate_rows(self._query.iterator)

    def as_of(self, at: int | datetime | str | Positioned) -> Self:
        """Return the same query over the objects as they were: see ``Query.as_of``."""
        return type(self)(self._query.as_of(at))

    def _part(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._query[index]
        raise InvalidInput(f"[{index!r}] would send a request.", hint="Write (await query)[0], or await query.first().")

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: await it to read {self._query._noun}s>"


A = TypeVar("A", bound=AsyncQuery[Any])


class AsyncObjects(Generic[A]):
    """The ``aobjects`` of a model: its ``objects``, awaited."""

    def __init__(self, twin: Callable[[], type[A]]) -> None:
        self._twin = twin

    def __get__(self, obj: Any, owner: Any) -> A:
        return self._twin()(owner.objects)
