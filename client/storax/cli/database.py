"""The database of operator commands, which open it themselves: by default that of this machine's stack."""

import inspect
import os
from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from storax.cli.terminal.failures import UNREACHABLE, CommandError, UsageError

if TYPE_CHECKING:
    from storax.local.folder import Folder

VARIABLE = "STORAX_DATABASE_URL"
_WAYS = f"Start it with `storax up`, or name a database with --data DIR, --database-url or {VARIABLE}."
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Data folder of a running stack. Default, if no database is named: "
                 "STORAX_HOME/local."),
]  # fmt: skip


def with_stack(group: typer.Typer) -> typer.Typer:
    """Return the same commands; those with a ``database_url`` also take ``--data``, and default to the stack."""
    changed = copy(group)
    changed.registered_commands = [copy(info) for info in group.registered_commands]
    for info in changed.registered_commands:
        if info.callback and "database_url" in inspect.signature(info.callback).parameters:
            info.callback = _with_data_option(info.callback)
    return changed


def database_url(url: str | None, data: Path | None) -> str:
    """Return the address to use: that of ``data``, else ``url``, else that of the default stack.

    Raises:
        UsageError: both a folder and an address are named.
        CommandError: none is named, and no stack runs in the folder.
        DataFolderError: the folder is none of ours, or of a newer Storax.
    """
    if data is None and url:
        return url
    if data is not None and url and url != os.environ.get(VARIABLE):
        raise UsageError("--data and --database-url name two databases.", hint="Use only one of them.")
    return _of_stack(data)


def _of_stack(data: Path | None) -> str:
    folder = _folder(data)
    folder.check()
    stack = folder.read()
    # Postgres alone is enough; without it, it is an outside server that the supervisor's parts use.
    if stack is None or not stack.database_url or not (stack.supervised or "postgres" in stack.alive()):
        other = "" if data else "no database is named, and "
        raise CommandError(f"{other}no stack runs in {folder.path}.", hint=_WAYS, status=UNREACHABLE)
    return stack.database_url


def _folder(data: Path | None) -> "Folder":
    from storax.local.control import default_data
    from storax.local.folder import Folder

    return Folder((data or default_data()).expanduser().absolute())


def _with_data_option(run: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(*, data: Path | None, **kwargs: Any) -> Any:
        named = kwargs["database_url"]
        kwargs["database_url"] = database_url(named, data)
        if kwargs.get("seal_export") == "" and (data is not None or not named):
            kwargs["seal_export"] = str(_folder(data).seals)
        if "folder" in kwargs and kwargs["folder"] is None and (data is not None or not named):
            kwargs["folder"] = _folder(data).archives
        return run(**kwargs)

    signature = inspect.signature(run)
    option = inspect.Parameter("data", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Data)
    wrapped.__name__, wrapped.__doc__ = run.__name__, run.__doc__
    wrapped.__annotations__ = {**run.__annotations__, "data": Data}
    wrapped.__signature__ = signature.replace(parameters=[*signature.parameters.values(), option])  # type: ignore[attr-defined]
    return wrapped
