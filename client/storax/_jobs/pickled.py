"""Values without a JSON form: pickled only on request, unpickled only if the caller trusts them."""

import base64
from typing import Any

from storax import _installation as installation
from storax.errors import InvalidInput

MARK = "__cloudpickle__"


def _library() -> Any:
    try:
        import cloudpickle
    except ImportError:
        raise InvalidInput(
            "Pickled values need the library cloudpickle.", hint=f"Install it: {installation.add_extra('pickle')}"
        ) from None
    return cloudpickle


def wrap(value: Any) -> dict[str, str]:
    """Pickle ``value`` as a parameter, which ``run()`` gets unpickled where the site's policy has allow_pickle."""
    return {MARK: base64.b64encode(_library().dumps(value)).decode()}


def unwrap(value: Any, *, trust: bool) -> Any:
    """Return the value of a result. Raise InvalidInput for a pickled one that the caller does not trust."""
    if not (isinstance(value, dict) and value.keys() == {MARK}):
        return value
    if not trust:
        raise InvalidInput(
            "The result is pickled, and unpickling runs any code it holds.",
            hint="If you trust the site and everyone who may write to your jobs, call result(trust=True).",
        )
    return _library().loads(base64.b64decode(value[MARK]))
