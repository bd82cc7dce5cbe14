"""App: a named program at a Site: how its command looks and which parameters it takes."""

from typing import Annotated

from sqlalchemy import BigInteger, Column, ForeignKey, Index
from sqlmodel import Field, SQLModel

from storax_core.lifecycle.states import HOOKS
from storax_core.resources import columns as c
from storax_core.resources.base import BOTH, EQ, TEXT, JoinFilter, Link, Mark, Resource
from storax_core.resources.job import MAX_LOSSES
from storax_core.resources.types import (
    BigId,
    Count,
    ExitCodes,
    Flag,
    Identifier,
    JsonList,
    JsonObject,
    Losses,
    RetryDelay,
    ShortText,
    Text,
    TextMap,
)


class App(SQLModel, table=True):
    """A named program at a Site: its command template, parameters and transfer slots."""

    __tablename__ = "app"
    __table_args__ = (Index("app_site_name", "site_id", "name", unique=True), Index("app_owner", "owner_id"))

    id: c.Id = c.big("Server id.", primary_key=True)
    owner_id: int = c.big("User who owns it.")
    site_id: Annotated[BigId, Mark(filter=EQ, write=BOTH, order=True)] = Field(
        sa_column=Column(BigInteger, ForeignKey("site.id"), nullable=False), description="Site of the App."
    )
    name: Annotated[Identifier, Mark(filter=TEXT, write=BOTH, order=True)] = c.text("Unique at its site.")
    description: Annotated[Text, Mark(write=BOTH)] = c.text("Description for people.", default="")
    command_template: Annotated[Text | None, Mark(write=BOTH)] = c.text(
        "Command with placeholders {{ name }}; split into arguments before values are inserted.", default=None
    )
    use_shell: Annotated[Flag, Mark(write=BOTH)] = Field(
        default=False, description="Run the template with /bin/sh, with quoted parameters."
    )
    source_code: Annotated[Text, Mark(write=BOTH)] = c.text(
        "Source of the class with run() and hooks; a site runs it only if its policy allows it.",
        default="",
    )
    hooks: Annotated[JsonList, Mark(write=BOTH)] = c.json(
        f"Methods of the source that are hooks: {', '.join(HOOKS.values())}.", list
    )
    python_exe: Annotated[ShortText | None, Mark(write=BOTH)] = c.text(
        "Interpreter at the site for run(), hooks and $STORAX_PYTHON; null: that of the agent.",
        default=None,
    )
    shell_preamble: Annotated[Text, Mark(write=BOTH)] = c.text(
        "Lines that /bin/sh runs before the command or the Python worker, such as 'module load'.", default=""
    )
    parameters: Annotated[JsonObject, Mark(write=BOTH)] = c.json("{name: {required, default, help}}.")
    transfers: Annotated[JsonObject, Mark(write=BOTH)] = c.json(
        "Transfer slots: {slot: {required, direction, local_path, description, recursive}}."
    )
    cleanup_files: Annotated[JsonList, Mark(write=BOTH)] = c.json(
        "Glob patterns of files in the workdir to delete after a job has finished.", list
    )
    environment: Annotated[TextMap, Mark(write=BOTH)] = c.json("Environment variables of each job.")
    max_attempts: Annotated[Count, Mark(write=BOTH)] = Field(
        default=1,
        description="Number of runs before an error makes a job FAILED; lost runs do not count; a job can override it.",
    )
    max_losses: Annotated[Losses, Mark(write=BOTH)] = Field(
        default=MAX_LOSSES,
        description="Number of lost runs that makes a job FAILED; 0: no limit; a job can override it.",
    )
    retry_delay_sec: Annotated[RetryDelay, Mark(write=BOTH)] = Field(
        default=0,
        description="Seconds before the run that follows an error; doubles with each error; a job can override it.",
    )
    retry_exit_codes: Annotated[ExitCodes, Mark(write=BOTH)] = c.json(
        "Exit codes after which a job is retried; empty: after any error; a job can override it.", list
    )
    retry_on_timeout: Annotated[Flag, Mark(write=BOTH)] = Field(
        default=True, description="Whether a job runs again after its wall_time_limit_min; a job can override it."
    )
    version: c.Version = Field(description="Number of changes so far; 1 at creation.")
    creation_date: c.Stamp = c.when("When it was created.")
    last_update: c.Stamp = c.when("When it last changed.")


APPS: Resource = Resource(
    App,
    entity="app",
    path="apps",
    python_name="App",
    parent=Link("site_id", "site"),
    event_versions={"created": 2},
    unique=(("site_id", "name"),),
    join_filters=(
        JoinFilter(
            "site_name",
            ShortText,
            "SELECT id FROM site WHERE name = ANY({value}::text[])",
            "Name of its site, or any of a list. A name that none of your sites has or had is an error.",
            many=True,
            names="site",
            key="site_id",
        ),
        JoinFilter(
            "site_path",
            ShortText,
            "SELECT id FROM site WHERE path LIKE '%' || {value}::text || '%'",
            "Path of its site contains this text.",
            key="site_id",
        ),
    ),
)
