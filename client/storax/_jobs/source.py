"""The source of a definition as self-contained text: the class, and what it uses of its program.

Nothing is pickled. Modules become ``import`` lines, functions and classes of installed modules ``from ... import``
lines, functions, classes and base classes of the program itself their own source, and constants an expression of their
value. What has no such form is refused, with the line that uses it.
"""

import inspect
import textwrap
from typing import Any

from storax._jobs.shipping.definitions import definition_of_class, definition_of_function
from storax._jobs.shipping.methods import check_self, check_shapes, is_definition
from storax._jobs.shipping.shipment import Shipment
from storax.errors import InvalidInput


def plain_source(cls: type[Any]) -> str:
    """Return the source of the class, for people to read; empty where Python does not know it."""
    try:
        return textwrap.dedent(inspect.getsource(cls))
    except (OSError, TypeError):
        return ""


def whole_source(cls: type[Any], methods: list[str], *, any_module: bool = False) -> str:
    """Return the source of the class with everything that its methods need of its program.

    Args:
        cls: The definition.
        methods: The names of ``run`` and the hooks that it has.
        any_module: Whether it may import modules that are files of the program, because it prepares its environment
            at the site itself; by default False.

    Raises:
        InvalidInput: Python does not know the source, as in a bare interactive session, or something of it cannot be
            sent; the message names it and its line.
    """
    check_shapes(cls, methods)
    shipment = Shipment(cls.__name__, any_module)
    for base in reversed(cls.__mro__):
        if is_definition(base) and base is not cls and (known := definition_of_class(base)):
            check_self(cls, known)
    definition = definition_of_class(cls)
    if definition is None:
        return _from_methods(cls, methods, shipment)
    check_self(cls, definition)
    shipment.add_class(cls, definition, _scope(cls, methods))
    return "\n".join([*_head(shipment), definition.text])


def _scope(cls: type[Any], methods: list[str]) -> dict[str, Any]:
    own = (getattr(one, "__func__", one) for one in vars(cls).values())
    inherited = (getattr(cls, name) for name in methods)
    functions = (inspect.unwrap(one) for one in (*own, *inherited) if callable(one))
    return next(f.__globals__ for f in functions if inspect.isfunction(f))


def _head(shipment: Shipment) -> list[str]:
    return ["from __future__ import annotations", *shipment.lines.values(), ""]


def _from_methods(cls: type[Any], methods: list[str], shipment: Shipment) -> str:
    """Return a class of the methods alone, for one that was made by a call of ``type()``."""
    functions = [function for function in vars(cls).values() if inspect.isfunction(function)]
    bodies = [definition_of_function(function) for function in functions]
    if not bodies or None in bodies:
        raise InvalidInput(
            f"Python does not know the source of {cls.__name__}.{methods[0]}().",
            hint="Define the class in a file or a notebook, not at the bare prompt.",
        )
    for function, body in zip(functions, bodies, strict=True):
        shipment.add_function(function, body)
    texts = [textwrap.indent(body.text, "    ") for body in bodies if body is not None]
    return "\n".join([*_head(shipment), f"class {cls.__name__}(App):", *texts])
