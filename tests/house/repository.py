"""The files of this repository, as git sees them: what is committed, and what is new and not ignored."""

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from tools.house import sources
from tools.house.sources import PACKAGES, ROOT, copy_to

FOLDERS = {folder: package for package, folder in PACKAGES.items()}
GENERATED = (*sources.GENERATED, "docs/reference/")


@cache
def names() -> tuple[str, ...]:
    """Paths of all files that are there, relative to the root."""
    assert shutil.which("git"), "tests of the repository need git"
    assert (ROOT / ".git").exists(), "tests of the repository need a clone made by git"
    return tuple(sources.listed())


def python_files() -> list[str]:
    """Every Python file that people write; generated ones and migrations are left out."""
    return [n for n in names() if n.endswith(".py") and not n.startswith(GENERATED)]


def text_of(name: str) -> str:
    """A file's text; empty for a binary one."""
    try:
        return (ROOT / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def build_wheel(folder: Path) -> Path:
    """The wheel of all files, built below ``folder``."""
    copy_to(folder / "source")
    argv = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, folder / "source"]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel
