"""What another program may do to the database: hold locks and transactions, and end connections."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg

from waiting import eventually

END_OTHERS = """SELECT pid, pg_terminate_backend(pid) AS ended FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"""
LIVING = "SELECT pid FROM pg_stat_activity WHERE pid = ANY($1)"


@contextmanager
def holding(url: str, *statements: str) -> Iterator[None]:
    """Hold a transaction open that ran these statements, and so their locks, for the length of the block."""
    with asyncio.Runner() as runner:
        conn = runner.run(_begin(url, statements))
        try:
            yield
        finally:
            runner.run(_close(conn))


async def _begin(url: str, statements: tuple[str, ...]) -> Any:
    conn = await asyncpg.connect(url)
    try:
        await conn.execute("BEGIN")
        for statement in statements:
            await conn.execute(statement)
    except BaseException:
        await _close(conn)
        raise
    return conn


async def _close(conn: Any) -> None:
    try:
        await conn.close(timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):  # it was ended meanwhile
        conn.terminate()


def end_connections(url: str) -> int:
    """End all connections to the database but the caller's, and wait until they are gone; return how many.

    Postgres ends them a moment after it was told to; whoever used one until then would meet the error later.
    """
    ended = [row["pid"] for row in read(url, END_OTHERS) if row["ended"]]
    eventually(lambda: not read(url, LIVING, ended))
    return len(ended)


def read(url: str, statement: str, *values: Any) -> list[Any]:
    """Run one statement on a connection of its own and return its rows."""

    async def work() -> list[Any]:
        conn = await asyncpg.connect(url)
        try:
            rows: list[Any] = await conn.fetch(statement, *values)
            return rows
        finally:
            await conn.close()

    return asyncio.run(work())
