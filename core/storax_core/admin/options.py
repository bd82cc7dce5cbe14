"""What commands of operators share: options, the database that they name, and errors as messages and exit statuses."""

import asyncio
from collections.abc import Coroutine
from typing import Annotated, Any

import typer

from storax_core.errors import Conflict, CoreError, Invalid, NotFound, Unavailable

EXIT_USAGE, EXIT_NOT_FOUND, EXIT_REFUSED, EXIT_DIFFERENT, EXIT_DOWN = 2, 3, 5, 6, 8  # as those of the client's commands
Url = Annotated[
    str | None,
    typer.Option(
        "--database-url", envvar="STORAX_DATABASE_URL", help="Database, as postgresql://user:password@host/db."
    ),
]
SealExport = Annotated[
    str,
    typer.Option(
        "--seal-export",
        envvar="STORAX_SEAL_EXPORT",
        help="Seals outside the database: a file, or s3://bucket/prefix. Default: none.",
    ),
]
SealKey = Annotated[
    str,
    typer.Option("--seal-key-file", envvar="STORAX_SEAL_KEY_FILE", help="File with the sealing key. Default: none."),
]


def named(url: str | None) -> str:
    """The address, which must be said: a guess could change another database."""
    if not url:
        raise fail(Invalid("no database is named", hint="Pass --database-url, or set STORAX_DATABASE_URL."))
    return url


def fail(error: CoreError) -> "typer.Exit":
    """Print an error; the exit that it makes."""
    hint = f" {error.hint}" if error.hint else ""
    typer.echo(f"storax: {error.detail}.{hint}", err=True)
    statuses = ((Conflict, EXIT_REFUSED), (Unavailable, EXIT_DOWN), (Invalid, EXIT_USAGE), (NotFound, EXIT_NOT_FOUND))
    return typer.Exit(next((status for kind, status in statuses if isinstance(error, kind)), 1))


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a command's work; an error of it ends the command."""
    try:
        return asyncio.run(work)
    except CoreError as error:
        raise fail(error) from None
