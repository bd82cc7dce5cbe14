"""Values without a JSON form: pickled only where they are asked to be, unpickled only where they are trusted."""

import base64
from typing import Any

from storax.errors import InvalidInput

MARK = "__cloudpickle__"


def _library() -> Any:
    try:
        import cloudpickle
    except ImportError:
        raise InvalidInput(
            "Pickled values need the library cloudpickle.", hint='pip install "storax[pickle]"'
        ) from None
    return cloudpickle


def wrap(value: Any) -> dict[str, str]:
    """``value`` as a parameter that a function gets back as it was, where the site's policy has allow_pickle."""
    return {MARK: base64.b64encode(_library().dumps(value)).decode()}


def unwrap(value: Any, *, trust: bool) -> Any:
    """The value of a result. Raises InvalidInput for a pickled one that nobody said to trust."""
    if not (isinstance(value, dict) and value.keys() == {MARK}):
        return value
    if not trust:
        raise InvalidInput(
            "The result is pickled, and unpickling runs whatever code it holds.",
            hint="Where you trust the site and all who may write to your jobs: result(trust=True).",
        )
    return _library().loads(base64.b64decode(value[MARK]))
