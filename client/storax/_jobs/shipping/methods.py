"""Whether a site can call the methods of an App: their shape, and what they use of ``self``."""

import ast
import inspect
from collections.abc import Iterator
from typing import Any

from storax._jobs.shipping.at_site import CHANGEABLE, DECLARATIONS, OF_RUN
from storax._jobs.shipping.definitions import FUNCTIONS, Definition
from storax._jobs.shipping.shipment import is_of_storax
from storax._orm.instance import Model
from storax._runtime.suggestions import nearest
from storax.errors import InvalidInput
from storax.models.job_rules import SETTABLE

AT_SITE = frozenset({"job", "create_job"})  # what the base class of an App has at a site
OF_HOOK = frozenset({"state", *CHANGEABLE})  # what a hook may set of its job


def check_shapes(cls: type[Any], names: list[str]) -> None:
    """Refuse methods that a site cannot call.

    Raises:
        InvalidInput: one is a coroutine or a generator, reads names of a function around the class, or is a hook with
            parameters.
    """
    for name in names:
        method = inspect.unwrap(getattr(getattr(cls, name), "__func__", getattr(cls, name)))
        if problem := _problem(method):
            raise InvalidInput(f"{cls.__name__}.{name}() {problem[0]}{_place(method)}.", hint=problem[1])
        if name != "run" and (more := _required(cls, name)):
            hint = "A hook takes self alone; the job is self.job."
            raise InvalidInput(f"{cls.__name__}.{name}() takes the parameter {more!r}{_place(method)}.", hint=hint)


def _problem(method: Any) -> tuple[str, str] | None:
    if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
        return "is async, and a site calls plain functions", "Write a plain method that calls asyncio.run()."
    if inspect.isgeneratorfunction(method):
        return "is a generator, and its values would be lost", "Return a list."
    if outer := [name for name in getattr(method, "__code__", _NO_CODE).co_freevars if name != "__class__"]:
        hint = "Define what it needs at the top of the file, or make it a parameter."
        return f"reads {outer[0]!r} of the function around the class, which cannot be sent", hint
    return None


_OWN = "At the site there are the class's own methods and attributes, self.job and self.create_job()."


class _NO_CODE:  # noqa: N801 - a method in C, which reads no names
    co_freevars = ()


def _required(cls: type[Any], name: str) -> str:
    parameters = list(inspect.signature(getattr(cls, name)).parameters.values())
    own = parameters[1:] if inspect.isfunction(inspect.getattr_static(cls, name)) else parameters
    empty = inspect.Parameter.empty
    return next((p.name for p in own if p.default is empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)), "")


def _place(method: Any) -> str:
    code = getattr(method, "__code__", None)
    return f" ({code.co_filename.rpartition('/')[2]}, line {code.co_firstlineno})" if code else ""


def check_self(cls: type[Any], definition: Definition) -> None:
    """Refuse what a class uses of ``self``, ``super()`` and ``self.job`` that a site has not.

    Raises:
        InvalidInput: the message names it and its line.
    """
    own = _own_names(cls)
    for method, myself in _methods(definition.node):
        for node in ast.walk(method):
            if isinstance(node, ast.Assign) and (state := _wrong_state(node, method.name, f"{myself}.job.state")):
                message = (
                    f"{cls.__name__}: {method.name}() cannot set the state {state!r} ({definition.at(node.lineno)})."
                )
                raise InvalidInput(message, hint=nearest(state, SETTABLE[method.name]))
            if isinstance(node, ast.Attribute) and (wrong := _wrong(node, method, myself, cls, own)):
                problem, hint = wrong
                raise InvalidInput(f"{cls.__name__}: {problem} ({definition.at(node.lineno)}).", hint=hint)


def _wrong(node: ast.Attribute, method: Any, myself: str, cls: Any, own: set[str]) -> tuple[str, str] | None:
    text, name, sets = ast.unparse(node.value), node.attr, isinstance(node.ctx, ast.Store)
    if text == f"{myself}.job":
        return _wrong_of_job(name, sets=sets, method=method.name)
    if text == myself and not sets and name not in own | AT_SITE and hasattr(cls, name):
        return f"self.{name} is not there at the site", _OWN
    if text == "super()" and name not in _inherited(cls) | AT_SITE and not hasattr(object, name):
        return f"super().{name} is Storax's own, which is not there at the site", "Leave the call out."
    return None


def _wrong_state(node: ast.Assign, method: str, target: str) -> str:
    """Return the constant that a hook sets as the state and may not; empty for none."""
    value = node.value.value if isinstance(node.value, ast.Constant) else None
    sets = method in SETTABLE and any(ast.unparse(one) == target for one in node.targets)
    return str(value) if sets and value is not None and value not in SETTABLE[method] else ""


def _wrong_of_job(name: str, *, sets: bool, method: str) -> tuple[str, str] | None:
    fields = _job_fields()
    if name not in fields:
        return f"a Job has no field {name!r}", nearest(name, sorted(fields))
    if method == "run" and (sets or name not in OF_RUN):
        what = f"run() cannot change {name!r} of its job" if sets else f"run() does not see {name!r} of its job"
        return what, f"It sees {', '.join(OF_RUN)}. Return a value, or write a hook."
    if sets and name not in OF_HOOK:
        return f"a hook cannot set {name!r} of its job", f"It may set {', '.join(sorted(OF_HOOK))}."
    return None


def _job_fields() -> set[str]:
    from storax._orm.record import model_named

    return {name for name, field in model_named("Job")._fields.items() if not field.sent_only}


def _methods(node: ast.AST) -> Iterator[tuple[Any, str]]:
    for part in getattr(node, "body", ()):
        arguments = part.args.posonlyargs + part.args.args if isinstance(part, FUNCTIONS) else []
        if arguments:
            yield part, arguments[0].arg


def _own_names(cls: type[Any]) -> set[str]:
    """Return the attributes that the classes of the program define at the site."""
    names = {name for base in cls.__mro__ if not is_of_storax(base) for name in vars(base)}
    return names - DECLARATIONS


def _inherited(cls: type[Any]) -> set[str]:
    return {name for base in cls.__mro__[1:] if not is_of_storax(base) for name in vars(base)}


def is_definition(cls: type[Any]) -> bool:
    """Return whether a class is a definition of an App, and not Storax's own."""
    return issubclass(cls, Model) and not is_of_storax(cls)
