"""How each fault of a schedule is brought to a stage."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

import asyncpg
import redis

from chaos.kit.database import end_connections, holding
from chaos.kit.processes import family, frozen, kill
from chaos.kit.schedule import Fault
from chaos.kit.stage import Stage

STATEMENTS = {
    "lock feed": ("LOCK TABLE feed IN ACCESS EXCLUSIVE MODE",),
    "lock jobs": ("SELECT id FROM job_state ORDER BY id LIMIT 50 FOR UPDATE",),
    "hold a transaction": ("SELECT pg_current_xact_id()", "SELECT count(*) FROM event_log"),
}
AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, redis.RedisError)
"""What a server that starts, or was just killed, answers."""


def bring(stage: Stage, fault: Fault) -> str:
    """Bring one fault, wait as long as it lasts, and end it. Return what came of it, if it could not be brought."""
    try:
        if fault.name.startswith("kill "):
            _kill(stage, fault.name.removeprefix("kill "))
        else:
            with _lasting(stage, fault.name):
                time.sleep(fault.seconds)
    except KeyError:
        return "it does not run"
    except AWAY as error:
        return f"not brought: {type(error).__name__}"
    return ""


def _kill(stage: Stage, part: str) -> None:
    if part == "away":
        stage.away.kill()
        stage.away.start()
        return
    kill(stage.pids()[part])
    if part == "supervisor":
        stage.stack.start()


def _lasting(stage: Stage, name: str) -> AbstractContextManager[object]:
    if name in STATEMENTS:
        return holding(stage.database_url, *STATEMENTS[name])
    verb, _, part = name.partition(" ")
    if verb == "freeze" and part != "network":
        pid = stage.pids()[part]
        return frozen(family(pid) if part in ("postgres", "api") else [pid])
    begin, end = _switches(stage)[name]
    exits = ExitStack()
    exits.callback(end)
    with exits:
        begin()
        return exits.pop_all()


def _switches(stage: Stage) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    network, disk, link = stage.network, stage.disk, stage.link
    switches: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "end connections": (lambda: end_connections(stage.database_url), bool),
        "empty valkey": (lambda: _empty_valkey(stage.stack.redis_url), bool),
        "cut network": (network.cut, network.heal),
        "freeze network": (network.freeze, network.heal),
        "half-open network": (network.half_open, bool),
    }
    if disk:
        switches["fill disk"] = (disk.fill, disk.empty)
    if link:
        switches["partition away"] = (link.cut, link.heal)
    return switches


def _empty_valkey(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.flushall()
