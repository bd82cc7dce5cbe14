"""`storax engine`: the process that holds data frames and pipelines. It starts by itself with the first use."""

from typing import TYPE_CHECKING

import typer

from storax.cli.terminal.visible import say

if TYPE_CHECKING:
    from storax._engine.folder import Running

app = typer.Typer(no_args_is_help=True, help="Start, stop and show the engine of data frames and pipelines.")


@app.command()
def start() -> None:
    """Start the engine if it does not run. Scripts start it automatically.

    \b
    Examples:
      storax engine start
    """
    from storax._engine import session

    running = session.engine(start=True)
    assert running is not None  # noqa: S101
    say(f"The engine runs (pid {running.process.pid}) for {running.url}.")


@app.command()
def stop() -> None:
    """Stop the engine. Unsaved data frames are lost. Does nothing if no engine runs.

    \b
    Examples:
      storax engine stop
    """
    from storax._engine import process
    from storax._engine.folder import EngineFolder

    say("Stopped." if process.stop(EngineFolder.default()) else "No engine was running.")


@app.command()
def status() -> None:
    """Show the engine and its projects. Exit status: 0 if it runs, 1 if not.

    \b
    Examples:
      storax engine status
    """
    from storax._engine.folder import EngineFolder

    folder = EngineFolder.default()
    running = folder.read()
    if running is None:
        say(f"No engine runs (folder {folder.path}). Scripts start it automatically; or run: storax engine start")
        raise typer.Exit(1)
    _show(running, folder=str(folder.path))


def _show(running: "Running", *, folder: str) -> None:
    from storax._engine import protocol

    projects = protocol.command(running, "list_projects", {})
    say(f"The engine runs (pid {running.process.pid}) for {running.url} (folder {folder})")
    for name in projects["all"]:
        say(f"  {name}{' (open)' if name in projects['open'] else ''}")
