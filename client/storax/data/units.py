"""Units of columns: pipelines compare those of equal unit. With ``"km, comparison only"`` a column is only compared."""

from storax.errors import InvalidInput

COMPARISON_ONLY = "comparison only"
_HINT = f"A unit is a name, as 'km', or a name and the one mark that works, as 'km, {COMPARISON_ONLY}'."


def parse(unit: str) -> tuple[str, bool]:
    """Return the name of a unit, and whether its columns are used in comparisons alone. The name is empty for none.

    Raises:
        InvalidInput: it is no text, has no name, or a mark after its comma that does nothing.
    """
    if not isinstance(unit, str):
        raise InvalidInput(f"The unit {unit!r} is no text.", hint=_HINT)
    name, comma, mark = (part.strip() for part in unit.partition(","))
    if comma and mark != COMPARISON_ONLY:
        raise InvalidInput(f"The mark {mark!r} of the unit {unit!r} does nothing.", hint=_HINT)
    if (comma and not name) or name == COMPARISON_ONLY:
        raise InvalidInput(f"The unit {unit!r} has no name, so nothing is compared.", hint=_HINT)
    return name, bool(comma)


def written(unit: str, *, comparison_only: bool) -> str:
    """Return the text of a unit, with the mark that its columns are used in comparisons alone where asked for.

    Raises:
        InvalidInput: as ``parse``; or it is empty and ``comparison_only`` is asked for.
    """
    name, only = parse(unit)
    if comparison_only and not name:
        raise InvalidInput("comparison_only=True needs a unit.", hint=_HINT)
    return f"{name}, {COMPARISON_ONLY}" if only or comparison_only else name
