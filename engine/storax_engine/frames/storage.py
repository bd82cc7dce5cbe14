"""Frames on disk: one Parquet file each, written aside and put in its place in one step.

Its roles, units and edition are in the file itself, so that they are never of another moment than its rows.
"""

import json
import logging
import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from storax._file_formats import check_format
from storax._runtime.atomic_files import sync_folder
from storax.errors import StoraxError
from storax_engine.frames.frame import Frame, dtype

FORMAT = 1
ENDING = ".parquet"
_ASIDE = ".new"
_KEY = b"storax"
_LONGEST = 180  # bytes of a file's name; file systems take 255


log = logging.getLogger("storax_engine")


@dataclass(frozen=True)
class Saved:
    """What a file says of the frame in it, without its rows."""

    name: str
    row_id: int
    edition: int
    columns: list[dict[str, Any]]
    nrows: int


@dataclass(frozen=True)
class FrameFolder:
    """The saved frames of one project."""

    path: Path

    def file(self, name: str) -> Path:
        """Return the path of the file of the frame of that name, whether or not it exists."""
        return self.path / f"{file_name(name)}{ENDING}"

    def clear_remains(self) -> None:
        """Remove what a process that was killed had written aside."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self.path.glob(f".*{_ASIDE}"):
            left.unlink(missing_ok=True)

    def saved(self) -> dict[str, Saved]:
        """What is here, by name; a damaged file, and one of a newer Storax, is left out, and ``read`` says so."""
        frames = {}
        for file in sorted(self.path.glob(f"*{ENDING}")):
            try:
                one = _described(file)
            except StoraxError as error:
                log.warning("%s", error)
            else:
                frames[one.name] = one
        return frames

    def write_aside(self, name: str, frame: Frame, row_id: int) -> Path:
        """Write the frame beside its place, safely on the disk; ``put`` or ``discard`` follows."""
        aside = self.path / f".{uuid4().hex}{_ASIDE}"
        header = {"format": FORMAT, "name": name, "id": row_id, "edition": frame.edition, "nrows": len(frame.table),
                 "columns": frame.described()}  # fmt: skip
        table = frame.table.replace_schema_metadata({_KEY: json.dumps(header).encode()})
        try:
            with aside.open("wb") as file:
                pq.write_table(table, file, compression="lz4", use_dictionary=_texts(table.schema))
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            aside.unlink(missing_ok=True)
            raise
        return aside

    def put(self, name: str, aside: Path) -> None:
        """Put what was written aside in its place, in one step, also over an older one."""
        aside.replace(self.file(name))
        sync_folder(self.path)

    def remove(self, name: str) -> None:
        """Remove a frame from the disk, if it is there."""
        self.file(name).unlink(missing_ok=True)
        sync_folder(self.path)

    def read(self, name: str) -> Frame:
        """A frame as it was saved.

        Raises:
            StoraxError: the file is damaged, or of a newer Storax.
        """
        file = self.file(name)
        saved = _described(file)
        try:
            table = pq.read_table(file).replace_schema_metadata(None)
        except (pa.ArrowInvalid, OSError) as error:
            raise _damaged(file, error) from error
        roles = {column["name"]: column["role"] for column in saved.columns}
        units = {column["name"]: column["unit"] for column in saved.columns if column["unit"]}
        subroles = {column["name"]: tuple(column["subroles"]) for column in saved.columns if "subroles" in column}
        return Frame(table, roles, units, subroles, saved.edition)


def file_name(name: str) -> str:
    """The name of a file or folder for any text; it is one step down, and not too long."""
    safe = quote(name, safe=" _-+=,@()")
    if len(safe) > _LONGEST:
        safe = f"{safe[:_LONGEST]}~{sha256(name.encode()).hexdigest()[:16]}"
    return safe if safe.strip(".") else safe.replace(".", "%2E")


def _described(file: Path) -> Saved:
    try:
        metadata = pq.read_schema(file).metadata or {}
        header = json.loads(metadata[_KEY])
    except (pa.ArrowInvalid, OSError, KeyError, ValueError) as error:
        raise _damaged(file, error) from error
    check_format(file, header["format"], known=FORMAT)
    return Saved(header["name"], header["id"], header["edition"], header["columns"], header["nrows"])


def _damaged(file: Path, error: Exception) -> StoraxError:
    name = unquote(file.name.removesuffix(ENDING))
    return StoraxError(
        f"The saved data frame {name!r} is damaged ({str(error).splitlines()[0][:120]}).",
        hint=f"Move {file} away, and import it again.",
    )


def _texts(schema: pa.Schema) -> list[str]:
    """Columns worth a dictionary."""
    return [field.name for field in schema if dtype(field.type) == "string"]
