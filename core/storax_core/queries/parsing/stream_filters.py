"""The filters that a stream of events takes: all but those of positions, which say where it is."""

from collections.abc import Iterable, Mapping
from typing import Any

from storax_core.errors import Invalid
from storax_core.queries import filters
from storax_core.resources import EVENTS

STREAM_FILTERS = tuple(name for name in EVENTS.filters if name != "id" and not name.startswith("position"))


def check(wanted: Mapping[str, Any], exclude: Iterable[Mapping[str, Any]] = (), *, way_out: str) -> None:
    """Raise Invalid for filters that a stream does not take, with ``way_out``, and for wrong values."""
    groups = [*exclude]
    for name in (*wanted, *(name for group in groups for name in group)):
        if name in EVENTS.filters and name not in STREAM_FILTERS:
            raise Invalid(f"the stream cannot be filtered by {name!r}", hint=way_out)
    filters.selection_of(EVENTS, 0, wanted, groups)
