"""The table of commands, and the group that imports one of them when it is named."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import wraps
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from storax.cli.database import with_stack
from storax.cli.terminal import complete, connection, failures
from storax.cli.terminal.connection import connected

EXTERNAL = "storax.commands"
PROFILE_HELP = "Profile (stored server and token) to use."


@dataclass(frozen=True)
class Entry:
    """One line of the table.

    Attributes:
        help: Its line in the list of commands.
        module: Module with ``app``, a group, or ``app_for(arguments)``, which returns it with what the arguments need,
            or ``register(app)``, which adds single commands; empty for a command of another package, which its entry
            point names.
        extra: The extra that installs that package.
        remote: Whether it needs a connection to the server.
        database: Whether it opens the database itself.
        profile: Whether its commands use the profile that is named, although they open no connection here.
    """

    help: str
    module: str = ""
    extra: str = ""
    remote: bool = False
    database: bool = False
    profile: bool = False


COMMANDS: dict[str, Entry] = {
    "demo": Entry("Run a workflow on a private stack, then stop the stack.", "storax.cli.demo"),
    "up": Entry("Start a server and a site on this machine.", "storax.cli.stack"),
    "down": Entry("Stop the server and the site on this machine.", "storax.cli.stack"),
    "status": Entry("Show the state of the server and the site on this machine.", "storax.cli.stack"),
    "doctor": Entry("Check the settings, the server and this machine.", "storax.cli.stack", profile=True),
    "login": Entry("Store a token for a server.", "storax.cli.login", profile=True),
    "logout": Entry("Revoke the stored token, and delete it.", "storax.cli.login", profile=True),
    "whoami": Entry("Show the server and the user in use.", "storax.cli.login", remote=True),
    "open": Entry("Open the web page of the server in the browser.", "storax.cli.login", remote=True),
    "job": Entry("Create, list, follow and change jobs.", "storax.cli.job", remote=True),
    "top": Entry("Show jobs, failures and sites, and keep them up to date.", "storax.cli.top", remote=True),
    "report": Entry("Write a report on jobs: one HTML file.", "storax.cli.report", remote=True),
    "app": Entry("List and publish Apps: the programs that jobs run.", "storax.cli.app", remote=True),
    "site": Entry("Create and run a site: a place where jobs run.", extra="agent", profile=True),
    "queue": Entry("Request allocations (BatchJobs) from a site's scheduler.", "storax.cli.queue", remote=True),
    "transfer": Entry("List the files that are copied for jobs.", "storax.cli.transfer", remote=True),
    "engine": Entry("Start, stop and show the engine of data frames and pipelines.", "storax.cli.engine", profile=True),
    "event": Entry("Read and follow the log of every change.", "storax.cli.event", remote=True),
    "webhook": Entry("Have the server post events to a URL.", "storax.cli.webhook", remote=True),
    "token": Entry("Create, list and revoke access tokens.", "storax.cli.token", remote=True),
    "admin": Entry("Operate the database: migrate, users, verify, rebuild.", extra="server", database=True),
}


class Root(TyperGroup):
    """Lists commands from the table; imports the one that runs."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {name: TyperCommand(name, help=entry.help) for name, entry in COMMANDS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Replace the line of the list by the command itself."""
        command = load(args[0], args[1:])
        if command is not None:
            self.commands[args[0]] = command
        return super().resolve_command(ctx, args)

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Read the options; a reader of the help who had enough is no error."""
        try:
            return super().make_context(*args, **kwargs)
        except BrokenPipeError:
            raise typer.Exit(0) from None

    def invoke(self, ctx: Any) -> Any:
        """Run it; Ctrl-C exits with 130, a closed pipe with 0."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(failures.INTERRUPTED) from None
        except BrokenPipeError:
            raise typer.Exit(0) from None


def load(name: str, arguments: Sequence[str] = ()) -> Any | None:
    """Return the command of that name, ready to run with these arguments; None if there is no such command.

    Of a large group, only the command that the arguments name is imported; without any, all are.
    """
    entry = COMMANDS.get(name)
    command = _own(name, entry, arguments) if entry and entry.module else _external(name, entry)
    if command is not None and takes_profile(name):
        _offer_profile(command)
    return command


def takes_profile(name: str) -> bool:
    """Return whether a command talks to the server of a profile; others work on this machine or a database."""
    entry = COMMANDS.get(name)
    return entry is None or entry.remote or entry.profile


def _own(name: str, entry: Entry, arguments: Sequence[str]) -> Any:
    module = import_module(entry.module)
    if hasattr(module, "app_for"):
        command = _command(module.app_for(arguments), name)
    elif hasattr(module, "app"):
        command = _command(module.app, name)
    else:
        singles = typer.Typer(rich_markup_mode=None)
        singles.callback()(lambda: None)  # keeps it a group, even of one
        module.register(singles)
        command = _command(singles, name).commands[name]
    if entry.remote:
        _connect(command)
    return command


def _offer_profile(command: Any) -> None:
    """Let ``--profile`` stand behind every command below too, unless one has an option of that name."""
    for inner in getattr(command, "commands", {}).values():
        _offer_profile(inner)
    if hasattr(command, "commands") or any("--profile" in parameter.opts for parameter in command.params):
        return
    command.params.append(_profile_option())


def _profile_option() -> Any:
    def command(
        profile: Annotated[
            str | None,
            typer.Option(
                "--profile",
                metavar="NAME",
                callback=_choose_profile,
                expose_value=False,
                help=PROFILE_HELP,
                autocompletion=complete.profiles,
            ),
        ] = None,
    ) -> None:
        pass

    single = typer.Typer(add_completion=False)
    single.command()(command)
    return typer.main.get_command(single).params[0]


def _choose_profile(name: str | None) -> None:
    if name:
        connection.choose(name)


def _connect(command: Any) -> None:
    """Give every command below a connection when it runs; its help needs none."""
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
    """Return a command group of another package, by its entry point."""
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
