"""Files of remote runs: JSON replaced in one step, tables as Parquet, and what a job left, which may be anything."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from storax._runtime.atomic_files import atomic_file, atomic_write

TABLES = "tables"
MAX_BYTES = 1024 * 1024


def write_json(path: Path, value: Any, *, durable: bool = True) -> None:
    """Replace a file in one step; ``durable``: it is on the disk when this returns."""
    atomic_write(path, json.dumps(value), durable=durable)


def read_json(path: Path) -> Any:
    """Read a file; return None if it does not exist.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None


def read_untrusted(path: Path) -> Any:
    """Read a file that a job wrote, whose content is not trusted; return None if it does not exist.

    Raises:
        ValueError: it is no JSON, a link, or larger than what a job writes can be.
    """
    with suppress(FileNotFoundError, NotADirectoryError):
        if path.stat().st_size > MAX_BYTES or path.is_symlink():
            raise ValueError(f"{path.name} is no file that a job of ours writes")
    return read_json(path)


def own_folder(place: Path) -> Path:
    """The path of a folder that a job wrote, if nothing in it leads elsewhere.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is no folder, or a link is in it.
    """
    place.lstat()
    link = next((file for file in (place, *place.rglob("*")) if file.is_symlink()), None)
    if link is not None or not place.is_dir():
        raise ValueError(f"{link or place} is no folder or file that a job of ours writes")
    return place


def own_file(place: Path) -> Path:
    """The path of a file that a job wrote.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is a link or a folder.
    """
    place.lstat()
    if place.is_symlink() or not place.is_file():
        raise ValueError(f"{place} is no file that a job of ours writes")
    return place


def write_tables(folder: Path, tables: Mapping[str, pa.Table], prefix: str) -> dict[str, str]:
    """Write tables as Parquet; returns the files by name of table. A name may hold what a file's may not."""
    (folder / TABLES).mkdir(mode=0o700, exist_ok=True)
    names = table_files(tables, prefix)
    for name, file in names.items():
        with atomic_file(folder / TABLES / file) as target:  # a job may be reading what is there
            pq.write_table(tables[name], target, compression="lz4")
    return names


def table_files(names: Iterable[str], prefix: str) -> dict[str, str]:
    """The files of tables by name."""
    return {name: f"{prefix}-{i}.parquet" for i, name in enumerate(names)}


def read_tables(folder: Path, names: Mapping[str, str]) -> dict[str, pa.Table]:
    """Read what ``write_tables`` wrote."""
    return {name: pq.read_table(folder / TABLES / file) for name, file in names.items()}
