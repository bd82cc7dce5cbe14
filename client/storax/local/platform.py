"""The parts of the platform itself: the API, the workers, and the commands that prepare the database for them."""

import hashlib
import json
import os
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from storax.local.errors import StartError
from storax.local.logins import PARTS, Logins
from storax.local.servers.ports import HOST
from storax.local.servers.probes import http_status
from storax.local.stack_parts import Part, never
from storax.local.state import Stack

USER = "local"
# What the user named for one part is not in the environment of another.
NO_OTHERS = {f"STORAX_{part.upper()}_{kind}_URL": "" for part in PARTS for kind in ("DATABASE", "REDIS")}
SETTLE_SEC = 0.5  # a process that cannot import or connect is gone by then


@dataclass(frozen=True)
class Platform:
    """The platform's parts for one stack.

    The API starts beside the migration, for it takes as long to import; should it come first, it is started again.
    Where an earlier start prepared the schema, the API checks it, and the migration only runs if the check fails.

    Attributes:
        stack: The stack; its addresses are set, and the parts store the token and the prepared schema in it.
        logins: The addresses of the servers for each part.
        port: Port of the API.
        servers: Names of the parts that must be ready first.
        seals: File of the exported seals of the log; another place may be named by STORAX_SEAL_EXPORT.
    """

    stack: Stack
    logins: Logins
    port: int
    servers: tuple[str, ...]
    seals: Path

    def parts(self) -> list[Part]:
        """The parts, in the order people should read them."""
        return [self._migrate(), self._api(), self._worker("feeder"), self._worker("tasks"), self._bootstrap()]

    def _migrate(self) -> Part:
        known = self._schema_known
        return Part(
            name="migrate",
            argv=python_command("storax_core.admin", "migrate"),
            environment=self._migration,
            needs=("api",) if known else self.servers,
            once=True,
            skip=self._is_ready if known else never,
            timeout=600.0,
        )

    def _api(self) -> Part:
        return Part(
            name="api",
            argv=python_command("storax_api"),
            environment=partial(self._environment, "api"),
            needs=self.servers,
            ready=self._is_alive if self._schema_known else self._is_ready,
            alive=self._is_alive,
            retry=_lacks_schema,
            timeout=600.0,
            address=f"{HOST}:{self.port}",
        )

    def _worker(self, name: str) -> Part:
        return Part(
            name=name,
            argv=python_command("storax_workers", name),
            environment=partial(self._environment, name),
            needs=self.servers if self._schema_known else (*self.servers, "bootstrap"),
            retry=_lacks_schema,
            settle=SETTLE_SEC,
        )

    def _bootstrap(self) -> Part:
        """Make the local user and its token once; later starts only check that the token is still valid."""
        return Part(
            name="bootstrap",
            argv=python_command("storax_core.admin", "bootstrap", "--user", USER),
            environment=self._migration,
            needs=("migrate", "api") if self.stack.token else ("migrate",),
            once=True,
            skip=self._token_is_valid,
            after=self._keep_token,
        )

    @property
    def _digest(self) -> str:
        return digest(self.stack.version, self.stack.database_url)

    @property
    def _schema_known(self) -> bool:
        """Whether an earlier start of this version prepared the schema of this database."""
        return self.stack.prepared.get("schema") == self._digest and bool(self.stack.token)

    def _environment(self, part: str) -> dict[str, str]:
        api = {"STORAX_HOST": HOST, "STORAX_PORT": str(self.port), "STORAX_ADMINS": USER} if part == "api" else {}
        place = os.environ.get("STORAX_SEAL_EXPORT", str(self.seals))
        private = os.environ.get("STORAX_WEBHOOK_PRIVATE_ADDRESSES", "true")  # the user's own machine, for one user
        tasks = {"STORAX_SEAL_EXPORT": place, "STORAX_WEBHOOK_PRIVATE_ADDRESSES": private} if part == "tasks" else {}
        return {**NO_OTHERS, **self.logins.of(part), **api, **tasks, "PYTHONUNBUFFERED": "1"}

    def _migration(self) -> dict[str, str]:
        return {**NO_OTHERS, **self.logins.of_migration(), "PYTHONUNBUFFERED": "1"}

    def _is_alive(self) -> bool:
        return http_status(f"{self.stack.url}/healthz") == 200

    def _is_ready(self) -> bool:
        return http_status(f"{self.stack.url}/readyz") == 200

    def _token_is_valid(self) -> bool:
        token = self.stack.token
        return bool(token) and http_status(f"{self.stack.url}/api/v1/auth/me", token=token) == 200

    def _keep_token(self, output: str) -> None:
        self.stack.secrets["token"] = _parse_token(output)
        self.stack.prepared["schema"] = self._digest


def digest(*texts: str) -> str:
    """A short digest of some texts, by which a later start sees whether anything changed."""
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:16]


def python_command(module: str, *arguments: str) -> tuple[str, ...]:
    """The command that runs a module with this Python."""
    # -P: a file of the user's that is named like a library must not be imported in its place.
    return (sys.executable, "-P", "-m", module, *arguments)


def _parse_token(output: str) -> str:
    try:
        return str(json.loads(output)["token"])
    except (ValueError, KeyError, TypeError) as error:
        raise StartError("`storax admin bootstrap` printed no token, so nobody could log in.") from error


def _lacks_schema(log: str) -> bool:
    return "does not exist" in log or "refuses the login" in log  # a role, table or password that the migration makes
