"""Asking before something is changed or destroyed: the number first, then a question, never a surprise in a script."""

import sys
from typing import Annotated

import typer

from storax.cli.terminal.failures import NOT_FOUND, CommandError, UsageError
from storax.cli.terminal.output import note

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say how many, and change nothing.")]


def agreed(action: str, count: int, *, what: str, yes: bool, dry_run: bool) -> bool:
    """Whether to go on with ``deed`` on ``count`` things, said as ``what`` in the singular.

    Raises:
        CommandError: there is nothing to do it to, or nobody to ask and no ``--yes``.
    """
    things = f"{count} {what}{'' if count == 1 else 's'}"
    if count == 0:
        raise CommandError(f"No {what} to {action}.", hint="Nothing was changed.", status=NOT_FOUND)
    if dry_run:
        note(f"Would {action} {things}. Nothing was changed.")
        return False
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(f"This would {action} {things}.", hint="Nobody can be asked here: add --yes.")
    if typer.confirm(f"{action.capitalize()} {things}?", err=True):
        return True
    note("Nothing was changed.")
    return False
