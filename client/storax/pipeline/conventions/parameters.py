"""Parameters of a pipeline by name, also those of its parts: ``predictors__0__max_depth``."""

from collections.abc import Mapping
from typing import Any, Self

from storax._runtime.suggestions import nearest
from storax.errors import InvalidInput
from storax.pipeline.state import PipelineState, listed, tags_of

PARTS = ("preprocessors", "feature_learners", "feature_selectors", "predictors")
_OTHERS = ("data_model", "loss_function", "tags", "include_categorical", "share_selected_features")
_BETWEEN = "__"


class Parameters(PipelineState):
    """``get_params``, ``set_params`` and clones, as scikit-learn knows them."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the hyperparameters by name, those of the constructor.

        Args:
            deep: Whether those of the parts are among them, such as ``predictors__0`` and ``predictors__0__max_depth``.
                Default True.
        """
        params = {name: getattr(self, name) for name in (*_OTHERS, *PARTS)} | {"name": self._name}
        if deep:
            for word in PARTS:
                for place, part in enumerate(listed(getattr(self, word))):
                    params[f"{word}__{place}"] = part
                    params |= {f"{word}__{place}__{key}": value for key, value in _params_of(part).items()}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set hyperparameters by name; what was learned stays, and the next ``fit()`` uses them.

        Args:
            params: Names of ``get_params()``; without its number, ``predictors__max_depth`` is that of the first one.
                A whole part is set before parameters of it, whatever their order.

        Raises:
            InvalidInput: there is no such parameter, or no such part; nothing was changed then.
        """
        changed = {word: list(listed(getattr(self, word))) for word in PARTS}
        whole = {key: value for key, value in params.items() if _BETWEEN not in key}
        for key in whole:
            if key not in self.get_params(deep=False):
                raise InvalidInput(f"A pipeline has no parameter {key!r}.", hint=nearest(key, self.get_params()))
        changed |= {word: listed(whole.pop(word)) for word in PARTS if word in whole}
        for key in sorted((key for key in params if _BETWEEN in key), key=_is_inside):
            word, _, path = key.partition(_BETWEEN)
            if word not in changed:
                raise InvalidInput(f"A pipeline has no parameter {key!r}.", hint=nearest(key, self.get_params()))
            _set(changed[word], word, path, params[key])
        if "tags" in whole:
            whole["tags"] = tags_of(whole["tags"])
        self._name = whole.pop("name", self._name)
        self.__dict__.update({**whole, **changed})
        return self

    def __sklearn_clone__(self) -> Self:
        """Return a pipeline of the same hyperparameters that has learned nothing; ``sklearn.base.clone`` calls this."""
        return type(self)(**self.get_params(deep=False))


def _is_inside(key: str) -> bool:
    """Return whether it names a parameter of a part, and not a part."""
    return not key.rpartition(_BETWEEN)[2].isdecimal()


def _set(parts: list[Any], word: str, path: str, value: Any) -> None:
    """Replace a part, or one with another value of a parameter, in a list of parts."""
    number, _, name = path.partition(_BETWEEN) if path[:1].isdecimal() else ("0", "", path)
    if not number.isdecimal() or int(number) >= len(parts):
        raise InvalidInput(f"The pipeline has {len(parts)} {word}, and none with the number {number}.")
    part = parts[int(number)]
    known = _params_of(part)
    if name and name not in known:
        kind = part.__name__ if isinstance(part, type) else type(part).__name__
        raise InvalidInput(f"A {kind} has no parameter {name!r}.", hint=nearest(name, known))
    parts[int(number)] = _with(part, name, value) if name else value


def _params_of(part: Any) -> dict[str, Any]:
    instance = part() if isinstance(part, type) else part
    if isinstance(instance, Mapping):
        return {key: value for key, value in instance.items() if key != "kind"}
    return dict(instance.get_params()) if hasattr(instance, "get_params") else {}


def _with(part: Any, name: str, value: Any) -> Any:
    instance = part() if isinstance(part, type) else part
    return {**instance, name: value} if isinstance(instance, Mapping) else instance.set_params(**{name: value})
