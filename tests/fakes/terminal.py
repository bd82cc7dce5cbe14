"""The installed `storax` command as a process of its own, as people and scripts run it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from waiting import HANG_SEC

STORAX = str(Path(sys.executable).with_name("storax"))

# What `import asyncio, json, argparse` costs on the machine that the budgets were set on.


class Terminal:
    """``terminal("job", "ls")`` runs a command to its end; settings come from ``environment`` alone."""

    def __init__(self, **environment: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("STORAX_")}
        self.environment: Mapping[str, str] = {**kept, **environment}

    def __call__(self, *arguments: object, typed: str = "", **environment: str) -> "subprocess.CompletedProcess[str]":
        argv = [STORAX, *map(str, arguments)]
        env = {**self.environment, **environment}
        return subprocess.run(argv, input=typed, env=env, capture_output=True, text=True, check=False, timeout=HANG_SEC)

    def good(self, *arguments: object, **more: Any) -> str:
        """Run it, insist on status 0, and give its stdout."""
        done = self(*arguments, **more)
        assert done.returncode == 0, (
            f"storax {' '.join(map(str, arguments))}: {done.returncode}\n{done.stdout}{done.stderr}"
        )
        return done.stdout

    def start(self, *arguments: object, **more: Any) -> "subprocess.Popen[str]":
        """Start it, with both streams as pipes."""
        argv = [STORAX, *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
        return subprocess.Popen(argv, env=self.environment, text=True, **pipes)
