"""Where seals are kept outside the database: a file to which lines are added, or a bucket of an object store.

After a restore the chain starts over from the last seal that the restored database has, in a new epoch. The lines of
the epoch before stay: they show what was lost.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from storax_core.errors import Invalid, Unavailable
from storax_core.log.seals import Seal

TAIL = 1 << 16  # bytes at the end of a file that hold its last line


class SealStore(Protocol):
    """A place for exported seals."""

    @property
    def name(self) -> str:
        """Its place, for messages."""

    def read(self) -> Iterator[Seal]:
        """All seals, in the order in which they were added."""

    def last(self) -> Seal | None:
        """The one added last."""

    def add(self, seals: Sequence[Seal]) -> None:
        """Add seals; they are durable when it returns."""


def open_store(place: str) -> SealStore:
    """The store at a path, or at s3://bucket/prefix."""
    if place.startswith("s3://"):
        parts = urlsplit(place)
        return SealBucket(place, parts.netloc, parts.path.strip("/"))
    if "://" in place:
        raise Invalid(f"seals cannot be exported to {place!r}", hint="Give a path, or s3://bucket/prefix.")
    return SealFile(Path(place))


@dataclass
class SealFile:
    """A file of one line of JSON a seal. A last line that a crash cut off is written again."""

    path: Path

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    def read(self) -> Iterator[Seal]:
        """All seals."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.endswith(b"\n"):
                    yield _parsed(line, f"line {number} of {self.path}")

    def last(self) -> Seal | None:
        """The last complete line."""
        if not self.path.exists():
            return None
        with self.path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
            lines = [line for line in file.read().splitlines(keepends=True) if line.endswith(b"\n")]
        return _parsed(lines[-1], f"the last line of {self.path}") if lines else None

    def add(self, seals: Sequence[Seal]) -> None:
        """Add lines and wait until they are on the disk."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b") as file:
                _drop_torn_line(file.fileno())
                file.write(b"".join(seal.line() for seal in seals))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise Unavailable(f"seals cannot be written to {self.path}: {error.strerror}") from error


@dataclass
class SealBucket:
    """Objects of a bucket, one for each export; boto3 finds the credentials, as for every of its programs."""

    name: str
    bucket: str
    prefix: str

    def read(self) -> Iterator[Seal]:
        """All seals."""
        for key in self._keys():
            body = self._call("get_object", Bucket=self.bucket, Key=key)["Body"].read()
            for line in body.splitlines(keepends=True):
                yield _parsed(line, f"the object {key} of {self.bucket}")

    def last(self) -> Seal | None:
        """The last line of the last object."""
        *_, key = ("", *self._keys())
        if not key:
            return None
        body = self._call("get_object", Bucket=self.bucket, Key=key)["Body"].read()
        return _parsed(body.splitlines(keepends=True)[-1], f"the object {key} of {self.bucket}")

    def add(self, seals: Sequence[Seal]) -> None:
        """Add one object; one that is there is never replaced."""
        key = f"{self._folder}{seals[0].epoch:08}-{seals[0].number:016}.ndjson"
        body = b"".join(seal.line() for seal in seals)
        self._call("put_object", Bucket=self.bucket, Key=key, Body=body, IfNoneMatch="*")

    @property
    def _folder(self) -> str:
        return f"{self.prefix}/" if self.prefix else ""

    def _keys(self) -> Iterator[str]:
        token: dict[str, str] = {}
        while True:
            page = self._call("list_objects_v2", Bucket=self.bucket, Prefix=self._folder, **token)
            yield from (row["Key"] for row in page.get("Contents", ()))
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def _call(self, name: str, **arguments: object) -> dict[str, Any]:
        try:
            import boto3
            from botocore.exceptions import BotoCoreError, ClientError
        except ImportError:
            raise Invalid(f"{self.name} needs boto3", hint="Install the extra s3.") from None
        try:
            reply: dict[str, Any] = getattr(boto3.client("s3"), name)(**arguments)
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(f"{self.name} cannot be used: {error}") from error
        return reply


def _parsed(line: bytes, where: str) -> Seal:
    try:
        return Seal.parse(line)
    except ValueError as error:
        raise Invalid(f"{where} is no seal: {error}", hint="Restore the file from a copy.") from error


def _drop_torn_line(handle: int) -> None:
    """Cut the file behind its last complete line."""
    size = os.fstat(handle).st_size
    start = max(0, size - TAIL)
    tail = os.pread(handle, size - start, start)
    os.ftruncate(handle, start + tail.rfind(b"\n") + 1 if tail else 0)
