"""The parameters of an App: those of its template or ``run()``, and the check of a Job's values."""

import inspect
import re
from collections.abc import Mapping
from typing import Any

from storax._runtime.json import dumps
from storax._runtime.suggestions import nearest
from storax.errors import InvalidInput
from storax.models.job_rules import PARAMETER

PLACEHOLDER = re.compile(PARAMETER)


def of_template(template: str) -> dict[str, dict[str, Any]]:
    """Return a required parameter for every ``{{ name }}`` of a command template."""
    return {name: {"required": True} for name in dict.fromkeys(PLACEHOLDER.findall(template))}


def of_run(cls: type[Any]) -> dict[str, dict[str, Any]]:
    """Return a parameter for every argument of ``cls.run`` but ``self``; one with a default is optional."""
    arguments = list(inspect.signature(cls.run).parameters.values())
    takes_self = not isinstance(inspect.getattr_static(cls, "run"), (staticmethod, classmethod))
    return {a.name: _declaration(a) for a in arguments[takes_self:]}


def _declaration(argument: inspect.Parameter) -> dict[str, Any]:
    if argument.kind not in (argument.POSITIONAL_OR_KEYWORD, argument.KEYWORD_ONLY):
        raise InvalidInput(
            f"run() takes {argument}, and a Job gives its parameters by name.",
            hint="Name each parameter; give one a dict or a list for many values.",
        )
    if argument.default is inspect.Parameter.empty:
        return {"required": True}
    try:
        dumps(argument.default)
    except (TypeError, ValueError):
        raise InvalidInput(
            f"The default of {argument.name!r} in run() has no JSON form: {argument.default!r}.",
            hint="Use None, and make the value inside run().",
        ) from None
    return {"required": False, "default": argument.default}


class Parameters:
    """The declared parameters of one App, ready to check many Jobs against."""

    def __init__(self, app_name: str, declared: Mapping[str, Any]) -> None:
        self.app_name = app_name
        self.declared = declared
        self._names = frozenset(declared)
        self._required = frozenset(n for n, spec in declared.items() if _required(spec))

    def check(self, values: Mapping[str, Any]) -> None:
        """Refuse missing and unknown parameters.

        Raises:
            InvalidInput: the message names them, and the nearest right name.
        """
        names = values.keys()
        if names >= self._required and names <= self._names:
            return
        app = f"App {self.app_name!r}"
        if missing := [repr(n) for n in self.declared if n in self._required and n not in names]:
            parameters = f"the parameter{'s' if len(missing) > 1 else ''} {', '.join(missing)}"
            raise InvalidInput(f"{app} needs {parameters}.", hint='Give parameters={"name": value}.')
        unknown = next(n for n in names if n not in self._names)
        hint = nearest(unknown, self.declared) if self.declared else "It takes no parameters."
        raise InvalidInput(f"{app} has no parameter {unknown!r}.", hint=hint)


def _required(spec: Any) -> bool:
    return bool(spec.get("required", True)) if isinstance(spec, Mapping) else True
