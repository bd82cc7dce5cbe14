"""Rows of one statement, up to a number of bytes: read in portions, so that no answer takes memory without bound."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from storax_core import limits
from storax_core.database.connections import Connection
from storax_core.database.json_meter import DROPPED, JsonMeter, meter_of
from storax_core.resources import BY_ENTITY, Resource

AT_ONCE = 256  # rows that are read without a transaction: a page of usual size and the row that says there are more
PORTION = 1000  # rows of the largest portion


@dataclass
class Part:
    """The first rows of a statement, their size in bytes, and whether there are more that did not fit."""

    rows: list[Any]
    size: int
    cut: bool


async def fetch_bounded(
    conn: Connection, resource: Resource, sql: str, arguments: Sequence[Any], *, rows: int, size: int
) -> Part:
    """Return the rows of a statement while they are within ``size`` bytes, always one.

    ``rows`` is how many there can be. JSON counts, and text where the resource has fields of long text.
    """
    portion = _portion(resource.entity)
    with meter_of(conn).limited(size) as meter:
        if rows <= min(AT_ONCE, portion):
            part = _within(await conn.fetch(sql, *arguments), meter.left, size, has_text=portion < PORTION)
        else:
            part = await _portions(conn, meter, sql, arguments, portion, size)
    if part.cut and not part.rows:  # the first row alone is larger
        async with _transaction(conn):
            part.rows = await (await conn.cursor(sql, *arguments)).fetch(1)
    return part


async def _portions(
    conn: Connection, meter: JsonMeter, sql: str, arguments: Sequence[Any], portion: int, size: int
) -> Part:
    whole, number = Part([], 0, cut=False), min(AT_ONCE, portion)
    async with _transaction(conn):
        cursor = await conn.cursor(sql, *arguments)
        while not whole.cut and (rows := await cursor.fetch(number)):
            part = _within(rows, meter.left, size - whole.size, has_text=portion < PORTION)
            whole.rows += part.rows
            whole.size, whole.cut = whole.size + part.size, part.cut
            left = meter.left = max(0, size - whole.size)
            if len(rows) < number:
                break
            number = max(1, min(portion, left * len(whole.rows) // max(1, whole.size)))
    return whole


def _transaction(conn: Connection) -> AbstractAsyncContextManager[Any]:
    """A transaction, in which a statement can be read in portions; none where there is one."""
    transaction: AbstractAsyncContextManager[Any] = nullcontext() if conn.is_in_transaction() else conn.transaction()
    return transaction


def _within(rows: list[Any], left: int, size: int, *, has_text: bool) -> Part:
    """The rows before the first that has a dropped value, or behind which the texts exceed the size."""
    used = size - max(left, 0)
    if left < 0:
        whole = next(place for place, row in enumerate(rows) if any(value is DROPPED for value in row))
        return Part(rows[:whole], used, cut=True)
    for place, row in enumerate(rows if has_text else ()):
        used += sum(len(value) for value in row if type(value) is str)
        if used > size:
            return Part(rows[: place + 1], used, cut=True)
    return Part(rows, used, cut=False)


def _portion(entity: str) -> int:
    """How many rows to read at once: where their texts are as long as they may be, these fit into a page."""
    return max(1, min(PORTION, limits.PAGE_BYTES // max(1, _longest_texts(entity))))


@cache  # of the declarations alone: a limit may be set to another value
def _longest_texts(entity: str) -> int:
    """The length of all of a row's texts, where each is as long as it may be."""
    resource = BY_ENTITY[entity]
    return sum(_longest(resource, name) for name in resource.visible)


def _longest(resource: Resource, name: str) -> int:
    """The length of a field's longest text; 0 where it has none, or none that is long."""
    field = resource.fields.get(name)
    if field is None or field.pg_type != "text" or field.choices:
        return 0
    schema = TypeAdapter(field.validated_type).json_schema()
    return int(max(kind.get("maxLength", 0) for kind in schema.get("anyOf", [schema])))
