"""The addresses by which the parts of a stack log in to its servers: each part has logins of its own."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from storax.local.servers import postgres, valkey
from storax.local.state import Stack

PARTS = tuple(postgres.LOGINS)


@dataclass(frozen=True)
class Logins:
    """Addresses of both servers, passwords included.

    Attributes:
        owner: Address of Postgres for migrations and `storax admin`.
        postgres: Addresses of Postgres by part.
        redis: Addresses of Redis by part.
        administrator: Address of Postgres for the superuser, who creates the roles; empty at a server of the user.
        passwords: Passwords of these roles.
    """

    owner: str
    postgres: Mapping[str, str]
    redis: Mapping[str, str]
    administrator: str = ""
    passwords: Mapping[str, str] = field(default_factory=dict)

    def of(self, part: str) -> dict[str, str]:
        """Return the variables by which a part finds its servers."""
        return {"STORAX_DATABASE_URL": self.postgres[part], "STORAX_REDIS_URL": self.redis[part]}

    def of_migration(self) -> dict[str, str]:
        """Return the variables of the migration, which creates the roles first where it may."""
        roles = {"STORAX_ADMINISTRATOR_URL": self.administrator, "STORAX_ROLE_PASSWORDS": json.dumps(self.passwords)}
        return {"STORAX_DATABASE_URL": self.owner, **(roles if self.administrator else {})}


def logins(stack: Stack, environment: Mapping[str, str]) -> Logins:
    """Return the logins of a stack, of which the ports are chosen.

    A server named by the user in ``environment`` has one address for all parts, or one for each part that
    ``STORAX_API_DATABASE_URL``, ``STORAX_FEEDER_REDIS_URL`` and so on name.
    """
    external_postgres, external_redis = (environment.get(f"STORAX_{kind}_URL", "") for kind in ("DATABASE", "REDIS"))
    redis = {part: _of_part(part, "REDIS", external_redis, environment) or valkey.url(
        stack, port=stack.ports["valkey"], user=valkey.USERS[part]) for part in PARTS}  # fmt: skip
    if external_postgres:
        by_part = {part: _of_part(part, "DATABASE", external_postgres, environment) for part in PARTS}
        return Logins(external_postgres, by_part, redis)
    port = stack.ports["postgres"]
    return Logins(
        owner=postgres.url(stack, port=port, user=postgres.OWNER),
        postgres={part: postgres.url(stack, port=port, user=role) for part, role in postgres.LOGINS.items()},
        redis=redis,
        administrator=postgres.url(stack, port=port),
        passwords={role: stack.secret(role) for role in postgres.ROLES},
    )


def _of_part(part: str, kind: str, external: str, environment: Mapping[str, str]) -> str:
    """Return the address of a part at a server that the user named; empty if he named none."""
    return external and (environment.get(f"STORAX_{part.upper()}_{kind}_URL") or external)
