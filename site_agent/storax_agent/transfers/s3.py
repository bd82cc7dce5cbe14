"""S3-compatible object stores, by boto3. Imported by ``helper.py`` alone, not by the agent.

A file's SHA-256 is kept as metadata of its object and compared when it comes in; each part that goes out is checked by
the server. What broke off is taken up: by range for what comes in, by the parts that are there for what goes out.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
import botocore.exceptions as trouble
from botocore.config import Config
from botocore.session import Session as Credentials

from storax_agent.files.safe_path import PathError
from storax_agent.settings.locations import S3Location
from storax_agent.transfers.base import (
    Item,
    Moved,
    TransferError,
    TryAgainError,
    Watch,
    failed,
    inner_path,
    lane_of,
)
from storax_agent.transfers.s3_objects import CROWDED, Objects
from storax_agent.transfers.stage import Stage, is_shared

THREADS = 4
FULL = tuple(os.strerror(number) for number in CROWDED)
TELL_SEC = 1.0
MISSING = {"NoSuchKey", "NoSuchBucket", "404", "NotFound"}
REFUSED = {
    "403", "401", "Forbidden", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken",
    "InvalidToken", "AuthorizationHeaderMalformed", "PermanentRedirect", "301", "InvalidBucketName", "EntityTooLarge",
    "KeyTooLongError", "QuotaExceeded", "XMinioStorageFull", "InvalidObjectState",
}  # fmt: skip
COMPLAINTS = (
    TransferError, PathError, OSError, trouble.ClientError, trouble.BotoCoreError, UnicodeError,
)  # fmt: skip


class S3Transfer:
    """Moves to and from one bucket. ``scratch`` is a folder of its own; ``part_bytes`` is the size of a part."""

    def __init__(self, place: S3Location, *, data: Path, scratch: Path, part_bytes: int) -> None:
        parts = urlsplit(place.url)
        self._url, self._data, self._scratch = place.url, data, scratch
        self._prefix = unquote(parts.path).strip("/")
        try:
            client = _client(place)
        except (trouble.BotoCoreError, ValueError) as error:
            raise TransferError(f"{place.url}: {error}") from error
        self._objects = Objects(client, parts.netloc, notes=scratch / "uploads", part_bytes=part_bytes)

    def submit(self, items: Sequence[Item], watch: Watch) -> Sequence[Moved]:
        """Move them, a few at a time; one that cannot be moved does not hold up the others."""
        stage = Stage(self._scratch / lane_of(items[0]), data=self._data)
        stage.make(empty=items[0].direction == "out")
        names = [item.remote_path.strip("/") for item in items]
        progress = _Progress(watch)

        def move(place: int) -> Moved:
            others = names[:place] + names[place + 1 :]
            return self._move(items[place], stage, watch, progress, shared=is_shared(names[place], others))

        with ThreadPoolExecutor(THREADS) as pool:
            moved = list(pool.map(move, range(len(items))))
        # A file that filled the disk took others with it, whose turn was then; alone they may fit.
        for number, one in enumerate(moved):
            if one.own and str(one.info["error"]).endswith(FULL):
                moved[number] = move(number)
        if not any(one.state == "again" and not one.own for one in moved):
            stage.drop()
        return moved

    def statuses(self, items: Sequence[Item], watch: Watch) -> Sequence[Moved]:
        """An item left active by a killed agent goes on from the parts that were moved."""
        return self.submit(items, watch)

    def cancel(self, items: Sequence[Item]) -> None:
        """A running batch ends by its ``stop``; nothing else was ordered."""

    def check(self) -> str:
        """Ask for the bucket."""
        try:
            self._objects.probe(self._prefix)
        except COMPLAINTS as error:
            raise TransferError(f"{self._url}: {_message(error)}") from error
        return self._url

    def _move(self, item: Item, stage: Stage, watch: Watch, progress: "_Progress", *, shared: bool) -> Moved:
        def going(number: int) -> None:
            if watch.stop.is_set():
                raise TryAgainError(f"{item.alias}:{item.remote_path}: stopped")
            progress.add(item.id, number)

        name = ""
        try:
            if watch.stop.is_set():
                raise TryAgainError(f"{item.alias}:{item.remote_path}: stopped")
            name = inner_path(item)
            name.encode()
            return Moved(item.id, "done", self._transfer(item, name, stage, going, shared=shared))
        except COMPLAINTS as error:
            if name and isinstance(error, OSError):
                stage.forget(name)
            return _failed(item, error)

    def _transfer(
        self, item: Item, name: str, stage: Stage, going: Callable[[int], None], *, shared: bool
    ) -> dict[str, Any]:
        key = f"{self._prefix}/{name}" if self._prefix else name
        if item.direction == "out":
            info = stage.take(item, name, links=False)
            self._objects.put_tree(stage.tree / name, key, going)
            return info
        place = stage.tree / name
        # The stage of two items with the same path is one; each is fetched into a place of its own.
        if shared:
            place = stage.tree / f"{item.id}.own"
            name = place.name
        place.parent.mkdir(parents=True, exist_ok=True)
        if item.recursive:
            self._objects.get_tree(key, place, going)
        else:
            self._objects.get(key, place, going)
        return stage.put_in_place(item, name, shared=False)


class _Progress:
    """Bytes by item, reported at most once a second."""

    def __init__(self, watch: Watch) -> None:
        self._watch, self._lock = watch, Lock()
        self._bytes: dict[int, int] = {}
        self._reported_at = monotonic()

    def add(self, item_id: int, number: int) -> None:
        with self._lock:
            self._bytes[item_id] = self._bytes.get(item_id, 0) + number
            if monotonic() - self._reported_at > TELL_SEC:
                self._reported_at = monotonic()
                self._watch.tell([Moved(i, "active", {"bytes": n}) for i, n in self._bytes.items()])


def _client(place: S3Location) -> Any:
    core = Credentials(profile=place.profile)
    if place.credentials_file:
        core.set_config_variable("credentials_file", str(place.credentials_file.expanduser()))
        # Named by the site, so a variable of whoever started the agent must not win over it.
        core.get_component("credential_provider").remove("env") if place.profile is None else None
    session = boto3.Session(botocore_session=core, region_name=place.region)
    config = Config(
        retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=10, read_timeout=60,
        request_checksum_calculation="when_required", response_checksum_validation="when_required",
    )  # fmt: skip
    region = place.region or session.region_name or "us-east-1"
    return session.client("s3", endpoint_url=place.endpoint_url, region_name=region, config=config)


def _failed(item: Item, error: Exception) -> Moved:
    where = f"{item.alias}:{item.remote_path}"
    if isinstance(error, trouble.ClientError):
        state: Any = "error" if _code(error) in REFUSED else "again"
        return Moved(item.id, state, {"error": f"{where}: {_message(error)}"}, own=_code(error) in MISSING)
    if isinstance(error, (trouble.NoCredentialsError, trouble.PartialCredentialsError, trouble.ParamValidationError)):
        return Moved(item.id, "error", {"error": f"{where}: {_message(error)}"})
    if isinstance(error, trouble.BotoCoreError):
        return Moved(item.id, "again", {"error": f"{where}: {_message(error)}"})
    if isinstance(error, UnicodeError):
        return Moved(item.id, "error", {"error": f"{where}: the name is not UTF-8, which S3 asks for"})
    return failed(item, error)


def _code(error: trouble.ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _message(error: Exception) -> str:
    if isinstance(error, trouble.ClientError):
        code = _code(error)
        if code in MISSING:
            return f"no such object or bucket ({code})"
        if code in REFUSED:
            return f"the server refuses these credentials or this bucket ({code}); look at credentials_file and profile"
    return str(error)[:500]
