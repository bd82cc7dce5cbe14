"""App: a named program at a Site: how its command looks and which parameters it takes."""

from typing import Annotated

from sqlalchemy import BigInteger, Column, ForeignKey, Index
from sqlmodel import Field, SQLModel

from storax_core.resources import columns as c
from storax_core.resources.base import BOTH, EQ, TEXT, JoinFilter, Link, Mark, Resource
from storax_core.resources.types import BigId, Flag, Identifier, JsonList, JsonObject, ShortText, Text, TextMap


class App(SQLModel, table=True):
    """A named program at a Site: its command template, parameters and transfer slots."""

    __tablename__ = "app"
    __table_args__ = (Index("app_site_name", "site_id", "name", unique=True), Index("app_owner", "owner_id"))

    id: c.Id = c.big("Server id.", primary_key=True)
    owner_id: int = c.big("User who owns it.")
    site_id: Annotated[BigId, Mark(filter=EQ, write=BOTH, order=True)] = Field(
        sa_column=Column(BigInteger, ForeignKey("site.id"), nullable=False), description="Site it runs at."
    )
    name: Annotated[Identifier, Mark(filter=TEXT, write=BOTH, order=True)] = c.text("Unique at its site.")
    description: Annotated[Text, Mark(write=BOTH)] = c.text("What it does, for people.", default="")
    command_template: Annotated[Text | None, Mark(write=BOTH)] = c.text(
        "Command with {{ name }} places for parameters; split into arguments before they are filled.", default=None
    )
    use_shell: Annotated[Flag, Mark(write=BOTH)] = Field(
        default=False, description="Run the template by /bin/sh, parameters quoted."
    )
    source_code: Annotated[Text, Mark(write=BOTH)] = c.text("Source of the defining class, for people.", default="")
    parameters: Annotated[JsonObject, Mark(write=BOTH)] = c.json("{name: {required, default, help}}.")
    transfers: Annotated[JsonObject, Mark(write=BOTH)] = c.json(
        "Transfer slots: {slot: {required, direction, local_path, description, recursive}}."
    )
    cleanup_files: Annotated[JsonList, Mark(write=BOTH)] = c.json("Globs removed from the workdir after the end.", list)
    environment: Annotated[TextMap, Mark(write=BOTH)] = c.json("Environment variables of each job.")
    version: c.Version = Field(description="Number of changes so far; 1 at creation.")
    creation_date: c.Stamp = c.when("When it was created.")
    last_update: c.Stamp = c.when("When it last changed.")


APPS: Resource = Resource(
    App,
    entity="app",
    path="apps",
    python_name="App",
    parent=Link("site_id", "site"),
    unique=(("site_id", "name"),),
    join_filters=(
        JoinFilter(
            "site_name",
            ShortText,
            "t.site_id = ANY(ARRAY(SELECT id FROM site WHERE name = ANY({p}::text[])))",
            "Name of its site, or any of a list.",
            many=True,
        ),
        JoinFilter(
            "site_path",
            ShortText,
            "t.site_id = ANY(ARRAY(SELECT id FROM site WHERE path LIKE '%' || {p}::text || '%'))",
            "Its site's path contains this text.",
        ),
    ),
)
