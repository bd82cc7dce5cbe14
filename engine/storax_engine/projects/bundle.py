"""A project in one file: a zip of what is saved of it."""

import json
import os
import re
import shutil
import zipfile
from contextlib import suppress
from pathlib import Path, PurePosixPath
from uuid import uuid4

from storax.errors import InvalidInput, NoFile

LOADING = ".loading-"  # a folder that is not whole yet
_WORDS = "project.json"
_INSIDE = re.compile(r"(data|pipelines)(/[^/.\\][^/\\]*)+")


def write(folder: Path, target: Path, name: str) -> Path:
    """Write the saved part of a project's folder to ``target``, in one step."""
    aside = target.with_name(f".{target.name}.{uuid4().hex}")
    try:
        with zipfile.ZipFile(aside, "w", zipfile.ZIP_STORED) as zipped:
            zipped.writestr(_WORDS, json.dumps({"format": 1, "name": name}))
            for file in sorted(folder.rglob("*")):
                inside = file.relative_to(folder).as_posix()
                if file.is_file() and _INSIDE.fullmatch(inside):
                    zipped.write(file, inside)
        with aside.open("rb") as written:
            os.fsync(written.fileno())
        aside.replace(target)
    except FileNotFoundError as error:
        raise NoFile(f"There is no folder {target.parent}.") from error
    finally:
        aside.unlink(missing_ok=True)
    return target


def name_in(source: Path) -> str:
    """The name under which a project was saved.

    Raises:
        NoFile: there is no such file.
        InvalidInput: it is none of ours.
    """
    with _opened(source) as zipped:
        return str(_words(zipped, source)["name"])


def read(source: Path, folder: Path) -> None:
    """Make a project's folder from what ``write`` wrote, in one step.

    Raises:
        NoFile: there is no such file.
        InvalidInput: it is none of ours.
    """
    aside = folder.with_name(f"{LOADING}{uuid4().hex}")
    with _opened(source) as zipped:
        _words(zipped, source)
        names = [name for name in zipped.namelist() if _INSIDE.fullmatch(name)]
        if any(".." in PurePosixPath(name).parts for name in names):
            raise InvalidInput(f"{source} is no saved project.", hint="A name in it leads out of it.")
        (aside / "data").mkdir(mode=0o700, parents=True)
        try:
            for name in names:
                zipped.extract(name, aside)
            aside.rename(folder)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise


def _opened(source: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(source)
    except FileNotFoundError as error:
        raise NoFile(f"There is no file {source}.") from error
    except (zipfile.BadZipFile, IsADirectoryError) as error:
        raise InvalidInput(f"{source} is no saved project.", hint="project.save() writes one.") from error


def _words(zipped: zipfile.ZipFile, source: Path) -> dict[str, object]:
    words: object = None
    with suppress(KeyError, ValueError):
        words = json.loads(zipped.read(_WORDS))
    if not isinstance(words, dict) or not isinstance(words.get("name"), str):
        raise InvalidInput(f"{source} is no saved project.", hint="project.save() writes one.")
    return words
