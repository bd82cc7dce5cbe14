"""User and Token: who may call, and with which secret. Passwords and tokens are stored as hashes only."""

from typing import Annotated

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from storax_core.resources import columns as c
from storax_core.resources.base import CREATE, EQ, TEXT, TIME, Link, Mark, Resource
from storax_core.resources.types import BigId, Name, ShortText, UtcTime


class User(SQLModel, table=True):
    """The owner of sites, Apps and jobs."""

    __tablename__ = "user_account"
    __table_args__ = (Index("user_name", "username", unique=True),)

    id: c.Id = c.big("Server id.", primary_key=True)
    owner_id: int = c.big("The user itself.")
    username: Annotated[Name, Mark(filter=TEXT)] = c.text("Unique login name.")
    password_hash: Annotated[str | None, Mark(secret=True, volatile=True)] = c.text(
        "Argon2 hash; null: no password login.", default=None
    )
    version: c.Version = Field(description="Number of changes so far; 1 at creation.")
    creation_date: c.Stamp = c.when("When it was created.")
    last_update: c.Stamp = c.when("When it last changed.")


class Token(SQLModel, table=True):
    """An access token: shown once, stored as a SHA-256 hash, revocable."""

    __tablename__ = "token"
    __table_args__ = (
        Index("token_hash", "hash", unique=True),
        Index("token_owner", "owner_id", "id"),
        Index("token_parent", "parent_id"),
        Index("token_site", "site_id"),
    )

    id: c.Id = c.big("Server id.", primary_key=True)
    owner_id: int = c.big("User it speaks for.")
    user_id: Annotated[BigId, Mark(filter=EQ)] = c.big("User of the token.")
    name: Annotated[ShortText, Mark(filter=TEXT, write=CREATE)] = c.text("Purpose.", default="")
    site_id: Annotated[BigId | None, Mark(filter=EQ, write=CREATE)] = c.big(
        "Site whose agent it is for: it may lease and report there, and nothing else; null: the whole account.",
        default=None,
    )
    parent_id: Annotated[BigId | None, Mark(filter=EQ)] = c.big(
        "Token that created it, with which it is revoked; null: a password or an operator did.", default=None
    )
    hash: Annotated[str, Mark(secret=True, volatile=True)] = c.text("SHA-256 of the token.")
    expires_at: Annotated[UtcTime | None, Mark(filter=TIME)] = c.when(
        "Time at which it expires; null: never.", default=None
    )
    version: c.Version = Field(description="Number of changes so far; 1 at creation.")
    creation_date: c.Stamp = c.when("When it was created.")
    last_update: c.Stamp = c.when("When it last changed.")


USERS: Resource = Resource(User, entity="user", path="users", python_name="User", verbs=("list", "read"), public=False)
TOKENS: Resource = Resource(
    Token,
    entity="token",
    path="tokens",
    python_name="Token",
    parent=Link("user_id", "user"),
    also_below=(Link("site_id", "site"),),
    verbs=("list", "read", "delete"),
    public=False,
    event_versions={"created": 2},
)
