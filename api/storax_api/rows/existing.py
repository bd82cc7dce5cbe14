"""One row by its id, or the error that it is not there: for REST and the web page alike."""

from datetime import datetime
from typing import Any

from storax_core.database.connections import Connection
from storax_core.errors import NotFound
from storax_core.queries import select
from storax_core.resources import Resource


async def existing_row(
    conn: Connection, resource: Resource, owner_id: int, wanted: int, as_of: int | datetime | None = None
) -> dict[str, Any]:
    """Return a row of the present, or as it was. Raises NotFound, also for a row of somebody else."""
    row = await select.fetch_one(conn, resource, owner_id, wanted, as_of)
    if row is None and as_of is not None:
        raise NotFound(
            f"{resource.entity.replace('_', ' ')} {wanted} did not exist then",
            hint="Its events say when it was created and deleted.",
        )
    if row is None:
        raise NotFound(f"{resource.entity.replace('_', ' ')} {wanted} does not exist", hint="It may have been deleted.")
    return row
