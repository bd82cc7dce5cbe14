"""Data frames by name: which there are, and handles to them."""

from collections.abc import Iterable
from typing import Any

from storax._engine import session
from storax.data.frame import DataFrame
from storax.data.roles import target
from storax.data.source import Source
from storax.errors import NoDataFrame


def load_data_frame(name: str) -> DataFrame:
    """Return a handle to the data frame; load it from the disk if it is not in memory.

    Raises:
        NoDataFrame: it is in neither place; also a ValueError.
    """
    try:
        handle = DataFrame(name).refresh()
    except NoDataFrame as error:
        raise NoDataFrame(f"No data frame named {name!r} is in memory or on disk.", hint=error.hint) from None
    return handle if handle.in_memory else handle.load()


def exists(name: str) -> bool:
    """Return whether there is a data frame of that name, in memory or on disk."""
    return any(one["name"] == name for one in session.call("list_frames"))


def list_data_frames() -> dict[str, list[str]]:
    """``{"in_memory": [names], "on_disk": [names]}``; one that is in both places stands in both."""
    frames = session.call("list_frames")
    return {
        "in_memory": [one["name"] for one in frames if one["in_memory"]],
        "on_disk": [one["name"] for one in frames if one["on_disk"]],
    }


def concat(name: str, frames: Iterable[Source]) -> DataFrame:
    """Make a data frame of the rows of several data frames or views, one below the other.

    Args:
        name: Of the new data frame.
        frames: With the same columns; the roles are those of the first.
    """
    sources = [frame.to_spec() for frame in frames]
    return DataFrame(name)._remember(session.call("concat", {"frame": name, "sources": sources}))


def delete(name: str) -> None:
    """Delete a data frame, in memory and on disk."""
    DataFrame(name).delete()


def make_target_columns(base: Source, colname: str) -> Any:
    """A view with a target for each different value of a column, ``COLNAME=VALUE``, and without the column.

    Each is 1 in the rows that have the value and 0 in the others, also where the value is missing.
    """
    view, column = base, base[colname]
    for value in column.unique():
        view = view.with_column((column == value).fill_null(False).as_num(), f"{colname}={value}", role=target)
        column = view[colname]
    return view.drop(colname)
