"""Which preprocessor is called what."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from storax_engine.learning.errors import BadPlan
from storax_engine.learning.plan import Part
from storax_engine.learning.preprocessors.base import Preprocessor
from storax_engine.learning.preprocessors.calendar import Seasonal
from storax_engine.learning.preprocessors.categories import CategoryTrimmer, Imputation
from storax_engine.learning.preprocessors.mapping import Mapping as TargetMeans
from storax_engine.learning.preprocessors.texts import EmailDomain, Substring, TextFieldSplitter
from storax_engine.learning.tables.frame import CATEGORICAL, TEXT
from storax_engine.learning.tables.subroles import EMAIL, SUBSTRING

T = TypeVar("T")
_KINDS: Mapping[str, Callable[..., Preprocessor]] = {
    "CategoryTrimmer": CategoryTrimmer,
    "EmailDomain": EmailDomain,
    "Imputation": Imputation,
    "Seasonal": Seasonal,
    "Substring": Substring,
    "TextFieldSplitter": TextFieldSplitter,
}
TARGET_MEANS = "Mapping"
_MARKED = {EmailDomain: EMAIL, Substring: SUBSTRING}


def make(part: Part, asked_for: Collection[str] = ()) -> Preprocessor:
    """The preprocessor a description names; ``asked_for`` are those that use only columns whose subroles say so.

    Raises ``BadPlan`` for an unknown one or wrong parameters.
    """
    if part.kind not in _KINDS:
        raise BadPlan(f"preprocessor {part.kind!r} is unknown; one of {', '.join([*_KINDS, TARGET_MEANS])}")
    step = _create(_KINDS[part.kind], part)
    return replace(step, marked=True) if _MARKED.get(type(step)) in asked_for else step  # type: ignore[type-var]


def check_columns(parts: Iterable[Part], roles: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
    """Raise ``BadPlan`` if a preprocessor names a column that no table has as a category or text."""
    known = {name for by_role in roles.values() for role in (CATEGORICAL, TEXT) for name in by_role.get(role, ())}
    for part in parts:
        for name in _names(part.parameters.get("columns") or ()):
            if name not in known and not any(name.startswith(f"{column}__") for column in known):
                raise BadPlan(
                    f"preprocessor {part.kind}: no table has a column {name!r} with the role categorical or text; "
                    f"its columns are names of columns, such as {min(known, default='city')!r}"
                )


def _names(columns: str | Sequence[str]) -> Sequence[str]:
    return (columns,) if isinstance(columns, str) else columns


def target_means(part: Part) -> TargetMeans:
    """The preprocessor that needs the targets."""
    return _create(TargetMeans, part)


def _create(kind: Callable[..., T], part: Part) -> T:
    known: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in part.parameters.items()}
    known |= {"columns": tuple(_names(known["columns"]))} if known.get("columns") else {}
    try:
        return kind(**{k: v for k, v in known.items() if v is not None})
    except TypeError as error:
        raise BadPlan(f"preprocessor {part.kind}: {error}") from error
