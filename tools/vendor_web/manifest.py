"""``manifest.json`` of a folder of vendored files: package, version, licence, and the SHA-256 of each file."""

import json
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from tools.vendor_web.packages import FOLDERS, Package

NAME = "manifest.json"


def manifest(packages: Sequence[Package], contents: Mapping[str, bytes]) -> str:
    """Return the text of a manifest. ``contents``: the bytes of each file, by its name here."""
    rows = [
        {
            "package": package.name,
            "version": package.version,
            "licence": package.licence,
            "files": {name: sha256(contents[name]).hexdigest() for name in sorted(package.files)},
        }
        for package in packages
    ]
    return json.dumps(rows, indent=2) + "\n"


def differences(folder: Path, packages: Sequence[Package]) -> Iterator[str]:
    """Yield what is missing in a folder, is too much there, or differs from its manifest."""
    names = {name for package in packages for name in package.files}
    present = {path.name for path in folder.iterdir()} - {NAME}
    yield from (f"{folder.name}/{name} is missing" for name in sorted(names - present))
    yield from (f"{folder.name}/{name} belongs to no package" for name in sorted(present - names))
    contents = {name: (folder / name).read_bytes() for name in names & present}
    if names <= present and (folder / NAME).read_text(encoding="utf-8") != manifest(packages, contents):
        yield f"{folder.name}/{NAME} does not describe the files beside it"


def all_differences() -> list[str]:
    """Return the differences of all folders."""
    return [line for folder, packages in FOLDERS.items() for line in differences(folder, packages)]
