"""`storax demo`: a real workflow on a private stack."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command of this file to the root command."""
    app.command()(demo)


def demo(
    *,
    jobs: Annotated[int, typer.Option("--jobs", min=2, max=2000, help="Number of jobs that share the work.")] = 150,
) -> None:
    """Analyse the Python standard library with a graph of jobs, print results and history, then stop everything.

    The demo starts Postgres, Valkey, the API, the workers and a site in a temporary folder, and removes the folder.

    \b
    Examples:
      storax demo
      storax demo --jobs 500
    """
    from storax.demo import run

    raise typer.Exit(run(parts=jobs))
