"""Subroles: which parts of a pipeline may use a column. Without any, all that use its role do."""

from collections.abc import Collection, Iterable, Mapping

CATEGORY_TRIMMER, EMAIL, IMPUTATION, MAPPING = "category trimmer", "email", "imputation", "mapping"
SEASONAL, SUBSTRING, TEXT_FIELD_SPLITTER = "seasonal", "substring", "text field splitter"
FASTPROP, PREDICTORS, COMPARISON = "fastprop", "predictors", "comparison"
_GROUPS = {
    **dict.fromkeys(
        (CATEGORY_TRIMMER, EMAIL, IMPUTATION, MAPPING, SEASONAL, SUBSTRING, TEXT_FIELD_SPLITTER), "preprocessors"
    ),
    FASTPROP: "feature learners",
    COMPARISON: "feature learners",
}
_BY_REQUEST = (EMAIL, SUBSTRING)
SUBROLES = tuple(
    sorted({f"exclude {use}" for pair in _GROUPS.items() for use in pair} | {f"exclude {PREDICTORS}"})
    + [f"{how} {use}" for how in ("include", "only") for use in _BY_REQUEST]
    + [f"only {COMPARISON}"]
)
Subroles = Mapping[str, tuple[str, ...]]


def allow(subroles: Collection[str], use: str) -> bool:
    """Return whether a column with these subroles may be used by a part of a pipeline."""
    if any(subrole.startswith("only ") for subrole in subroles) and f"only {use}" not in subroles:
        return False
    return not {f"exclude {use}", f"exclude {_GROUPS.get(use)}"} & set(subroles)


def compare(subroles: Collection[str]) -> bool:
    """Return whether a column may be compared with one of another table."""
    return allow(subroles, COMPARISON) and f"exclude {FASTPROP}" not in subroles


def ask_for(subroles: Collection[str], use: str) -> bool:
    """Return whether they name a preprocessor that is to use the column."""
    return not {f"include {use}", f"only {use}"}.isdisjoint(subroles)


def asked_for(by_table: Mapping[str, Subroles]) -> frozenset[str]:
    """Return the preprocessors that some column of these tables asks for: they use such columns alone."""
    subroles: Iterable[tuple[str, ...]] = (one for by_column in by_table.values() for one in by_column.values())
    seen = {subrole for one in subroles for subrole in one}
    return frozenset(use for use in _BY_REQUEST if ask_for(seen, use))
