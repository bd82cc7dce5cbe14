"""Deal the Python files below a folder into lists of about equal size: split.py SOURCE PARTS FOLDER.

Writes FOLDER/000.txt, 001.txt, ... with one path a line. Tests and installed packages are left out.
"""

import json
import os
import sys
from pathlib import Path

LEFT_OUT = {"test", "tests", "site-packages", "dist-packages", "idle_test", "__pycache__", "lib2to3"}


def python_files(source: Path) -> list[Path]:
    """Every .py file of the library itself, the largest first."""
    files = [p for p in source.rglob("*.py") if not LEFT_OUT & set(p.relative_to(source).parts)]
    return sorted(files, key=lambda p: (-p.stat().st_size, p))


def deal(files: list[Path], parts: int) -> list[list[Path]]:
    """Lists of about equal size in bytes: the largest file left goes to the list that has least."""
    lists: list[list[Path]] = [[] for _ in range(parts)]
    sizes = [0] * parts
    for file in files:
        least = sizes.index(min(sizes))
        lists[least].append(file)
        sizes[least] += file.stat().st_size
    return lists


def main(source: str, parts: str, folder: str) -> None:
    """Write the lists, and the number of files as this job's result."""
    files = python_files(Path(source))
    Path(folder).mkdir(parents=True, exist_ok=True)
    for number, part in enumerate(deal(files, int(parts))):
        Path(folder, f"{number:03d}.txt").write_text("".join(f"{file}\n" for file in sorted(part)), encoding="utf-8")
    Path(os.environ["STORAX_RESULT_FILE"]).write_text(json.dumps({"files": len(files)}), encoding="utf-8")
    print(f"{len(files)} files in {parts} lists")


if __name__ == "__main__":
    main(*sys.argv[1:])
