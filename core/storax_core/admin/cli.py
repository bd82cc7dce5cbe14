"""``storax admin``: migrate, bootstrap, verify, rebuild. Talks to Postgres itself: the API may be down."""

import asyncio
import json
import os
import sys
from collections.abc import Coroutine
from typing import Annotated, Any

import typer

from storax_core.errors import Conflict, CoreError, Unavailable
from storax_core.settings import Settings

EXIT_NEWER, EXIT_DIFFERENT, EXIT_DOWN = 3, 6, 8
app = typer.Typer(
    help="Operate the database: migrate, verify, rebuild. Needs STORAX_DATABASE_URL.", no_args_is_help=True
)
Url = Annotated[
    str, typer.Option("--database-url", envvar="STORAX_DATABASE_URL", help="postgresql://user:password@host/db")
]
DEFAULT = Settings.model_fields["database_url"].default


def _fail(error: CoreError) -> "typer.Exit":
    hint = f" {error.hint}" if error.hint else ""
    print(f"storax: {error.detail}.{hint}", file=sys.stderr)
    return typer.Exit(EXIT_NEWER if isinstance(error, Conflict) else EXIT_DOWN if isinstance(error, Unavailable) else 1)


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        return asyncio.run(work)
    except CoreError as error:
        raise _fail(error) from None


@app.command()
def migrate(
    database_url: Url = DEFAULT,
    to: Annotated[str, typer.Option(help="Revision to go to; head is the newest.")] = "head",
    down: Annotated[bool, typer.Option("--down", help="Go down to the revision instead of up.")] = False,
) -> None:
    """Bring the database to this program's schema.

    Example: storax admin migrate --database-url postgresql://storax@db/storax
    """
    from storax_core.admin.migrate import migrate as work

    _run(work(database_url, to, down=down))


@app.command()
def bootstrap(
    user: Annotated[str, typer.Option(help="User to create if it is missing.")],
    database_url: Url = DEFAULT,
    password_env: Annotated[str, typer.Option(help="Variable that holds the password; none: token only.")] = "",
    days: Annotated[int, typer.Option(help="Days the token lives.")] = 365,
) -> None:
    """Create a user and a token for it; prints both as JSON. The token is shown this once.

    Example: PW=... storax admin bootstrap --user alice --password-env PW
    """
    from storax_core.admin.bootstrap import bootstrap as work

    password = os.environ[password_env] if password_env else None
    print(json.dumps(_run(work(database_url, user, password, days)), default=str))


@app.command()
def verify(
    database_url: Url = DEFAULT,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Fold the whole log and compare it with every projection, row by row. Exit 6 where they differ.

    Example: storax admin verify
    """
    from storax_core.admin.verify import verify as work

    report = _run(work(database_url))
    print(json.dumps(report) if as_json else _words(report))
    if report["differences"]:
        raise typer.Exit(EXIT_DIFFERENT)


def _words(report: dict[str, Any]) -> str:
    rows = [f"{n:<14} {r['rows']:>9} rows {r['differences']:>6} differences" for n, r in report["entities"].items()]
    samples = [f"  {s}" for r in report["entities"].values() for s in r["samples"]]
    checks = [f"{n:<32} {v:>6} violations" for n, v in report["checks"].items()]
    return "\n".join([*rows, *samples, *checks, f"{report['events']} events, {report['differences']} differences"])


@app.command()
def rebuild(
    database_url: Url = DEFAULT,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Make all projections anew from the log, in one transaction.

    Example: storax admin rebuild --yes
    """
    from storax_core.admin.rebuild import rebuild as work

    if not yes:
        typer.confirm("Rebuild every projection from the log?", abort=True)
    for name, count in _run(work(database_url)).items():
        print(f"{name:<14} {count:>9} rows")
