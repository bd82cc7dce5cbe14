"""Dump a database and restore it in its place, with the programs that come with Postgres."""

import asyncio
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from storax.local.servers import binaries
from world import in_database


def dump(url: str, path: Path) -> Path:
    """Write a dump of the database."""
    _run("pg_dump", "--format=custom", f"--file={path}", url)
    return path


def restore(url: str, path: Path) -> None:
    """Replace the database with what the dump holds, under its servers, which lose their connections."""
    name = urlsplit(url).path.strip("/")

    async def replace() -> None:
        conn = await asyncpg.connect(in_database(url, "postgres"))
        try:
            await conn.execute(f"DROP DATABASE {name} WITH (FORCE)")
            await conn.execute(f"CREATE DATABASE {name}")
        finally:
            await conn.close()

    asyncio.run(replace())
    _run("pg_restore", "--exit-on-error", "--single-transaction", f"--dbname={url}", str(path))


def _run(program: str, *arguments: str) -> None:
    argv = [str(binaries.postgres_folder() / program), *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
