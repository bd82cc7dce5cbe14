"""What `pip install` brings is enough: the wheel in an empty environment runs a stack and README's script, and ends."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from house.repository import ROOT, build_wheel
from needs import needs

pytestmark = [needs("wheel"), pytest.mark.timeout(900)]  # it installs everything once more, a minute's work
Run = Callable[..., str]


def processes_below(folder: Path) -> list[psutil.Process]:
    """Every process that works in the folder, or whose program or arguments lie in it."""
    processes = []
    for process in psutil.process_iter():
        try:
            texts = [*process.cmdline(), process.cwd(), process.exe()]
            if process.status() != psutil.STATUS_ZOMBIE and any(str(folder) in word for word in texts):
                processes.append(process)
        except psutil.Error:
            continue
    return processes


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an environment that holds the wheel and nothing of this checkout."""
    place = tmp_path_factory.mktemp("installed")
    wheel = build_wheel(tmp_path_factory.mktemp("wheel"))
    subprocess.run([sys.executable, "-m", "venv", place / "venv"], check=True)
    pip = [place / "venv/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, f"{wheel}[local]"], check=True, cwd=place)
    return place


@pytest.fixture(scope="module")
def run(place: Path) -> Iterator[Run]:
    """Runs a program of that environment, with no settings of this machine."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("STORAX_", "PYTHON", "VIRTUAL_ENV"))}
    env = kept | {"HOME": str(place / "home"), "STORAX_HOME": str(place / "home/storax")}

    def call(program: str, *arguments: str) -> str:
        argv = [str(place / "venv/bin" / program), *arguments]
        done = subprocess.run(argv, cwd=place, env=env, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"{program} {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    yield call
    call("storax", "down")


def test_the_code_is_that_of_the_wheel(run: Run, place: Path) -> None:
    where = run("python", "-c", "import storax, storax_core; print(storax.__file__, storax_core.__file__)")
    assert all(path.startswith(str(place / "venv")) for path in where.split())


def test_a_stack_comes_up_runs_the_readme_and_leaves_nothing(run: Run, place: Path) -> None:
    assert "Storax is running at http://127.0.0.1:" in run("storax", "up", "--detach")
    assert len(processes_below(place)) > 6, "or what is looked for below finds nothing anyway"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (place / "script.py").write_text(
        re.findall(r"^```python\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)[0], encoding="utf-8"
    )
    assert run("python", "script.py") == "{'JOB_FINISHED': 3}\n"
    assert run("storax", "admin", "verify").endswith(" 0 differences\n")
    assert run("storax", "down") == "Stopped.\n"
    assert processes_below(place) == []
