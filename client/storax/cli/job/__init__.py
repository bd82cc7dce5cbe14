"""`storax job`: create, find, follow and change jobs."""

from collections.abc import Sequence
from importlib import import_module

import typer

_EPILOG = """\b
Examples:
  storax job submit Hello name=world --wait
  storax job ls --state FAILED --tag experiment=foo
  storax job logs last -f"""

# The module of each command, below this package, and its function.
_COMMANDS = {
    "create": ("create", "create"),
    "submit": ("create", "submit"),
    "ls": ("show", "ls"),
    "show": ("show", "details"),
    "summary": ("show", "summary"),
    "failures": ("failures", "failures"),
    "history": ("show", "history"),
    "explain": ("explain", "explain"),
    "tree": ("pictures.tree", "tree"),
    "timeline": ("pictures.timeline", "timeline"),
    "logs": ("follow", "logs"),
    "wait": ("follow", "wait"),
    "cancel": ("change", "cancel"),
    "retry": ("change", "retry"),
    "modify": ("change", "modify"),
    "rm": ("change", "rm"),
}


def app_for(arguments: Sequence[str]) -> typer.Typer:
    """Return the group with the command that the arguments begin with; with all, if they begin with none."""
    names = arguments[:1] if arguments and arguments[0] in _COMMANDS else _COMMANDS
    app = typer.Typer(help="Create, list, follow and change jobs.", no_args_is_help=True, epilog=_EPILOG)
    app.callback()(lambda: None)  # keeps it a group, even of one
    for name in names:
        module, function = _COMMANDS[name]
        app.command(name)(getattr(import_module(f"{__name__}.{module}"), function))
    return app
