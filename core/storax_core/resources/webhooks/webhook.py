"""Webhook: a URL to which the server posts the events that match a filter, signed and in order; or a mail address."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator
from pydantic import Field as Bounds
from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from storax_core.resources import columns as c
from storax_core.resources.base import BOTH, EQ, NUMBER, TEXT, TIME, Mark, Resource
from storax_core.resources.types import Flag, JsonObject, Name, ShortText, UtcTime, clean_text

# Without "=?", with which an encoded word of a header begins: what it encodes could be other addresses.
MAIL = re.compile(r"mailto:(?!.*=\?)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


def web_address(value: str) -> str:
    """An absolute http or https URL of printable ASCII, without a user, a password or a fragment; or mailto:."""
    clean_text(value)
    if value.startswith("mailto:"):
        if not MAIL.fullmatch(value):
            raise ValueError("mailto: takes one address alone, such as mailto:alice@example.org")
        return value
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("a URL has printable ASCII characters alone, and no blank; encode others with %")
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an absolute URL is needed, such as https://example.org/storax")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("the URL must not have a user, a password or a fragment; the signature says who sends")
    if parts.port == 0:
        raise ValueError("port 0 is no port that can be connected to")
    return value


WebAddress = Annotated[str, Bounds(min_length=1, max_length=1024), AfterValidator(web_address)]


class Webhook(SQLModel, table=True):
    """A URL to which the server posts the owner's events that match a filter, signed and in order."""

    __tablename__ = "webhook"
    __table_args__ = (Index("webhook_owner_name", "owner_id", "name", unique=True),)

    id: c.Id = c.big("Server id.", primary_key=True)
    owner_id: int = c.big("User who owns it.")
    name: Annotated[Name, Mark(filter=TEXT, write=BOTH, order=True)] = c.text("Unique among the owner's webhooks.")
    url: Annotated[WebAddress, Mark(filter=TEXT, write=BOTH)] = c.text(
        "Where events are posted: http or https; or mailto:name@example.org for mail."
    )
    filter: Annotated[JsonObject, Mark(write=BOTH)] = c.json(
        "Which events: the filters of the event stream by name, such as type, tags, app_id, site_id and to_state; a"
        " list means any of these, {} all events."
    )
    format: Annotated[Literal["cloudevents", "storax"], Mark(write=BOTH)] = c.text(
        "How an event is posted: as CloudEvents 1.0, or storax: as the list of events has it.", default="cloudevents"
    )
    enabled: Annotated[Flag, Mark(filter=EQ[:1], write=BOTH)] = Field(
        default=True, description="Whether events are posted. The server sets it to false when it gives up."
    )
    secret_version: Annotated[int, Mark()] = Field(
        default=1, description="Number of secrets that it has had; each rotation adds one."
    )
    position: Annotated[int, Mark(filter=NUMBER, order=True, volatile=True)] = c.big(
        "Position in the log up to which everything that matches was delivered.", default=0
    )
    failures: Annotated[int, Mark(filter=NUMBER, volatile=True)] = Field(
        default=0, description="Number of attempts in a row that failed for the event that is next."
    )
    problem: Annotated[ShortText | None, Mark(volatile=True)] = c.text(
        "Why the last attempt failed, or why the server paused it; null after a delivery.", default=None
    )
    next_attempt: Annotated[UtcTime | None, Mark(filter=TIME, volatile=True)] = c.when(
        "Earliest time of the next attempt after one that failed.", default=None
    )
    last_delivery: Annotated[UtcTime | None, Mark(filter=TIME, volatile=True)] = c.when(
        "Time of the last delivery that was accepted.", default=None
    )
    rotated_at: Annotated[UtcTime | None, Mark(filter=TIME, volatile=True)] = c.when(
        "Time of the last rotation of the secret; for a day the secret before it signs too.", default=None
    )
    version: c.Version = Field(description="Number of changes so far; 1 at creation.")
    creation_date: c.Stamp = c.when("When it was created.")
    last_update: c.Stamp = c.when("When it last changed.")


WEBHOOKS: Resource = Resource(
    Webhook,
    entity="webhook",
    path="webhooks",
    python_name="Webhook",
    unique=(("owner_id", "name"),),
    event_versions={"created": 2},
    computed={
        "secret": (
            str | None,
            "NULL::text",
            "Secret that signs deliveries: in the answer to the call that creates or rotates it; null ever after.",
        )
    },
)
