"""The Python files that people write, as git lists them."""

import ast
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "storax_core": "core",
    "storax_api": "api",
    "storax_workers": "workers",
    "storax_agent": "site_agent",
    "storax_engine": "engine",
    "storax": "client",
}
MEASURED = (*PACKAGES.values(), "tools")
GENERATED = ("client/storax/models/", "alembic/versions/")


@dataclass(frozen=True)
class Source:
    """One file: its path below the root of the repository, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed text."""
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All nodes of the tree."""
        return tuple(ast.walk(self.tree))

    @property
    def lines(self) -> int:
        """The number of lines."""
        return self.text.count("\n")

    @property
    def top_folder(self) -> str:
        """The folder of the repository that the file is in."""
        return self.path.split("/", 1)[0]


@cache
def hand_written(root: Path = ROOT) -> tuple[Source, ...]:
    """Read every Python file that is committed, or new and not ignored, except generated ones."""
    paths = (name for name in listed(root, "*.py") if not name.startswith(GENERATED))
    return tuple(Source(path, (root / path).read_text(encoding="utf-8")) for path in paths)


def listed(root: Path = ROOT, *patterns: str) -> list[str]:
    """Return the paths of all files that are committed, or new and not ignored; with ``patterns`` those that match."""
    argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns]
    names = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=True).stdout.split("\0")
    return sorted({name for name in names if name and (root / name).is_file()})


def copy_to(folder: Path) -> None:
    """Copy all files of the repository below ``folder``."""
    for name in listed():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)


def measured(sources: Iterable[Source]) -> list[Source]:
    """Choose the files of the packages and of the tools: the limits of size hold for these."""
    return [source for source in sources if source.top_folder in MEASURED]
