"""What a list call asks for, and the page that answers it."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from storax_core import limits
from storax_core.resources.types import AsOf


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
    format: str = Field(default="objects", pattern="^(objects|rows)$", description="objects, or rows with columns.")


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
