"""The worked examples of CONTRIBUTING.md, applied to a copy of the repository whose packages then run."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from house.repository import FOLDERS, ROOT
from ports import free_port
from waiting import HANG_SEC, eventually

HEADING = re.compile(r"^## Example: (.+)$", re.MULTILINE)


def examples() -> dict[str, list[str]]:
    """The diffs of each worked example, by its heading."""
    parts = HEADING.split((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))[1:]
    return {
        name: re.findall(r"```diff\n(.*?)```", body, re.DOTALL)
        for name, body in zip(parts[::2], parts[1::2], strict=True)
    }


def apply(folder: Path, diff: str) -> None:
    done = subprocess.run(["git", "apply", "-"], cwd=folder, input=diff, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stderr}\nThe file has changed: bring the diff in CONTRIBUTING.md up to date."


def environment(house: Path, **more: str) -> dict[str, str]:
    """The copy's packages in place of the installed ones."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(str(house / folder) for folder in FOLDERS), **more}


def python(house: Path, *argv: str, **env: str) -> str:
    argv = (sys.executable, *argv)
    done = subprocess.run(
        argv, cwd=house, env=environment(house, **env), capture_output=True, text=True, timeout=HANG_SEC
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def serving(house: Path, **env: str) -> Iterator[str]:
    """The copy's API on a free port."""
    port = free_port()
    env = environment(house, STORAX_PORT=str(port), **env)
    process = subprocess.Popen([sys.executable, "-m", "storax_api"], cwd=house, env=env)

    def ready() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=70).status_code == 200
        except httpx.TransportError:
            return False

    try:
        eventually(ready, step=0.1, seconds=HANG_SEC)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)
