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
    from storax.data.columns import Column
    from storax.data.frame import DataFrame
    from storax.data.frames import DataFrames
    from storax.data.lifecycle import delete, exists, list_data_frames, load_data_frame
    from storax.data.view import View

_HOMES = {
    "Column": "columns",
    "DataFrame": "frame",
    "DataFrames": "frames",
    "View": "view",
    "delete": "lifecycle",
    "exists": "lifecycle",
    "list_data_frames": "lifecycle",
    "load_data_frame": "lifecycle",
}

__all__ = ["Column", "DataFrame", "DataFrames", "View", "delete", "exists", "list_data_frames", "load_data_frame"]


def __getattr__(name: str) -> Any:
    # Imported at first use, as in ``storax`` itself.
    if name not in _HOMES:
        raise AttributeError(f"module 'storax.data' has no attribute {name!r}")
    found = getattr(import_module(f"storax.data.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
