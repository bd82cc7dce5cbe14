"""What a list call asks for, and the page that answers it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from storax_core import limits
from storax_core.errors import Invalid
from storax_core.resources import Resource
from storax_core.resources.types import AsOf
from storax_core.suggest import nearest


class Query(BaseModel):
    """What a list call may say. ``filter`` values: a scalar equals, a list is any of, null is null."""

    model_config = ConfigDict(extra="forbid")

    filter: dict[str, Any] = Field(default_factory=dict, description="By filter name.")
    exclude: list[dict[str, Any]] = Field(default_factory=list, description="Each is NOT (all of its filters).")
    ordering: list[str] = Field(default_factory=list, max_length=4, description="Field names, '-' for descending.")
    limit: int = Field(default=100, ge=0, le=limits.ROWS, description="Rows of a page.")
    offset: int = Field(default=0, ge=0, le=2**40, description="Rows to skip; a cursor is cheaper.")
    cursor: str | None = Field(default=None, max_length=4000, description="From the last page's 'next'.")
    fields: list[str] | None = Field(default=None, description="Only these fields.")
    count: bool = Field(default=False, description="Also count all that match.")
    as_of: AsOf = Field(default=None, description="Rows as they were at this position of the log, or at this time.")
    format: str = Field(
        default="objects",
        pattern="^(objects|rows|cloudevents)$",
        description="objects, or rows with columns; for events also cloudevents: objects of CloudEvents 1.0.",
    )


@dataclass
class Page:
    """Column names, raw rows, the cursor of the next page, and the count where asked.

    ``size`` is the number of bytes of JSON and long text in it.
    """

    columns: list[str]
    rows: list[Any]
    next: str | None
    count: int | None
    size: int = 0


def columns_of(resource: Resource, fields: Sequence[str] | None) -> tuple[str, ...]:
    """The fields of an answer, each once. Raises Invalid."""
    for name in fields or ():
        if name not in resource.visible:
            raise Invalid(f"{resource.path} has no field {name!r}", hint=nearest(name, resource.visible))
    return tuple(dict.fromkeys(fields or (name for name in resource.visible if name not in resource.on_request)))


def most_rows(query: Query) -> int:
    """How many rows a page can have: the ids that it is about are often few."""
    ids = query.filter.get("id")
    return min(query.limit, len(ids)) if isinstance(ids, list) else query.limit if "id" not in query.filter else 1
