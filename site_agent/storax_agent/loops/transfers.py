"""Transfers: move the files of jobs that wait for them, tell the server what became of each."""

import logging
from typing import Any

from storax.errors import Conflict, InvalidInput, NotFound
from storax_agent.transfers.base import Item, Moved, TransferService
from storax_agent.wire import SiteApi

AT_ONCE = 100
AGAIN_SEC = 0.5  # after some were moved, more are likely
LOG = logging.getLogger(__name__)
Row = dict[str, Any]


class Transfers:
    """One round every ``every_sec`` seconds, sooner while there is something to move."""

    def __init__(self, api: SiteApi, site_id: int, service: TransferService, *, every_sec: float) -> None:
        self._api, self._site_id, self._service, self._every_sec = api, site_id, service, every_sec

    def step(self) -> float:
        """One round."""
        rows = self._api.transfers(self._site_id, ["pending", "active"], limit=AT_ONCE)
        if not rows:
            return self._every_sec
        folders = self._api.job_folders(sorted({row["job_id"] for row in rows}))
        fresh = [_item(row, folders) for row in rows if row["state"] == "pending" and row["job_id"] in folders]
        begun = [_item(row, folders) for row in rows if row["state"] == "active" and row["job_id"] in folders]
        self._tell([*self._service.submit(fresh), *self._service.statuses(begun)])
        return min(AGAIN_SEC, self._every_sec)

    def _tell(self, moved: list[Moved]) -> None:
        for one in moved:
            if one.state == "error":
                LOG.warning("transfer %d: %s", one.id, one.info.get("error"))
        patches = [_patch(one) for one in moved]
        try:
            self._api.update_transfers(patches)
        except (Conflict, InvalidInput, NotFound):
            # One of them was changed or deleted meanwhile; the others still count.
            for patch in patches:
                self._tell_one(patch)

    def _tell_one(self, patch: Row) -> None:
        try:
            self._api.update_transfers([patch])
        except (Conflict, InvalidInput, NotFound) as error:
            LOG.warning("transfer %d: %s", patch["id"], error)


def _item(row: Row, folders: dict[int, str]) -> Item:
    return Item(
        row["id"],
        row["direction"],
        row["location_alias"],
        row["remote_path"],
        folders[row["job_id"]],
        row["local_path"],
        bool(row["recursive"]),
        row.get("task_id"),
    )


def _patch(moved: Moved) -> Row:
    patch: Row = {"id": moved.id, "state": moved.state, "transfer_info": dict(moved.info)}
    return patch | ({"task_id": moved.task_id} if moved.task_id else {})
