"""Rows of this process that a pipeline is asked about: no data frame is made of them."""

from collections.abc import Mapping
from typing import Any

from storax.data.container import Container, Subset
from storax.data.exchange.sources import NoTable, arrow_of
from storax.data.source import Source
from storax.errors import InvalidInput
from storax.pipeline.serialize import peripheral_frames


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
    except NoTable as error:
        raise InvalidInput(
            error.message, hint=f"{error.hint} A subset such as container.train is one too, or a data frame."
        ) from None


def peripheral_of(peripheral: Any) -> dict[str, Any] | None:
    """Describe the peripheral data frames and views to the engine; None stands for those of the fit.

    Raises:
        InvalidInput: one of them is in this process.
    """
    return None if peripheral is None else {n: one.to_spec() for n, one in peripheral_frames(peripheral).items()}


def _is_list(value: Any) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, (str, bytes))
