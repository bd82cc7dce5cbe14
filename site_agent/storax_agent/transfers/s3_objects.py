"""Objects of one bucket to and from files, in parts, each checked and none moved twice."""

import errno
import hashlib
import os
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from storax_agent.files.safe_path import split
from storax_agent.transfers.base import TransferError, TryAgainError

SHA = "storax-sha256"  # metadata of an object: of the whole file, whatever its parts were
MTIME = "mtime"  # and its time in seconds since 1970, as rclone and s3fs write it
MD5 = re.compile(r"[0-9a-f]{32}")
MOST_PARTS = 9_000
CROWDED = (errno.ENOSPC, errno.EDQUOT)
BLOCK = 1 << 20
Going = Callable[[int], None]


class Objects:
    """Reads and writes whole files. It calls ``going`` with the bytes moved, which may raise to stop; ``notes`` is a
    folder for the names of uploads under way."""

    def __init__(self, client: Any, bucket: str, *, notes: Path, part_bytes: int) -> None:
        self._client, self._bucket, self._notes, self._part_bytes = client, bucket, notes, part_bytes

    def probe(self, prefix: str) -> None:
        """Ask for one key under ``prefix``. Raises ClientError."""
        self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=1)

    # In

    def get_tree(self, key: str, place: Path, going: Going) -> None:
        """Fetch all objects under ``key/``, as files of a folder.

        Raises:
            TransferError: there is none, or a key has steps that no path may have.
        """
        count = 0
        for inner in self._keys(f"{key}/"):
            if inner.endswith("/") or not inner:
                continue  # what some tools put where a folder would be
            target = place / "/".join(split(inner))
            target.parent.mkdir(parents=True, exist_ok=True)
            self.get(f"{key}/{inner}", target, going)
            count += 1
        if not count:
            raise TransferError(f"there is no object under {key}/ in bucket {self._bucket}")

    def _keys(self, prefix: str) -> Iterator[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        for page in pages:
            for entry in page.get("Contents", ()):
                yield entry["Key"].removeprefix(prefix)

    def get(self, key: str, place: Path, going: Going) -> None:
        """Fetch one object, going on where an earlier try of the same version broke off.

        Raises:
            TryAgainError: what came is not what was stored, or it changed meanwhile.
        """
        head = self._client.head_object(Bucket=self._bucket, Key=key)
        version = hashlib.sha256("\0".join((place.name, key, head["ETag"])).encode()).hexdigest()
        part = place.with_name(f".{version[:32]}.part")
        size = head["ContentLength"]
        with part.open("ab") as file:
            have = file.tell() if file.tell() <= size else file.truncate(0)
            try:
                if have < size:
                    self._append(key, head["ETag"], have, file, going)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in ("PreconditionFailed", "412"):
                    raise TryAgainError(f"{key} changed while it was fetched") from error
                raise
            except OSError as error:
                if error.errno in CROWDED:
                    part.unlink()  # it must not fill the disk for the others
                raise
        try:
            _check(part, key, head)
        except TryAgainError:
            part.unlink()
            raise
        part.replace(place)
        _set_time(place, head.get("Metadata", {}).get(MTIME))

    def _append(self, key: str, etag: str, have: int, file: Any, going: Going) -> None:
        answer = self._client.get_object(Bucket=self._bucket, Key=key, IfMatch=etag, Range=f"bytes={have}-")
        for block in answer["Body"].iter_chunks(BLOCK):
            file.write(block)
            going(len(block))
        file.flush()

    # Out

    def put_tree(self, source: Path, key: str, going: Going) -> None:
        """Store a file, or all files of a folder, whose paths become keys. Empty folders have no keys."""
        if not source.is_dir():
            self.put(source, key, going)
            return
        for folder, _, names in sorted(os.walk(source)):
            for name in sorted(names):
                path = Path(folder, name)
                self.put(path, f"{key}/{path.relative_to(source)}", going)

    def put(self, source: Path, key: str, going: Going) -> None:
        """Store one file. Parts that an earlier try of the same content stored are not stored again."""
        kept = source.stat()
        size, metadata = kept.st_size, {MTIME: f"{kept.st_mtime:.6f}"}
        step = max(self._part_bytes, -(-size // MOST_PARTS))
        with source.open("rb") as file:
            whole, digests = _digests(file, step)
            if self._has(key, size, digests):
                going(size)
            elif len(digests) <= 1:
                file.seek(0)
                self._client.put_object(
                    Bucket=self._bucket, Key=key, Body=file.read(), Metadata={**metadata, SHA: whole},
                    ChecksumSHA256=_text(digests[0] if digests else hashlib.sha256().digest()),
                )  # fmt: skip
                going(size)
            else:
                self._put_parts(key, file, step, {**metadata, SHA: whole}, digests, going)

    def _has(self, key: str, size: int, digests: list[bytes]) -> bool:
        """Whether the object is there as it should be, by what the server computed of it and not by our own label."""
        try:
            head = self._client.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in ("404", "NoSuchKey", "NotFound"):
                return False
            raise
        all_of_it = f"{_text(hashlib.sha256(b''.join(digests)).digest())}-{len(digests)}"
        wanted = all_of_it if len(digests) > 1 else _text(digests[0] if digests else hashlib.sha256().digest())
        return bool(head["ContentLength"] == size and head.get("ChecksumSHA256") == wanted)

    def _put_parts(
        self, key: str, file: Any, step: int, metadata: dict[str, str], digests: list[bytes], going: Going
    ) -> None:
        note = self._notes / hashlib.sha256(f"{key}\0{metadata[SHA]}\0{step}".encode()).hexdigest()[:32]
        upload, there = self._begun(key, metadata, note)
        parts = []
        for number, digest in enumerate(digests, 1):
            file.seek((number - 1) * step)
            known = there.get(number)
            size = min(step, os.fstat(file.fileno()).st_size - file.tell())
            if known is None or (known["Size"], known.get("ChecksumSHA256", _text(digest))) != (size, _text(digest)):
                known = self._client.upload_part(
                    Bucket=self._bucket, Key=key, UploadId=upload, PartNumber=number, Body=file.read(step),
                    ChecksumSHA256=_text(digest),
                )  # fmt: skip
            parts.append({"PartNumber": number, "ETag": known["ETag"], "ChecksumSHA256": _text(digest)})
            going(size)
        self._client.complete_multipart_upload(
            Bucket=self._bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}
        )
        note.unlink(missing_ok=True)

    def _begun(self, key: str, metadata: dict[str, str], note: Path) -> tuple[str, dict[int, Any]]:
        """An upload of this very content that broke off, with its parts, or a new one. The note outlives the agent."""
        if note.is_file():
            upload = note.read_text()
            try:
                pages = self._client.get_paginator("list_parts").paginate(Bucket=self._bucket, Key=key, UploadId=upload)
                return upload, {part["PartNumber"]: part for page in pages for part in page.get("Parts", ())}
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") not in ("NoSuchUpload", "404"):
                    raise
        created = self._client.create_multipart_upload(
            Bucket=self._bucket, Key=key, ChecksumAlgorithm="SHA256", Metadata=metadata
        )
        self._notes.mkdir(parents=True, exist_ok=True)
        note.write_text(created["UploadId"])
        return created["UploadId"], {}


def _digests(file: Any, step: int) -> tuple[str, list[bytes]]:
    """SHA-256 of the whole file, and of each part."""
    whole, parts, left = hashlib.sha256(), [], 0
    while block := file.read(min(BLOCK, left or BLOCK, step)):
        whole.update(block)
        if not left:
            parts.append(hashlib.sha256())
            left = step
        parts[-1].update(block)
        left -= len(block)
    return whole.hexdigest(), [part.digest() for part in parts]


def _set_time(place: Path, mtime: str | None) -> None:
    """Give a file the time that its object was stored with, where that is known."""
    with suppress(TypeError, ValueError, OverflowError, OSError):
        seconds = float(mtime or "")
        os.utime(place, (seconds, seconds))


def _text(digest: bytes) -> str:
    return b64encode(digest).decode()


def _check(path: Path, key: str, head: Any) -> None:
    """What came in has the checksum that the object was stored with, or where none is known, the MD5 of its ETag."""
    stored = head.get("Metadata", {}).get(SHA)
    etag = head["ETag"].strip('"')
    if stored is None and (not MD5.fullmatch(etag) or head.get("ServerSideEncryption") == "aws:kms"):
        return  # stored in parts by somebody else: its size was compared, and each answer's length
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256" if stored else lambda: hashlib.md5(usedforsecurity=False))
    if digest.hexdigest() != (stored or etag):
        raise TryAgainError(f"what came of {key} has another checksum than the object")
