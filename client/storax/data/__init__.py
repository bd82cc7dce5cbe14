"""Data: handles to data frames in the engine, views of them, and how tables belong together.

::

    import storax

    storax.engine.set_project("flights")
    flights = storax.data.DataFrame.from_csv("flights.csv", name="flights")
    late = flights.where(flights["dep_delay"] > 60)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storax.data import roles, split, subroles, time
    from storax.data.container import Container, StarSchema, Subset
    from storax.data.expressions.columns import Column, arange, random, rowid
    from storax.data.frame import DataFrame
    from storax.data.frames import DataFrames
    from storax.data.lifecycle import concat, delete, exists, list_data_frames, load_data_frame, make_target_columns
    from storax.data.model import DataModel, Placeholder, relationship, to_placeholder
    from storax.data.roles import Roles
    from storax.data.source import View
    from storax.data.time_series import TimeSeries

_HOMES = {
    "Column": "expressions.columns",
    "Container": "container",
    "DataFrame": "frame",
    "DataFrames": "frames",
    "DataModel": "model",
    "Placeholder": "model",
    "Roles": "roles",
    "StarSchema": "container",
    "TimeSeries": "time_series",
    "Subset": "container",
    "View": "frame",
    "arange": "expressions.columns",
    "concat": "lifecycle",
    "delete": "lifecycle",
    "exists": "lifecycle",
    "list_data_frames": "lifecycle",
    "load_data_frame": "lifecycle",
    "make_target_columns": "lifecycle",
    "random": "expressions.columns",
    "relationship": "model",
    "rowid": "expressions.columns",
    "to_placeholder": "model",
}
_MODULES = ("roles", "split", "subroles", "time")

__all__ = [
    "Column", "Container", "DataFrame", "DataFrames", "DataModel", "Placeholder", "Roles", "StarSchema", "Subset",
    "TimeSeries", "View", "arange", "concat", "delete", "exists", "list_data_frames", "load_data_frame",
    "make_target_columns", "random", "relationship", "roles", "rowid", "split", "subroles", "time", "to_placeholder",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    # Imported at first use, as in ``storax`` itself.
    if name in _MODULES:
        return import_module(f"storax.data.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'storax.data' has no attribute {name!r}")
    value = getattr(import_module(f"storax.data.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
