"""The table of commands, and the group that loads one of them when it is named."""

from dataclasses import dataclass
from functools import wraps
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from storax.cli.database import with_stack
from storax.cli.terminal import failures
from storax.cli.terminal.connection import connected

EXTERNAL = "storax.commands"


@dataclass(frozen=True)
class Entry:
    """Where a command lives and what the list of commands says about it.

    ``module`` has ``app``, a group, or ``register(app)``, which adds single commands; empty: it lives in another room
    and comes by its entry point, with the extra ``extra``. ``remote``: it speaks to the server in use. ``database``: it
    opens the database itself.
    """

    help: str
    module: str = ""
    extra: str = ""
    remote: bool = False
    database: bool = False


COMMANDS: dict[str, Entry] = {
    "demo": Entry("Run a real workflow on a private stack, and stop it again.", "storax.cli.demo"),
    "up": Entry("Start a server and a site on this machine.", "storax.cli.stack"),
    "down": Entry("Stop them.", "storax.cli.stack"),
    "status": Entry("Show what runs of them.", "storax.cli.stack"),
    "doctor": Entry("Check the settings, the server and this machine.", "storax.cli.stack"),
    "login": Entry("Store a token for a server.", "storax.cli.login"),
    "logout": Entry("Revoke and forget the stored token.", "storax.cli.login"),
    "whoami": Entry("Show the server and the user.", "storax.cli.login", remote=True),
    "job": Entry("Create, find, follow and change jobs.", "storax.cli.job", remote=True),
    "app": Entry("See and publish apps: the programs that jobs run.", "storax.cli.app", remote=True),
    "site": Entry("Make and run a site: a place where jobs run.", extra="agent"),
    "queue": Entry("Ask a site's scheduler for allocations (BatchJobs).", "storax.cli.queue", remote=True),
    "transfer": Entry("See the files that move for jobs.", "storax.cli.transfer", remote=True),
    "engine": Entry("Start, stop and see the engine of data frames.", "storax.cli.engine"),
    "event": Entry("Read and follow the log of every change.", "storax.cli.event", remote=True),
    "token": Entry("Make, list and revoke access tokens.", "storax.cli.token", remote=True),
    "admin": Entry("Operate the database: migrate, users, verify, rebuild.", extra="server", database=True),
}


class Root(TyperGroup):
    """Lists commands from the table; imports the one that runs."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {name: TyperCommand(name, help=entry.help) for name, entry in COMMANDS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Put the real command in the place of its line in the list."""
        command = load(args[0])
        if command is not None:
            self.commands[args[0]] = command
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run it; Ctrl-C is status 130, and a reader who has had enough of our output is no error."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(failures.INTERRUPTED) from None
        except BrokenPipeError:
            raise typer.Exit(0) from None


def load(name: str) -> Any | None:
    """The command of that name, ready to run; None where nobody has one."""
    entry = COMMANDS.get(name)
    if entry is None or not entry.module:
        return _external(name, entry)
    module = import_module(entry.module)
    if hasattr(module, "app"):
        command = _command(module.app, name)
    else:
        singles = typer.Typer(rich_markup_mode=None)
        singles.callback()(lambda: None)  # keeps it a group, even of one
        module.register(singles)
        command = _command(singles, name).commands[name]
    if entry.remote:
        _connect(command)
    return command


def _connect(command: Any) -> None:
    """Run every command below with a connection; its help needs none."""
    for inner in getattr(command, "commands", {}).values():
        _connect(inner)
    run = command.callback
    if run and not hasattr(command, "commands"):
        command.callback = wraps(run)(lambda *args, **kwargs: _connected(run, *args, **kwargs))


def _connected(run: Any, *args: Any, **kwargs: Any) -> Any:
    with connected():
        return run(*args, **kwargs)


def _command(group: typer.Typer, name: str) -> Any:
    # Help in plain text: rich alone costs more than the whole budget of a help page.
    group.rich_markup_mode = None
    command = typer.main.get_command(group)
    command.name = name
    return command


def _external(name: str, entry: Entry | None) -> Any | None:
    """A command group of another room, found by its entry point."""
    from importlib.metadata import entry_points

    for point in entry_points(group=EXTERNAL):
        if point.name == name:
            try:
                group = point.load()
                return _command(with_stack(group) if entry and entry.database else group, name)
            except ModuleNotFoundError as error:
                raise failures.MissingExtraError(name, extra=entry.extra if entry else "", module=error.name) from error
    if entry is None:
        return None
    raise failures.MissingExtraError(name, extra=entry.extra)
