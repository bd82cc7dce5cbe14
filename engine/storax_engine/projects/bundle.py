"""A project in one file: a zip of what is saved of it."""

import json
import re
import shutil
import zipfile
from contextlib import suppress
from pathlib import Path, PurePosixPath
from uuid import uuid4

from storax._file_formats import check_format
from storax._runtime.atomic_files import atomic_file
from storax.errors import InvalidInput, NoFile

LOADING = ".loading-"  # a folder that is not whole yet
FORMAT = 1
_HEAD = "project.json"
_INSIDE = re.compile(r"(data|pipelines)(/[^/.\\][^/\\]*)+")


def write(folder: Path, target: Path, name: str) -> Path:
    """Write the saved part of a project's folder to ``target``, in one step."""
    try:
        with atomic_file(target, durable=True) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as zipped:
            zipped.writestr(_HEAD, json.dumps({"format": FORMAT, "name": name}))
            for saved in sorted(folder.rglob("*")):
                inside = saved.relative_to(folder).as_posix()
                if saved.is_file() and _INSIDE.fullmatch(inside):
                    zipped.write(saved, inside)
    except FileNotFoundError as error:
        raise NoFile(f"There is no folder {target.parent}.") from error
    return target


def name_in(source: Path) -> str:
    """The name under which a project was saved.

    Raises:
        NoFile: there is no such file.
        InvalidInput: it is none of ours.
        UnknownFormat: a newer Storax saved it.
    """
    with _opened(source) as zipped:
        return str(_head(zipped, source)["name"])


def read(source: Path, folder: Path) -> None:
    """Make a project's folder from what ``write`` wrote, in one step.

    Raises:
        NoFile: there is no such file.
        InvalidInput: it is none of ours.
        UnknownFormat: a newer Storax saved it.
    """
    scratch = folder.with_name(f"{LOADING}{uuid4().hex}")
    with _opened(source) as zipped:
        _head(zipped, source)
        names = [name for name in zipped.namelist() if _INSIDE.fullmatch(name)]
        if any(".." in PurePosixPath(name).parts for name in names):
            raise InvalidInput(f"{source} is no saved project.", hint="A name in it leads out of it.")
        (scratch / "data").mkdir(mode=0o700, parents=True)
        try:
            for name in names:
                zipped.extract(name, scratch)
            scratch.rename(folder)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise


def _opened(source: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(source)
    except FileNotFoundError as error:
        raise NoFile(f"There is no file {source}.") from error
    except (zipfile.BadZipFile, IsADirectoryError) as error:
        raise InvalidInput(f"{source} is no saved project.", hint="project.save() writes one.") from error


def _head(zipped: zipfile.ZipFile, source: Path) -> dict[str, object]:
    head: object = None
    with suppress(KeyError, ValueError):
        head = json.loads(zipped.read(_HEAD))
    if not isinstance(head, dict) or not isinstance(head.get("name"), str):
        raise InvalidInput(f"{source} is no saved project.", hint="project.save() writes one.")
    check_format(source, head.get("format", FORMAT), known=FORMAT)
    return head
