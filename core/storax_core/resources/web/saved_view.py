"""SavedView: a name for a query of jobs, as the page Jobs has it in its URL."""

from typing import Annotated

from pydantic import AfterValidator
from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from storax_core import limits
from storax_core.resources import columns as c
from storax_core.resources.base import BOTH, TEXT, Mark, Resource
from storax_core.resources.types import Name, clean_text

ViewQuery = Annotated[str, Field(max_length=limits.VIEW_QUERY_CHARACTERS), AfterValidator(clean_text)]


class SavedView(SQLModel, table=True):
    """A named query of jobs: filters, order and columns, as in the URL of the page Jobs and of ``GET /jobs/``."""

    __tablename__ = "saved_view"
    __table_args__ = (Index("saved_view_owner_name", "owner_id", "name", unique=True),)

    id: c.Id = c.big("Server id.", primary_key=True)
    owner_id: int = c.big("User who owns it.")
    name: Annotated[Name, Mark(filter=TEXT, write=BOTH, order=True)] = c.text("Unique among the owner's saved views.")
    query: Annotated[ViewQuery, Mark(write=BOTH)] = c.text(
        "Parameters of GET /jobs/ as in a URL, such as state=FAILED&ordering=-id: filters, exclude, ordering, fields,"
        " limit and as_of. Empty: all jobs."
    )
    version: c.Version = Field(description="Number of changes so far; 1 at creation.")
    creation_date: c.Stamp = c.when("When it was created.")
    last_update: c.Stamp = c.when("When it last changed.")


SAVED_VIEWS: Resource = Resource(
    SavedView, entity="saved_view", path="saved-views", python_name="SavedView", unique=(("owner_id", "name"),)
)
