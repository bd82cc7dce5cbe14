"""`storax top`: the jobs, failures and sites of now, on a terminal again and again."""

import os
import shutil
import sys
import time
from typing import Annotated

import typer

from storax.cli.terminal.failures import UsageError
from storax.cli.terminal.select import Selection, Sites, Tags
from storax.cli.terminal.visible import say_coloured
from storax.cli.top.frame import Size, lines
from storax.cli.top.snapshot import Chosen, read

SHORTEST_SEC, LONGEST_SEC = 0.1, 3600.0


def register(app: typer.Typer) -> None:
    """Add the command of this file to the root command."""
    app.command("top")(top)


def top(
    tag: Tags = None,
    site: Sites = None,
    interval: Annotated[float, typer.Option("--interval", metavar="SEC", help="Seconds between two frames.")] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Print one frame, and end.")] = False,
) -> None:
    """Show jobs by state, what started and ended, what runs, what failed, and the sites; Ctrl-C ends it.

    Failures are those of the last day, grouped by App, exit code and last line of the error. A run counts from the time
    at which its site started it. While the server is away, the last frame stays. Where stdout is no terminal, print
    one frame, with lines of any length.

    \b
    Examples:
      storax top
      storax top --tag experiment=foo --site cluster
      storax top --interval 10
      storax top --once > now.txt
    """
    if not SHORTEST_SEC <= interval <= LONGEST_SEC:
        raise UsageError(f"--interval {interval:g} is not between {SHORTEST_SEC:g} and {LONGEST_SEC:g} seconds.")
    chosen = Chosen.of(Selection.of(None, tag, None, site))
    if once or not sys.stdout.isatty() or os.environ.get("TERM", "").lower() in ("dumb", "unknown"):
        say_coloured(*lines(read(chosen), Size.of_stdout()))
        return
    try:
        _watch(chosen, interval)
    except KeyboardInterrupt:
        return  # how to end it


def _watch(chosen: Chosen, interval: float) -> None:
    """Draw frame after frame on the terminal's second screen, which it leaves as it was."""
    from rich.console import Console  # a requirement of Typer
    from rich.live import Live
    from rich.text import Text

    from storax.errors import Unavailable

    shown, problem = read(chosen), ""
    console = Console(
        force_terminal=True,
        force_interactive=True,  # some variables would have Rich draw nothing on a terminal
        color_system="standard",
        force_jupyter=False,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
    screen = Live(console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
    with screen:
        while True:
            size = Size(*shutil.get_terminal_size())
            drawn = "\n".join(lines(shown, size, problem))
            screen.update(Text.from_ansi(drawn, no_wrap=True, overflow="crop"), refresh=True)
            time.sleep(interval)
            try:
                shown, problem = read(chosen), ""
            except Unavailable as error:
                problem = error.message
