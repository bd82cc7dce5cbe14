"""Globus: one task for a batch, ordered at the service and asked after. Imported only at a site that has such a place.

The service writes into the data folder by itself, through the site's own collection, so this is the one service that
cannot be kept from following a symlink that a job makes after the check. Give it a collection that refuses symlinks.

It is the only service that the tests do not run against the real thing: requests and answers are those of
``globus_sdk.testing``; logging in and moving bytes are not shown.
"""

import os
import stat
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import globus_sdk

from storax_agent.files.safe_path import PathError, open_parent
from storax_agent.settings.locations import GlobusLocation
from storax_agent.transfers.base import Item, Moved, TransferError, TryAgainError, Watch, failed, inner_path
from storax_agent.transfers.files import open_workdir

TROUBLE = (TransferError, PathError, OSError, globus_sdk.GlobusError)


class GlobusTransfer:
    """Moves between the site's collection and another by a ``client`` that is logged in."""

    def __init__(self, place: GlobusLocation, *, data: Path, client: globus_sdk.TransferClient) -> None:
        parts = urlsplit(place.url)
        self._place, self._data, self._client = place, data, client
        self._collection, self._base = parts.netloc, unquote(parts.path).rstrip("/")

    def submit(self, items: Sequence[Item], watch: Watch) -> Sequence[Moved]:  # noqa: ARG002 - it only orders
        """Order one task for all; those that cannot be moved are answered at once."""
        answers: dict[int, Moved] = {}
        good: list[tuple[Item, tuple[str, str]]] = []
        for item in items:
            try:
                paths = self._paths(item)
                self._check_local(item)
                good.append((item, paths))
            except TROUBLE as error:
                answers[item.id] = failed(item, error)
        if good:
            answers |= self._submit(good)
        return [answers[item.id] for item in items]

    def statuses(self, items: Sequence[Item], watch: Watch) -> Sequence[Moved]:
        """What became of their tasks; an item without a reported task is ordered anew, which moves nothing twice."""
        answers = {one.id: one for one in self._anew([item for item in items if not item.task_id], watch)}
        tasks: dict[str, list[Item]] = {}
        for item in items:
            if item.task_id:
                tasks.setdefault(item.task_id, []).append(item)
        for task_id, mine in tasks.items():
            answers |= self._guarded(mine, partial(self._ask, task_id, mine))
        return [answers[item.id] for item in items]

    def cancel(self, items: Sequence[Item]) -> None:
        """Cancel the tasks of these."""
        for task_id in {item.task_id for item in items if item.task_id}:
            self._client.cancel_task(task_id)

    def check(self) -> str:
        """Ask for both collections and list the location's folder."""
        try:
            for collection in (str(self._place.local_collection), self._collection):
                self._client.get_endpoint(collection)
            self._client.operation_ls(self._collection, path=self._base or "/")
        except globus_sdk.GlobusError as error:
            raise TransferError(f"{self._place.url}: {_message(error)}") from error
        return self._place.url

    def _anew(self, items: Sequence[Item], watch: Watch) -> Sequence[Moved]:
        return self.submit(items, watch) if items else []

    def _paths(self, item: Item) -> tuple[str, str]:
        """Source and destination, as the two collections see them."""
        there = f"{self._base}/{inner_path(item)}"
        steps = (self._place.local_path.rstrip("/"), item.workdir, item.local_path)
        here = "/".join(step for step in steps if step)
        return (there, here) if item.direction == "in" else (here, there)

    def _check_local(self, item: Item) -> None:
        """The local path leads through no symlink now, and its folder is there."""
        inward = item.direction == "in"
        workdir = open_workdir(self._data, item.workdir, create=inward)
        try:
            folder, name = open_parent(workdir, item.local_path, create=inward)
            try:
                if not inward and stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                    raise TransferError(f"{name!r} is a symlink; only files and folders are copied")
            finally:
                os.close(folder)
        finally:
            os.close(workdir)

    def _submit(self, good: Sequence[tuple[Item, tuple[str, str]]]) -> dict[int, Moved]:
        def submit() -> dict[int, Moved]:
            first = good[0][0]
            ends = (self._collection, str(self._place.local_collection))
            source, target = ends if first.direction == "in" else ends[::-1]
            task = globus_sdk.TransferData(
                source_endpoint=source, destination_endpoint=target, label=f"storax {first.direction} {first.id}",
                sync_level="checksum", verify_checksum=True, fail_on_quota_errors=True, preserve_timestamp=True,
                notify_on_succeeded=False, notify_on_failed=False, notify_on_inactive=False,
            )  # fmt: skip
            for item, (origin, goal) in good:
                task.add_item(origin, goal, recursive=item.recursive)
            task_id = str(self._client.submit_transfer(task)["task_id"])
            return {item.id: Moved(item.id, "active", {"task": task_id}, task_id) for item, _ in good}

        return self._guarded([item for item, _ in good], submit)

    def _ask(self, task_id: str, items: Sequence[Item]) -> dict[int, Moved]:
        task = self._client.get_task(task_id)
        info: dict[str, Any] = {"task": task_id, "bytes": task["bytes_transferred"], "files": task["files_transferred"]}
        if task["status"] == "SUCCEEDED":
            return {item.id: Moved(item.id, "done", {**info, "verified": "checksum"}, task_id) for item in items}
        if task["status"] == "FAILED":
            return self._after_failure(task_id, items, task)
        if status := task.get("nice_status_details") or task.get("nice_status_short_description"):
            info["status"] = status
        return {item.id: Moved(item.id, "active", info, task_id) for item in items}

    def _after_failure(
        self, task_id: str, items: Sequence[Item], task: globus_sdk.GlobusHTTPResponse
    ) -> dict[int, Moved]:
        """The task failed as a whole; the files that arrived before are done all the same."""
        arrived = {row["destination_path"] for row in self._client.task_successful_transfers(task_id)}
        fatal = task.get("fatal_error") or {}
        why = fatal.get("description") or task.get("nice_status") or "no reason given"
        answers = {}
        for item in items:
            came = not item.recursive and self._paths(item)[1] in arrived
            message = f"{item.alias}:{item.remote_path}: Globus task {task_id} failed: {why}"
            info: dict[str, Any] = {"task": task_id} if came else {"error": message}
            answers[item.id] = Moved(item.id, "done" if came else "again", info, task_id, own=not came)
        return answers

    def _guarded(self, items: Sequence[Item], call: Callable[[], dict[int, Moved]]) -> dict[int, Moved]:
        try:
            return call()
        except TROUBLE as error:
            reason: Exception = error
            if isinstance(error, globus_sdk.GlobusError):
                message = f"{items[0].alias}: {_message(error)}"
                reason = TransferError(message) if _is_final(error) else TryAgainError(message)
            return {item.id: failed(item, reason) for item in items}


def client_of(place: GlobusLocation) -> globus_sdk.TransferClient:
    """A client that logs in by itself, as the registered application of the site.

    Raises:
        TransferError: the file of its secret cannot be read.
    """
    try:
        secret = place.client_secret_file.expanduser().read_text(encoding="utf-8").strip()
    except OSError as error:
        raise TransferError(f"client_secret_file {place.client_secret_file}: {error.strerror}") from error
    app = globus_sdk.ClientApp("storax", client_id=str(place.client_id), client_secret=secret)
    return globus_sdk.TransferClient(app=app)


def _is_final(error: globus_sdk.GlobusError) -> bool:
    """4xx says that asking again is of no use, but for "too many" and "too slow"."""
    return isinstance(error, globus_sdk.GlobusAPIError) and 400 <= error.http_status < 500 and (
        error.http_status not in (408, 409, 425, 429)
    )  # fmt: skip


def _message(error: globus_sdk.GlobusError) -> str:
    if isinstance(error, globus_sdk.GlobusAPIError):
        return f"Globus says: {error.message or error.code} ({error.http_status})"[:500]
    return f"Globus cannot be reached: {error}"[:500]
