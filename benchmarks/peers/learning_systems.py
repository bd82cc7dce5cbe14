"""Other systems of feature learning: each in an environment of its own, with one process for each task.

Nothing of this is a part of Storax or needed by it. getML's engine listens on every address and answers whoever reaches
its port, so it is started only in a network namespace of its own, which has a loopback and nothing else.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from benchmarks.measure import progress
from benchmarks.peers.home import INSIDE, INSTALL_SEC, KEEPER, PeerError

NEEDS = {
    "getml": ("getml==1.5.1",),
    "featuretools": ("featuretools>=1.31,<2", "pandas<2.3", "pyarrow>=18", "setuptools<81"),
}
ALONE = {"getml"}
ANSWER_SEC = 1500.0


def install(name: str) -> str:
    """Install a system if it is missing and return its version.

    Raises:
        PeerError: pip could not.
    """
    home = _home(name)
    stamp = home / hashlib.sha256(repr(NEEDS[name]).encode()).hexdigest()[:12]
    if not stamp.exists():
        progress(f"installing {', '.join(NEEDS[name])} into {home}")
        _run(sys.executable, "-m", "venv", "--clear", str(home))
        _run(str(_python(name)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *NEEDS[name])
        stamp.touch()
    return _run(str(_python(name)), "-c", f"import importlib.metadata as m; print(m.version({name!r}))").strip()


def ask(name: str, description: Mapping[str, Any]) -> dict[str, Any]:
    """Measure one task and return its figures; ``description`` is what its script in ``inside`` reads.

    Raises:
        PeerError: it failed, or this machine gives it no network of its own.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"storax-bench-{name}-"))
    try:
        (folder / "order.json").write_text(json.dumps(description))
        output = _run(
            sys.executable, str(KEEPER), *(_alone() if name in ALONE else ()), str(_python(name)),
            str(INSIDE / f"learn_{name}.py"), str(folder), within=ANSWER_SEC, folder=folder,
        )  # fmt: skip
        answer: dict[str, Any] = json.loads(output.splitlines()[-1])
        return answer
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _alone() -> tuple[str, ...]:
    """Return the start of a command that runs in a network namespace of its own."""
    options = ("-n",) if os.geteuid() == 0 else ("-r", "-n")
    try:
        able = subprocess.run(["unshare", *options, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        able = False
    if not able:
        raise PeerError("it listens on every address, and this machine gives it no network namespace of its own")
    return ("unshare", *options)


def _home(name: str) -> Path:
    return user_cache_path("storax") / f"bench-{name}-py{sys.version_info.major}.{sys.version_info.minor}"


def _python(name: str) -> Path:
    return _home(name) / "bin" / "python"


def _run(*argv: str, within: float = INSTALL_SEC, folder: Path | None = None) -> str:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("STORAX_", "PYTHON"))}
    try:
        done = subprocess.run(argv, env=kept, cwd=folder, capture_output=True, text=True, timeout=within, check=False)
    except subprocess.TimeoutExpired as error:
        raise PeerError(f"{Path(argv[0]).name} did not end within {within:.0f} s") from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
        raise PeerError(lines[-1] if lines else f"it ended with {done.returncode}")
    return done.stdout
