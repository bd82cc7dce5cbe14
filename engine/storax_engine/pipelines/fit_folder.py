"""The folder of one fit: what it learned, and in ``pipeline.json`` what the platform's record says of it."""

import json
import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from storax._file_formats import without_format
from storax._runtime.atomic_files import atomic_write

Facts = dict[str, Any]
VERSION = 1
_FILE = "pipeline.json"
_FACTS = ("id", "name", "edition", "params", "frames", "targets", "tags", "scores", "job_id")
_DIALECT = re.compile("[a-z]{1,20}")
_OPTIONAL = ("id", "job_id")

log = logging.getLogger("storax_engine")


def write_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    """Replace the facts in a folder in one step; they are on the disk when this returns."""
    known = {fact: facts[fact] for fact in _FACTS if fact in facts}
    atomic_write(folder / _FILE, json.dumps({"version": VERSION, **known}), durable=True)


def kept_statements(folder: Path, dialect: str, write: Callable[[str], dict[str, str]]) -> dict[str, str]:
    """Return the SQL of a fit's features as it is in its folder, where ``write`` is called for the first time only.

    Each release writes its own.
    """
    if not _DIALECT.fullmatch(dialect):
        return write(dialect)
    file, release = folder / f"sql-{dialect}.json", version("storax")
    with suppress(OSError, ValueError, KeyError):
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["release"] == release:
            return dict(kept["statements"])
    statements = write(dialect)
    with suppress(OSError):  # deleted meanwhile, or the disk is full: they are written again the next time
        atomic_write(file, json.dumps({"release": release, "statements": statements}))
    return statements


def fits_in(folder: Path) -> Iterator[tuple[Path, Facts]]:
    """The fits below a folder with their facts. A damaged one is left alone, and keeps no project shut.

    Raises:
        UnknownFormat: a newer Storax wrote one, which would count as lost if it were left alone.
    """
    for file in sorted(folder.glob(f"*/{_FILE}")):
        facts = _read(file)
        if facts is not None:
            yield file.parent, facts


def sync(folder: Path) -> None:
    """Have every file of a folder on the disk."""
    for file in (*folder.rglob("*"), folder):
        handle = os.open(file, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _read(file: Path) -> Facts | None:
    try:
        facts: Facts = without_format(file, json.loads(file.read_text(encoding="utf-8")), known=VERSION)
        missing = [fact for fact in _FACTS if fact not in facts and fact not in _OPTIONAL]
        if missing:
            raise ValueError(f"it lacks {missing[0]}")
    except (OSError, ValueError, TypeError) as error:
        log.warning("the pipeline in %s is damaged, and left alone: %s", file.parent, error)
        return None
    return facts
