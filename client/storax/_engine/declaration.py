"""A declaration: parameters that travel to the engine as JSON. Nothing is computed here."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from storax._runtime.suggestions import nearest
from storax.errors import InvalidInput


@dataclass(frozen=True)
class Declaration:
    """Base of learners, predictors, preprocessors and loss functions; two with equal parameters are equal."""

    def to_spec(self) -> dict[str, Any]:
        """The kind and the parameters that are set, as JSON takes them."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {"kind": type(self).__name__, **{k: plain(v) for k, v in values.items() if v is not None}}

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002  scikit-learn passes it
        """Return the parameters by name, as estimators of scikit-learn do."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def set_params(self, **params: Any) -> Self:
        """Return a declaration with other values of some parameters; this one stays as it is.

        Raises:
            InvalidInput: there is no such parameter.
        """
        known = self.get_params()
        for name in params:
            if name not in known:
                raise InvalidInput(f"A {type(self).__name__} has no parameter {name!r}.", hint=nearest(name, known))
        return type(self)(**{**known, **params})

    def __sklearn_clone__(self) -> Self:
        """Return itself, because it never changes; ``sklearn.base.clone`` calls this."""
        return self


def plain(value: Any) -> Any:
    """Tuples as lists, all the way down."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, (list, tuple, set, frozenset)) else value


def declared(thing: Any) -> Any:
    """A declaration, or a class of one, as JSON; JSON as it is."""
    if isinstance(thing, type):
        thing = thing()
    return thing.to_spec() if hasattr(thing, "to_spec") else plain(thing)
