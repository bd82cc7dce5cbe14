"""The command `storax`: a table of commands, each imported when it is named, so that help is fast."""

import sys
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer

from storax.cli.commands import PROFILE_HELP, Root, takes_profile
from storax.cli.terminal import complete, connection, failures, streams
from storax.cli.terminal.visible import say

__all__ = ["main"]

_EPILOG = """\b
Examples:
  storax up --detach                         starts a server and a site on this machine
  storax job submit Hello name=world --wait
  storax job ls --state FAILED
  storax job explain 12

\b
Exit status: 0 success, 1 error, 2 wrong usage, 3 not found, 4 not authorized, 5 refused, 6 a job failed while waiting,
7 timeout, 8 server unreachable, 130 interrupted."""

root = typer.Typer(
    cls=Root,
    name="storax",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(requested: bool) -> None:
    if requested:
        from importlib.metadata import version

        say(f"storax {version('storax')}")
        raise typer.Exit


@root.callback()
def _options(
    context: typer.Context,
    profile: Annotated[
        str | None, typer.Option("--profile", metavar="NAME", help=PROFILE_HELP, autocompletion=complete.profiles)
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", envvar="STORAX_DEBUG", help="Show error tracebacks.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Run jobs on your sites, and keep a log of every change.

    Print data to stdout, messages to stderr. STORAX_OUTPUT sets the default of --output; NO_COLOR disables colours.
    """
    context.obj = {"profile": profile}
    if profile and not takes_profile(str(context.invoked_subcommand)):
        message = f"`storax {context.invoked_subcommand}` uses no profile."
        raise failures.UsageError(message, hint="Omit --profile.")
    failures.debug(on=debug)
    connection.choose(profile)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command line, by default this process's, and exit with its status."""
    streams.prepare()
    command: Any = typer.main.get_command(root)
    try:
        command(args=None if arguments is None else list(arguments), prog_name="storax")
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    except Exception as error:
        status = failures.report(error)
    sys.exit(failures.flush(status))
