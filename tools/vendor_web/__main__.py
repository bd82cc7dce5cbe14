"""``python -m tools.vendor_web``: fetch the packages by npm, which checks them, and write files and manifests.

``--check``: compare files and manifests, and fetch nothing.
"""

import argparse
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from tools.vendor_web.manifest import NAME, all_differences, manifest
from tools.vendor_web.packages import FOLDERS, Package


def fetch(package: Package) -> dict[str, bytes]:
    """Return the files of a package by the names that they get here."""
    with tempfile.TemporaryDirectory() as folder:
        argv = ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
        archive = subprocess.run(argv, cwd=folder, check=True, capture_output=True, text=True).stdout.split()[-1]
        with tarfile.open(Path(folder) / archive) as opened:
            return {name: _read(opened, f"package/{source}") for name, source in package.files.items()}


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    opened = archive.extractfile(name)
    if opened is None:
        raise ValueError(f"{name} is no file")
    return _without_source_map(opened.read())


def _without_source_map(content: bytes) -> bytes:
    """Return a script without the last line that names a file which is not kept: browsers would ask for it."""
    lines = content.rstrip().split(b"\n")
    return content if not lines[-1].startswith(b"//# sourceMappingURL=") else b"\n".join(lines[:-1]) + b"\n"


def write(folder: Path, packages: Sequence[Package]) -> None:
    """Replace all files of a folder."""
    contents = {name: content for package in packages for name, content in fetch(package).items()}
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    (folder / NAME).write_text(manifest(packages, contents), encoding="utf-8")


def main(argv: Iterable[str] | None = None) -> int:
    """Fetch, or check; exit status 1 where a check finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m tools.vendor_web", description=__doc__)
    parser.add_argument("--check", action="store_true", help="fetch nothing; exit 1 where a file differs")
    if not parser.parse_args(list(argv) if argv is not None else None).check:
        for folder, packages in FOLDERS.items():
            write(folder, packages)
    differing = all_differences()
    sys.stdout.writelines(f"{line}\n" for line in differing)
    return 1 if differing else 0


if __name__ == "__main__":
    raise SystemExit(main())
