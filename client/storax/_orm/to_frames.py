"""Matches as data frames of pandas, polars or pyarrow; each library is optional, and imported on use."""

import json
from collections.abc import Sequence
from importlib import import_module
from typing import Any, ClassVar

from storax import _installation as installation
from storax._orm.record import Record
from storax.errors import StoraxError


class Frames:
    """The frame methods of a query."""

    _model: ClassVar[type[Any]]

    def _tuples(self, names: tuple[str, ...]) -> list[Any]:
        raise NotImplementedError

    def to_pandas(self) -> Any:
        """Return the matches as a pandas DataFrame, one column per field; needs pandas."""
        return to_pandas(self._model, self._tuples(self._model._columns))

    def to_polars(self) -> Any:
        """Return the matches as a polars DataFrame, JSON fields as text; needs polars."""
        return to_polars(self._model, self._tuples(self._model._columns))

    def to_arrow(self) -> Any:
        """Return the matches as a pyarrow Table, JSON fields as text; needs pyarrow."""
        return to_arrow(self._model, self._tuples(self._model._columns))


def to_pandas(model: type[Record], rows: Sequence[Any]) -> Any:
    """Make a pandas DataFrame; dicts and lists stay Python objects, UUIDs and times have pandas' types."""
    return library("pandas").DataFrame(_columns(model, rows))


def to_polars(model: type[Record], rows: Sequence[Any]) -> Any:
    """Make a polars DataFrame; JSON fields are text."""
    return library("polars").DataFrame(_flat(model, rows), infer_schema_length=None)


def to_arrow(model: type[Record], rows: Sequence[Any]) -> Any:
    """Make a pyarrow Table; JSON fields are text."""
    return library("pyarrow").table(_flat(model, rows))


def _columns(model: type[Record], rows: Sequence[Any]) -> dict[str, list[Any]]:
    turned = zip(*rows, strict=True) if rows else (() for _ in model._columns)
    return {name: list(column) for name, column in zip(model._columns, turned, strict=True)}


def _flat(model: type[Record], rows: Sequence[Any]) -> dict[str, list[Any]]:
    """Return columns of one type each: JSON becomes text, since its shape differs from row to row."""
    flat = _columns(model, rows)
    for name, column in flat.items():
        if model._fields[name].kind.mutable:
            flat[name] = [None if v is None else json.dumps(v) for v in column]
        elif "UUID" in str(model._fields[name].annotation):
            flat[name] = [None if v is None else str(v) for v in column]
    return flat


def library(name: str, package: str = "") -> Any:
    """Import a library that the user may not have; ``package`` is what to install, by default ``name``.

    Raises:
        StoraxError: It is not installed.
    """
    try:
        return import_module(name)
    except ImportError:
        package = package or name
        raise StoraxError(
            f"{package} is not installed.", hint=f"Install it: {installation.add_library(package)}"
        ) from None
