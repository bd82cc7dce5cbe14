"""Run ``python -m tools.promises``: all tests that prove a promise, and docs/promises.md from their results."""

import subprocess
import sys

from tools.house.sources import ROOT
from tools.promises.declared import promises


def main() -> int:
    """Write the page. Returns pytest's status."""
    tests = sorted({test for promise in promises() for test in promise.tests})
    files = {test for test in tests if "::" not in test}
    chosen = [test for test in tests if test.partition("::")[0] not in files or test in files]
    options = ["-q", "-p", "tools.promises.recorder", "--numprocesses", "3", "--dist", "loadfile"]
    return subprocess.run([sys.executable, "-m", "pytest", *options, *chosen], check=False, cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
