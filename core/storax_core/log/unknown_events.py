"""Refuse events that a newer release wrote: this one does not know what they mean, so it cannot fold them.

A log may hold them after code was rolled back. ``schemas.py`` puts the check into every statement that folds: no reader
can leave it out, and none reads an event before it is checked.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import asyncpg

from storax_core.database.connections import Connection
from storax_core.errors import Conflict
from storax_core.resources import PROJECTED

UNKNOWN = """SELECT type FROM event_log WHERE entity <> ALL($1::text[])
UNION ALL SELECT type FROM event_baseline WHERE entity <> ALL($1::text[]) LIMIT 1"""
HINT = "Install the newer Storax that wrote the log."


class UnknownEventError(asyncpg.PostgresError):  # type: ignore[misc]
    """What Postgres raises where a statement meets such an event; the message names type and versions."""

    sqlstate = "SX001"  # of the function refuse_event, in a class that neither Postgres nor the SQL standard uses


def checked(data: str, newest: Mapping[str, int]) -> str:
    """SQL of ``data`` that raises for an event of a type, or of a version of a type, that is not in ``newest``."""
    whens = " ".join(f"WHEN '{name}' THEN {version}" for name, version in newest.items())
    known = f"CASE type {whens} ELSE 0 END"
    return f"CASE WHEN schema_version > {known} THEN refuse_event(type, schema_version, {known}) ELSE {data} END"


@contextmanager
def refusals() -> Iterator[None]:
    """Within the block a fold that meets such an event raises Conflict, which names type and versions."""
    try:
        yield
    except UnknownEventError as error:
        raise Conflict(str(error), hint=HINT) from error


async def refuse_unknown_resources(conn: Connection) -> None:
    """Raise Conflict for events of a resource that this release does not know, which no fold would look at."""
    known = [resource.entity for resource in PROJECTED]
    unknown: Any = await conn.fetchval(UNKNOWN, known)
    if unknown is not None:
        raise Conflict(f"the log has an event of type {unknown}, which this Storax does not know", hint=HINT)
