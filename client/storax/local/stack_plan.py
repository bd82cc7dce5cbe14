"""The parts of a stack, from its configuration: the servers alone, or the whole platform."""

import os
import time
from collections.abc import Callable

from storax._runtime.atomic_files import atomic_write
from storax.local.config import StackConfig
from storax.local.folder import Folder
from storax.local.logins import logins
from storax.local.platform import SETTLE_SEC, Platform, digest, python_command
from storax.local.servers import postgres, valkey
from storax.local.servers.ports import DEFAULT_PORT, HOST, Ports
from storax.local.site_reports import agent_is_connected
from storax.local.stack_parts import Part
from storax.local.state import Stack

SITE = "local"

_AGENT_STOP_SEC = 20.0  # it stops the jobs it runs, each with a grace of its own
_CONNECT_SEC = 30.0  # an agent without a contact for so long counts as started; `storax status` says what it lacks


def make_plan(config: StackConfig, *, folder: Folder, stack: Stack, ports: Ports) -> list[Part]:
    """Choose ports, write the addresses into ``stack`` and return the parts in the order people should read them.

    Raises:
        LocalError: a wheel is missing, the port is busy, or the data are of another Postgres.
    """
    servers = _servers(config, folder=folder, stack=stack, ports=ports)
    if config.servers_only:
        stack.url = ""
        return servers
    port = _api_port(config, stack=stack, ports=ports)
    stack.ports["api"] = port
    stack.url = f"http://{HOST}:{port}"
    names = tuple(part.name for part in servers if not part.once)
    own = logins(stack, os.environ)
    stack.database_url = own.owner
    site = _site(folder, stack=stack) if config.site else []
    return [*servers, *Platform(stack, own, port=port, servers=names, seals=folder.seals).parts(), *site]


def _servers(config: StackConfig, *, folder: Folder, stack: Stack, ports: Ports) -> list[Part]:
    parts: list[Part] = []
    external = {} if config.servers_only else os.environ
    stack.redis_url = external.get("STORAX_REDIS_URL", "")
    if not stack.redis_url:
        port = _server_port("valkey", stack=stack, ports=ports)
        parts.append(valkey.valkey_part(folder, stack=stack, port=port, fsync=config.fsync))
        stack.redis_url = valkey.url(stack, port=port)
    stack.database_url = external.get("STORAX_DATABASE_URL", "")
    if not stack.database_url:
        port = _server_port("postgres", stack=stack, ports=ports)
        sockets = folder.sockets(stack)
        stack.run_dir = str(sockets)
        parts += postgres.postgres_parts(folder, stack=stack, port=port, sockets=sockets, fsync=config.fsync)
        stack.database_url = postgres.url(stack, port=port)
    return parts


def _site(folder: Folder, *, stack: Stack) -> list[Part]:
    base_digest = digest(stack.version, stack.database_url, stack.url, "functions", "site token")
    token_file = folder.path / "site-init-token"

    def environment() -> dict[str, str]:
        return {
            "STORAX_URL": stack.url,
            "STORAX_AGENT_STOP_JOBS": "1",  # `storax down` leaves nothing running; the jobs are run again later
            "PYTHONUNBUFFERED": "1",
        }

    def init_environment() -> dict[str, str]:
        return {**environment(), "STORAX_TOKEN_FILE": str(token_file)}

    def hand_over_token() -> None:
        """By a file: the environment of a process can be read for as long as it lives."""
        atomic_write(token_file, f"{stack.token}\n", mode=0o600)

    def is_prepared() -> bool:
        return folder.site.is_dir() and stack.prepared.get("site") == digest(base_digest, stack.token)

    def remember(_: str) -> None:
        token_file.unlink(missing_ok=True)
        stack.prepared["site"] = digest(base_digest, stack.token)

    site = str(folder.site)
    init = python_command("storax_agent", "init", site, "--name", SITE, "--allow-functions")
    return [
        Part(name="site-init", argv=init, environment=init_environment, needs=("api", "bootstrap"), once=True,
             skip=is_prepared, before=hand_over_token, after=remember),
        Part(name="agent", argv=python_command("storax_agent", "run", site), environment=environment,
             needs=("site-init",), ready=connection_check(stack), settle=SETTLE_SEC, grace=_AGENT_STOP_SEC, rank=0),
    ]  # fmt: skip


def connection_check(stack: Stack, clock: Callable[[], float] = time.monotonic) -> Callable[[], bool]:
    """Return the check that the agent is connected: a script's first call is not to find it absent."""
    deadline: list[float] = []

    def ready() -> bool:
        deadline[:] = deadline or [clock() + _CONNECT_SEC]
        return agent_is_connected(stack, SITE) or clock() > deadline[0]

    return ready


def _server_port(name: str, *, stack: Stack, ports: Ports) -> int:
    recorded = stack.ports.get(name)
    port = recorded if recorded and name in stack.alive() else ports.private(recorded)
    stack.ports[name] = port
    return port


def _api_port(config: StackConfig, *, stack: Stack, ports: Ports) -> int:
    recorded = stack.ports.get("api")
    if recorded and config.port in (None, recorded) and "api" in stack.alive():
        return recorded
    if config.port is not None:
        return ports.exactly(config.port)
    return ports.first([*([recorded] if recorded else []), *range(DEFAULT_PORT, DEFAULT_PORT + 200)])
