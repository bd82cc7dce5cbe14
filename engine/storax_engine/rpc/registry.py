"""Every command of the engine by its name: those that answer JSON, and those that answer a table."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from storax_engine.rpc import import_commands, pipeline_commands, prediction_commands, project_commands, tuning_commands

_ANSWERS: tuple[Callable[..., Any], ...] = (
    *project_commands.COMMANDS,
    *import_commands.COMMANDS,
    *pipeline_commands.COMMANDS,
    *tuning_commands.COMMANDS,
)
_TABLES: tuple[Callable[..., pa.Table], ...] = (*project_commands.TABLES, *prediction_commands.TABLES)

COMMANDS: dict[str, Callable[..., Any]] = {command.__name__: command for command in _ANSWERS}
TABLES: dict[str, Callable[..., pa.Table]] = {command.__name__: command for command in _TABLES}
FREEING = frozenset({"close_project", "delete", "delete_pipeline", "delete_project", "load", "unload"})
