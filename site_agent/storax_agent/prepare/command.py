"""The parameters of a job as text for its command; ``command_template`` of the client parses the template."""

import json
from collections.abc import Mapping
from typing import Any

from storax._jobs.shipping.command_template import VARIABLE, Command, CommandError, parse

__all__ = ["VARIABLE", "Command", "CommandError", "parse", "value_text", "values_of"]


def value_text(value: Any) -> str:
    """A parameter as text: text as it is, lists and objects as JSON, anything else as Python writes it."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)


def values_of(command: Command, parameters: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, str]:
    """The values of the template's places: the job's own, or the App's defaults.

    Raises:
        CommandError: one is missing, or cannot be passed to a program.
    """
    return {name: _value(name, parameters, declared) for name in command.names}


def _value(name: str, parameters: Mapping[str, Any], declared: Mapping[str, Any]) -> str:
    rule = declared.get(name) or {}
    if name in parameters:
        text = value_text(parameters[name])
    elif rule.get("required", True) or "default" not in rule:
        raise CommandError(f"parameter {name!r} is missing; the App's command needs it")
    else:
        text = value_text(rule["default"])
    if "\0" in text:
        raise CommandError(f"parameter {name!r} holds a NUL character, which no program can be given")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise CommandError(f"parameter {name!r} is not valid Unicode text") from error
    return text
