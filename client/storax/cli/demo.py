"""`storax demo`: a real workflow on a private stack."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command of this file to the root command."""
    app.command()(demo)


def demo(
    *,
    jobs: Annotated[int, typer.Option("--jobs", min=2, max=2000, help="Into how many parts the work is split.")] = 150,
) -> None:
    """Analyse the Python standard library with a graph of jobs, print what the log knows of it, stop everything.

    Starts Postgres, Valkey, the API, the workers and a site of its own in a temporary folder, which it removes again.

    \b
    Examples:
      storax demo
      storax demo --jobs 500
    """
    from storax.demo import run

    raise typer.Exit(run(parts=jobs))
