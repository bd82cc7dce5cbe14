"""The tests of ``make check``: those that are quick and start no server. ``--fast`` chooses them and holds them to it."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import needs

SERVER_FIXTURES = frozenset({"servers", *needs.FIXTURES})
"""Fixtures that start a server. A test that has one, by way of another fixture too, is left to ``make test``."""

PROGRAMS = frozenset({"postgres", "initdb", "pg_ctl", "valkey-server", "redis-server", "mariadbd", "sshd", "slurmctld"})
MODULES = frozenset({"storax_api", "storax_workers", "storax_engine", "storax_agent"})


class ServerStarted(AssertionError):
    """A test of the fast part started a server."""


def choose(items: Sequence[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """Split tests into those of the fast part and all others."""
    fast = [item for item in items if is_fast(item)]
    return fast, [item for item in items if not is_fast(item)]


def is_fast(item: pytest.Item) -> bool:
    """Whether a test is neither marked as slow nor given a server by its fixtures."""
    return not item.get_closest_marker("slow") and SERVER_FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))


def refuse_servers() -> None:
    """Let this process start no server from now on: a test that tries fails."""
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "subprocess.Popen":
        return
    command = arguments[1] if not isinstance(arguments[1], (str, bytes, os.PathLike)) else [arguments[1]]
    argv = [os.fsdecode(argument) for argument in command]
    server = Path(argv[0]).name in PROGRAMS or ("-m" in argv and MODULES.intersection(argv))
    if server and "--version" not in argv:
        raise ServerStarted(f"{' '.join(argv)}: mark the test as slow, or leave servers to the fixture `servers`")
