"""Confirmation before a change: the number of objects, then a prompt; a script needs ``--yes``."""

import sys
from typing import Annotated

import typer

from storax.cli.terminal.failures import NOT_FOUND, CommandError, UsageError
from storax.cli.terminal.output import note

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not prompt for confirmation.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the number, and change nothing.")]


def confirmed(action: str, count: int, *, what: str, yes: bool, dry_run: bool, also: str = "") -> bool:
    """Return whether to carry out ``action`` on ``count`` objects; ``what`` is their noun in the singular.

    ``also`` continues the sentence with what else changes.

    Raises:
        CommandError: there is no object, or no terminal for the prompt and no ``--yes``.
    """
    things = f"{count} {what}{'' if count == 1 else 's'}{also}"
    if count == 0:
        raise CommandError(f"No {what} to {action}.", hint="Nothing was changed.", status=NOT_FOUND)
    if dry_run:
        note(f"Would {action} {things}. Nothing was changed.")
        return False
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(f"This would {action} {things}.", hint="Cannot prompt without a terminal: add --yes.")
    if typer.confirm(f"{action.capitalize()} {things}?", err=True):
        return True
    note("Nothing was changed.")
    return False
