"""Run ``python -m tools.guards [TEXT ...]``: all guards, or those whose name holds one of the texts."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.guards.mutations import Guard, guards
from tools.house.sources import PACKAGES, copy_to

FAILED = 1  # pytest's status of a run in which tests failed; others mean that it ran none


def main(wanted: list[str]) -> int:
    """Print one line a guard. Returns 1 if its tests pass without it, or fail with it."""
    chosen = [guard for guard in guards() if not wanted or any(text in guard.name for text in wanted)]
    if not chosen:
        print(f"no guard's name holds {' or '.join(wanted)}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="storax-guards-") as name:
        copy = Path(name)
        copy_to(copy)
        tests = sorted({test for guard in chosen for test in guard.tests})
        if _run(copy, tests) != 0:
            print("the tests fail with all guards in place", file=sys.stderr)
            return 1
        missed = [guard.name for guard in chosen if not _is_missed(copy, guard)]
    print(f"{len(chosen) - len(missed)} of {len(chosen)} guards are missed by their tests when they are removed")
    return 1 if missed else 0


def _is_missed(copy: Path, guard: Guard) -> bool:
    """Whether the guard's tests fail without it."""
    path = copy / guard.file
    source = path.read_text(encoding="utf-8")
    path.write_text(guard.removed_from(source), encoding="utf-8")
    try:
        status = _run(copy, guard.tests)
    finally:
        path.write_text(source, encoding="utf-8")
    print(f"{'red' if status == FAILED else 'NOT RED'}  {guard.name}", flush=True)
    return status == FAILED


def _run(copy: Path, tests: list[str] | tuple[str, ...]) -> int:
    path = os.pathsep.join(str(copy / folder) for folder in PACKAGES.values())
    argv = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:randomly", "-p", "no:cacheprovider", *tests]
    env = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(argv, check=False, cwd=copy, env=env, stdout=subprocess.DEVNULL).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
