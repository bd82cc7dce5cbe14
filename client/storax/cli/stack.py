"""`storax up`, `down`, `status` and `doctor`: the stack of this machine."""

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from storax.cli.terminal.failures import status_of
from storax.cli.terminal.visible import say, say_exactly

if TYPE_CHECKING:
    from storax.local.config import StackConfig
    from storax.local.control import PartStatus
    from storax.local.doctor import Finding
    from storax.local.site_reports import SiteReport
    from storax.local.state import Stack


class Output(StrEnum):
    """How to print."""

    TABLE = "table"
    JSON = "json"


Data = Annotated[Path | None, typer.Option("--data", help="Data folder. Default: STORAX_HOME/local.", metavar="DIR")]
Form = Annotated[Output, typer.Option("--output", "-o", help="Output format: table or json.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to the root command."""
    for command in (up, down, status, doctor):
        app.command()(command)


def up(
    data: Data = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help="Port of the API. Default: the last one used, or the first free from 8360."
        ),
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return when the stack is ready, and leave it running.")
    ] = False,
    no_site: Annotated[bool, typer.Option("--no-site", help="Start no site.")] = False,
) -> None:
    """Start Postgres, Valkey, the API, the workers and a local site, or connect to the running ones.

    This writes the profile `local`, so that scripts on this machine need no settings. To use other servers than the
    embedded ones, set STORAX_DATABASE_URL and STORAX_REDIS_URL.

    \b
    Examples:
      storax up                          runs until Ctrl-C
      storax up --detach                 runs in the background; stop it with: storax down
      storax up --data /srv/storax --port 9000
    """
    from storax.local import control
    from storax.local.config import StackConfig
    from storax.local.default_stack import write_profile

    with _errors():
        config = StackConfig(data=_folder(data), port=port, site=not no_site)
        for number in (signal.SIGTERM, signal.SIGHUP):  # a service manager's stop and a closed terminal are like Ctrl-C
            signal.signal(number, signal.default_int_handler)
        try:
            stack, started = control.up(config, report=_reporter())
        except KeyboardInterrupt:
            control.down(config.data)
            raise typer.Exit(130) from None
        write_profile(stack)
        say(
            f"Storax {'is running' if started else 'was running already'} at {stack.url} (data in {config.data})",
            "Open its web page with: storax open",
            flush=True,
        )
        if not detach:
            _supervise(config, started=started)


def down(data: Data = None) -> None:
    """Stop the stack and all its processes, and keep the data. Does nothing if no stack runs.

    It first says which sites and running jobs it stops. These jobs run again after the next `storax up`; that uses up
    none of their max_attempts.

    \b
    Examples:
      storax down
      storax down --data /srv/storax
    """
    from storax.cli.stack_stop import announce_stop
    from storax.local import control

    with _errors():
        folder = _folder(data)
        announce_stop(folder)
        say("Stopped." if control.down(folder) else f"Nothing was running (data in {folder}).")


def status(data: Data = None, output: Form = Output.TABLE) -> None:
    """Show the parts of the stack, and what its sites report: failing loops, records set aside. Exit status: 0 if all
    parts run and do their work, else 1.

    \b
    Examples:
      storax status
      storax status -o json
    """
    from storax.local import control

    with _errors():
        folder = _folder(data)
        stack, parts = control.status(folder)
        up = stack is not None and control.is_up(stack)
        stale = control.stale_parts(stack) if stack and up else {}
        healthy = up and not stale
        sites = _site_reports(stack) if stack and up else []
        if output is Output.JSON:
            summary = {"healthy": healthy, "url": stack.url if stack else "", "data": str(folder)}
            rows = {"parts": [asdict(part) for part in parts], "sites": [asdict(site) for site in sites]}
            say_exactly(json.dumps({**summary, "stale": stale, **rows}, indent=2))
        else:
            _print_status(parts, up=up, url=stack.url if stack else "", folder=folder)
            lines = [control.stale_line(name, age) for name, age in stale.items()]
            for line in (*lines, *(line for site in sites for line in site.lines())):
                say(line)
    raise typer.Exit(0 if healthy else 1)


def doctor(data: Data = None, output: Form = Output.TABLE) -> None:
    """Check the profile, the server and this machine, and suggest corrections. Exit status 1 if a check fails.

    \b
    Examples:
      storax doctor
      storax doctor -o json
    """
    from storax.local.doctor import examine

    with _errors():
        findings: list[Finding] = []
        for finding in examine(_folder(data)):
            findings.append(finding)
            if output is Output.TABLE:
                _print_finding(finding)
        if output is Output.JSON:
            say_exactly(json.dumps([asdict(finding) for finding in findings], indent=2))
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


@contextmanager
def _errors() -> Iterator[None]:
    """Print errors that a user can cause or mend as one sentence, without a traceback."""
    from storax._runtime.settings import SettingsError
    from storax.local.errors import LocalError

    try:
        yield
    except (LocalError, SettingsError) as error:
        say(f"error: {error}", out=sys.stderr)
        raise typer.Exit(status_of(error)) from None


def _folder(data: Path | None) -> Path:
    from storax.local.control import default_data

    return (data or default_data()).expanduser().absolute()


def _reporter() -> Callable[[str, str], None] | None:
    """Return a function that prints what is being started, on a terminal; None elsewhere."""
    if not sys.stderr.isatty():
        return None
    return lambda part, state: say(f"  {part}: {state}", out=sys.stderr)


def _supervise(config: "StackConfig", *, started: bool) -> None:
    """Wait until the stack is stopped; at Ctrl-C stop it, if it was started here."""
    from storax.cli.stack_stop import announce_stop
    from storax.local import control

    say("Press Ctrl-C to stop it." if started else "Press Ctrl-C to leave; the stack keeps running.", out=sys.stderr)
    try:
        control.supervise(config)
    except KeyboardInterrupt:
        if started:
            announce_stop(config.data)
            say("Stopping...", out=sys.stderr)
            control.down(config.data)
        return
    say("Stopped.", out=sys.stderr)


def _site_reports(stack: "Stack") -> "list[SiteReport]":
    from storax.errors import StoraxError
    from storax.local.site_reports import site_reports

    if not stack.url:
        return []
    try:
        return site_reports(stack)
    except StoraxError as error:
        say(f"The sites cannot be read: {error}", out=sys.stderr)
        return []


def _print_status(parts: "list[PartStatus]", *, up: bool, url: str, folder: Path) -> None:
    if not any(part.pid for part in parts):
        say(f"Not running (data in {folder}). Start it with: storax up")
        return
    rows = [("PART", "PID", "STATE", "ADDRESS", "UPTIME", "RESTARTS")]
    rows += [(part.part, str(part.pid or "-"), part.state, part.address or "-",
              _duration(part.uptime_sec) if part.pid else "-", str(part.restarts)) for part in parts]  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    say("", f"{url or 'Only the servers run, without the API'} (data in {folder})")
    if not up:
        say("Some parts do not run. Start them with: storax up --detach")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = [(days, "d"), (hours, "h"), (minutes, "m"), (rest, "s")]
    first = next((index for index, (count, _) in enumerate(units) if count), 3)
    return " ".join(f"{count}{unit}" for count, unit in units[first : first + 2])


def _print_finding(finding: "Finding") -> None:
    say(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.check}: {finding.found}")
    if not finding.ok and finding.fix:
        say(f"      {finding.fix}")
