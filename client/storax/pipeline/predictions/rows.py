"""Rows of this process that a pipeline is asked about: no data frame is made of them."""

from collections.abc import Mapping
from typing import Any

from storax.data.container import Container, Subset
from storax.data.exchange.sources import arrow_of
from storax.data.source import Source
from storax.errors import InvalidInput


def are_local(population: Any) -> bool:
    """Return whether these are rows of this process, and not those of a data frame, view or container."""
    return not isinstance(population, (Container, Subset, Source))


def local_rows(population: Any) -> Any:
    """Return rows of this process as a pyarrow Table or RecordBatchReader.

    Args:
        population: One row as a dict of values by column, or what ``storax.data.exchange.sources.arrow_of`` takes.

    Raises:
        InvalidInput: these are no rows.
    """
    if isinstance(population, Mapping) and population:
        listed = {name: _is_list(value) for name, value in population.items()}
        if not any(listed.values()):
            return arrow_of([population])
        if not all(listed.values()):
            one = next(name for name, several in listed.items() if not several)
            raise InvalidInput(
                f"Column {one!r} is a single value, and other columns are lists.",
                hint="Pass one row as a dict of values, or several rows as a dict of lists.",
            )
    try:
        return arrow_of(population)
    except InvalidInput as error:
        raise InvalidInput(
            error.message, hint=f"{error.hint} A subset such as container.train is one too, or a data frame."
        ) from None


def peripheral_of(peripheral: Any) -> dict[str, Any] | None:
    """Describe the peripheral data frames and views to the engine; None stands for those of the fit.

    Raises:
        InvalidInput: one of them is in this process.
    """
    if peripheral is None:
        return None
    listed = list(peripheral) if isinstance(peripheral, (list, tuple)) else [peripheral]
    named = dict(peripheral) if hasattr(peripheral, "items") else {getattr(one, "name", "1"): one for one in listed}
    for name, frame in named.items():
        if not isinstance(frame, Source):
            raise InvalidInput(
                f"The peripheral table {name!r} is a {type(frame).__name__}, and no data frame or view.",
                hint=f"Make one of it: storax.data.DataFrame({str(name)!r}, data=..., roles=...).",
            )
    return {str(name): frame.to_spec() for name, frame in named.items()}


def _is_list(value: Any) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, (str, bytes))
