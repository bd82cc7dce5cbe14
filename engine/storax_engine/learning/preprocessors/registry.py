"""Which preprocessor is called what."""

from collections.abc import Callable, Mapping
from typing import Any

from storax_engine.learning.errors import BadPlan
from storax_engine.learning.plan import Part
from storax_engine.learning.preprocessors.base import Preprocessor

_KINDS: Mapping[str, Callable[..., Preprocessor]] = {}


def make(part: Part) -> Preprocessor:
    """The preprocessor a description names. Raises ``BadPlan`` for an unknown one or wrong parameters."""
    if part.kind not in _KINDS:
        raise BadPlan(f"preprocessor {part.kind!r} is unknown; one of {', '.join(_KINDS)}")
    known: dict[str, Any] = {k: v for k, v in part.parameters.items() if v is not None}
    try:
        return _KINDS[part.kind](**known)
    except TypeError as error:
        raise BadPlan(f"preprocessor {part.kind}: {error}") from error
