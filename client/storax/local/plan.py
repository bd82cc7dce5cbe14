"""The parts of a stack, from what was asked for: the servers alone, or the whole platform."""

import hashlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from storax.local.errors import StartError
from storax.local.folder import Folder
from storax.local.parts import Part, never
from storax.local.servers import postgres, valkey
from storax.local.servers.ports import DEFAULT_PORT, HOST, Ports
from storax.local.servers.probes import http_status
from storax.local.state import Stack

USER = SITE = "local"

_AGENT_STOP_SEC = 20.0  # it stops the jobs it runs, each with a grace of its own


_SETTLE_SEC = 0.5  # a process that cannot import or connect is gone by then


@dataclass(frozen=True)
class Wish:
    """What was asked for.

    Attributes:
        data: the data folder.
        port: port of the API; None takes the last one used, or the next free one from 8360.
        site: whether to run the local site.
        servers_only: Postgres and Valkey alone.
        fsync: False trades safety for speed, for tests.
    """

    data: Path
    port: int | None = None
    site: bool = True
    servers_only: bool = False
    fsync: bool = True


def make_plan(wish: Wish, *, folder: Folder, stack: Stack, ports: Ports) -> list[Part]:
    """Choose ports, write the addresses into ``stack`` and return the parts in the order people should read them.

    Raises:
        LocalError: a wheel is missing, the port is busy, or the data are of another Postgres.
    """
    servers = _servers(wish, folder=folder, stack=stack, ports=ports)
    if wish.servers_only:
        stack.url = ""
        return servers
    port = _api_port(wish, stack=stack, ports=ports)
    stack.ports["api"] = port
    stack.url = f"http://{HOST}:{port}"
    names = tuple(part.name for part in servers if not part.once)
    return [*servers, *_platform(stack, port=port, servers=names), *(_site(folder, stack=stack) if wish.site else [])]


def _servers(wish: Wish, *, folder: Folder, stack: Stack, ports: Ports) -> list[Part]:
    parts: list[Part] = []
    outside = {} if wish.servers_only else os.environ
    stack.redis_url = outside.get("STORAX_REDIS_URL", "")
    if not stack.redis_url:
        port = _server_port("valkey", stack=stack, ports=ports)
        parts.append(valkey.valkey_part(folder, stack=stack, port=port, fsync=wish.fsync))
        stack.redis_url = valkey.url(stack, port=port)
    stack.database_url = outside.get("STORAX_DATABASE_URL", "")
    if not stack.database_url:
        port = _server_port("postgres", stack=stack, ports=ports)
        sockets = folder.sockets(stack)
        stack.run_dir = str(sockets)
        parts += postgres.postgres_parts(folder, stack=stack, port=port, sockets=sockets, fsync=wish.fsync)
        stack.database_url = postgres.url(stack, port=port)
    return parts


def _platform(stack: Stack, *, port: int, servers: tuple[str, ...]) -> list[Part]:
    """The API, the workers, and what makes the database ready for them.

    The API starts beside the migration, for it takes as long to import; should it come first, it is started again.
    Where the schema was ready before, the API says whether it still is, and the migration is only run if it is not.
    """
    digest = _digest(stack.version, stack.database_url)
    known = stack.prepared.get("schema") == digest and bool(stack.token)

    def environment() -> dict[str, str]:
        return {
            "STORAX_DATABASE_URL": stack.database_url,
            "STORAX_REDIS_URL": stack.redis_url,
            "STORAX_HOST": HOST,
            "STORAX_PORT": str(port),
            "PYTHONUNBUFFERED": "1",
        }

    def lives() -> bool:
        return http_status(f"{stack.url}/healthz") == 200

    def serves() -> bool:
        return http_status(f"{stack.url}/readyz") == 200

    def keep_token(output: str) -> None:
        stack.secrets["token"] = _token_in(output)
        stack.prepared["schema"] = digest

    def token_works() -> bool:
        return bool(stack.token) and http_status(f"{stack.url}/api/v1/auth/me", token=stack.token) == 200

    def worker(name: str) -> Part:
        return Part(name=name, argv=_python("storax_workers", name), environment=environment, retry=_lacks_schema,
                    needs=servers if known else (*servers, "bootstrap"), settle=_SETTLE_SEC)  # fmt: skip

    return [
        Part(name="migrate", argv=_python("storax_core.admin", "migrate"), environment=environment,
             needs=("api",) if known else servers, once=True, skip=serves if known else never, timeout=600.0),
        Part(name="api", argv=_python("storax_api"), environment=environment, needs=servers,
             ready=lives if known else serves, alive=lives, retry=_lacks_schema, timeout=600.0,
             address=f"{HOST}:{port}"),
        worker("feeder"),
        worker("tasks"),
        # A token is asked for once; later starts only see whether it is still good.
        Part(name="bootstrap", argv=_python("storax_core.admin", "bootstrap", "--user", USER), environment=environment,
             needs=("migrate", "api") if stack.token else ("migrate",), once=True, skip=token_works, after=keep_token),
    ]  # fmt: skip


def _site(folder: Folder, *, stack: Stack) -> list[Part]:
    digest = _digest(stack.version, stack.database_url, stack.url, "functions")

    def environment() -> dict[str, str]:
        return {
            "STORAX_URL": stack.url,
            "STORAX_TOKEN": stack.token,
            "STORAX_AGENT_STOP_JOBS": "1",  # `storax down` leaves nothing running; the jobs are run again later
            "PYTHONUNBUFFERED": "1",
        }

    def known() -> bool:
        return folder.site.is_dir() and stack.prepared.get("site") == _digest(digest, stack.token)

    def remember(_: str) -> None:
        stack.prepared["site"] = _digest(digest, stack.token)

    place = str(folder.site)
    return [
        Part(name="site-init", argv=_python("storax_agent", "init", place, "--name", SITE, "--allow-functions"),
             environment=environment,
             needs=("api", "bootstrap"), once=True, skip=known, after=remember),
        Part(name="agent", argv=_python("storax_agent", "run", place), environment=environment, needs=("site-init",),
             settle=_SETTLE_SEC, grace=_AGENT_STOP_SEC, rank=0),
    ]  # fmt: skip


def _token_in(output: str) -> str:
    try:
        return str(json.loads(output)["token"])
    except (ValueError, KeyError, TypeError) as error:
        raise StartError("`storax admin bootstrap` printed no token, so nobody could log in.") from error


def _lacks_schema(log: str) -> bool:
    return "does not exist" in log  # a role, database or table that the migration makes


def _digest(*words: str) -> str:
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()[:16]


def _python(module: str, *words: str) -> tuple[str, ...]:
    # -P: a file of the user's that is named like a library must not be imported in its place.
    return (sys.executable, "-P", "-m", module, *words)


def _server_port(name: str, *, stack: Stack, ports: Ports) -> int:
    recorded = stack.ports.get(name)
    port = recorded if recorded and name in stack.alive() else ports.private(recorded)
    stack.ports[name] = port
    return port


def _api_port(wish: Wish, *, stack: Stack, ports: Ports) -> int:
    recorded = stack.ports.get("api")
    if recorded and wish.port in (None, recorded) and "api" in stack.alive():
        return recorded
    if wish.port is not None:
        return ports.exactly(wish.port)
    return ports.first([*([recorded] if recorded else []), *range(DEFAULT_PORT, DEFAULT_PORT + 200)])
