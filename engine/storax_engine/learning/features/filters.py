"""Conditions on the rows of a joined table: a feature counts only rows that meet all of its own.

A row whose value is null meets none, as in SQL. Conditions on the age of a row are the window of the feature.
"""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from storax_engine.learning.tables.columns import lookup
from storax_engine.learning.tables.index import Index

ABOVE, UP_TO, IN = "above", "up_to", "in"
NAMED = 4  # categories that a name lists
LONGEST = 64  # characters of the part of a name that tells the conditions


@dataclass(frozen=True)
class Filter:
    """One condition: ``column`` is above ``limit``, up to it, or (``how`` is ``in``) one of the ``categories``."""

    column: str
    how: str
    limit: float = 0.0
    categories: tuple[str, ...] = ()


def from_json(values: Mapping[str, Any]) -> Filter:
    """The condition that ``dataclasses.asdict`` wrote."""
    return Filter(values["column"], values["how"], float(values["limit"]), tuple(values["categories"]))


def narrowed(filters: Iterable[Filter], more: Filter) -> tuple[Filter, ...]:
    """Return the conditions with one more; two of one kind on the same column become one. Sorted."""
    joined = {(f.column, f.how): f for f in filters}
    if old := joined.get((more.column, more.how)):
        limit = (min if more.how == UP_TO else max)(old.limit, more.limit)
        both = tuple(c for c in more.categories if c in old.categories)
        more = Filter(more.column, more.how, limit, both)
    joined[more.column, more.how] = more
    return tuple(joined[key] for key in sorted(joined))


def keep(index: Index, filters: Sequence[Filter]) -> npt.NDArray[np.bool_]:
    """Return for each row of an index whether it meets all conditions."""
    kept = np.ones(len(index.order), np.bool_)
    for one in filters:
        if one.how == IN:
            codes, values = index.frame.coded(one.column)
            # The last place is that of code -1: null.
            wanted = np.append(lookup(values, pa.array(one.categories, pa.string())) >= 0, False)
            kept &= wanted[codes[index.order]]
        else:
            values = index.column(one.column)
            kept &= values > one.limit if one.how == ABOVE else values <= one.limit
    return kept


def name_of(filters: Sequence[Filter]) -> str:
    """Return what a feature's name says of its conditions: ``where_price_above_12.5_and_kind_in_jam_or_tea``."""
    whole = "where_" + "_and_".join(map(_name, filters))
    return whole if len(whole) <= LONGEST else f"where_{len(filters)}_conditions_{_short(whole)}"


def _name(one: Filter) -> str:
    if one.how != IN:
        short = f"{one.limit:g}"
        return f"{one.column}_{one.how}_{short if float(short) == one.limit else repr(one.limit)}"
    listed = "_or_".join(one.categories)
    unique = listed.split("_or_") == list(one.categories) and "_and_" not in listed
    if len(one.categories) <= NAMED and unique:
        return f"{one.column}_in_{listed}"
    return f"{one.column}_in_{len(one.categories)}_values_{_short(json.dumps(one.categories))}"


def _short(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"
