"""Transfers: move the files of jobs that wait for them, tell the server what became of each.

Items are moved in batches, each of one lane of one location. What a location could not do now it may do later: it is
left alone for a growing pause, while the others go on. An item that failed by itself, as a missing file does, has a
pause of its own and few tries. How often an item was tried stands in its ``transfer_info``, so
that another agent counts on.
"""

import logging
import random
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from storax._runtime.retry import doubling_pause
from storax_agent.files.set_aside import SetAside
from storax_agent.loops.file_policy import FilePolicy
from storax_agent.loops.patches import Patches
from storax_agent.server.site_api import SiteApi
from storax_agent.transfers.base import Item, Moved, lane_of
from storax_agent.transfers.batches import Batch, Batches, Lane
from storax_agent.transfers.services import Locations

WINDOW = 1000
BATCH_ITEMS = 100
SLOW_SEC = 1.0  # what takes longer than this is shown as active
PROGRESS_SEC = 10.0  # each telling is an event in the log
OWN_TRIES = 4  # of an item whose fault is its own: a name that is wrong must not keep its job waiting
FIRST_PAUSE_SEC, LONGEST_PAUSE_SEC = 2.0, 300.0
STAGE = {"in": "READY", "out": "POSTPROCESSED"}
LOG = logging.getLogger(__name__)
Row = dict[str, Any]


@dataclass
class Pause:
    """How often a location failed one time after another, and until when (monotonic) it is left alone."""

    failures: int = 0
    until: float = 0.0


class Transfers:
    """``at_once`` batches at a time; an item is given up after ``tries`` tries that might have succeeded. What
    ``policy`` refuses is not touched."""

    def __init__(
        self, api: SiteApi, site_id: int, locations: Locations, set_aside: SetAside, *, policy: FilePolicy,
        every_sec: float, at_once: int = 4, tries: int = 12, first_pause_sec: float = FIRST_PAUSE_SEC,
    ) -> None:  # fmt: skip
        self._api, self._site_id, self._every_sec, self._policy = api, site_id, every_sec, policy
        self._at_once, self._tries, self._first_pause = at_once, tries, first_pause_sec
        self._batches = Batches(locations)
        self._patches = Patches(
            api.update_transfers, set_aside, "transfer", "service", info="transfer_info", kept=("id", "state")
        )
        self._pauses: dict[str, Pause] = {}
        self._rows: dict[int, Row] = {}  # of items in hand, as the server knows them
        self._untold: dict[int, Row] = {}
        self._not_before: dict[int, float] = {}  # when (monotonic) items that failed by themselves are tried again
        self._look_at = 0.0

    def step(self) -> float:
        """One round: wait for a batch to end or for the time to look, tell, begin others."""
        busy = bool(self._batches.running())
        self._batches.wait(min(SLOW_SEC, self._every_sec) if busy else max(0.0, self._look_at - time.monotonic()))
        self._gather()
        self._tell()
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + self._every_sec
            self._drop_unwanted()
            self._begin()
        return 0.0

    def stop(self, seconds: float) -> None:
        """End what is under way; the next agent goes on with it."""
        self._batches.stop(seconds)

    # What ended, and what is under way

    def _gather(self) -> None:
        for batch, moved in self._batches.take_ended():
            self._apply(batch, moved)
            self._look_at = 0.0 if any(one.state == "done" for one in moved) else self._look_at
        now = time.monotonic()
        for batch in self._batches.running():
            if now - batch.since > SLOW_SEC and now - batch.reported_at > PROGRESS_SEC:
                self._show(batch)

    def _apply(self, batch: Batch, moved: Iterable[Moved]) -> None:
        answers = {one.id: one for one in moved}
        states = {one.state for one in answers.values() if not one.own}
        pause = self._pauses.setdefault(batch.lane[0], Pause())
        if "again" in states:
            pause.failures = 1 if "done" in states else pause.failures + 1
            seconds = doubling_pause(self._first_pause, pause.failures, LONGEST_PAUSE_SEC)
            pause.until = time.monotonic() + seconds * random.uniform(0.75, 1.25)  # noqa: S311 - keeps no secret
        elif "done" in states:
            pause.failures = 0
        for item in batch.items:
            one = answers.get(item.id) or Moved(item.id, "again", {"error": "the service gave no answer"})
            self._enter(one, unwanted=item.id in batch.unwanted)
        # Without the task, which others may wait for: what is left of a file goes.
        left = [replace(item, task_id=None) for item in batch.items if item.id in batch.unwanted]
        if left:
            self._batches.cancel(batch.lane[0], left)

    def _enter(self, one: Moved, *, unwanted: bool) -> None:
        row = self._rows[one.id]
        if one.state == "again":
            if unwanted:
                self._untold[one.id] = {"id": one.id, "state": "error", "transfer_info": dict(one.info)}
            else:
                self._untold[one.id] = self._retry(row, one)
        elif one.state == "active":
            if one.task_id != row.get("task_id") or one.info != row.get("transfer_info"):
                self._untold[one.id] = _patch(one)
            else:
                self._rows.pop(one.id)
        else:
            self._untold[one.id] = _patch(one)

    def _retry(self, row: Row, one: Moved) -> Row:
        tries = 1 + int((row.get("transfer_info") or {}).get("tries") or 0)
        if tries >= (min(self._tries, OWN_TRIES) if one.own else self._tries):
            error = f"{one.info.get('error')} (given up after {tries} tries)"
            return {"id": one.id, "state": "error", "transfer_info": {"error": error}}
        if one.own:
            pause = doubling_pause(self._first_pause, tries, LONGEST_PAUSE_SEC)
            self._not_before[one.id] = time.monotonic() + pause
        else:
            pause = max(0.0, self._pauses[row["location_alias"]].until - time.monotonic())
        later = datetime.now(UTC) + timedelta(seconds=pause)
        info = {"error": one.info.get("error"), "tries": tries, "next_try": later.isoformat(timespec="seconds")}
        LOG.info("transfer %d: %s (try %d of %d)", one.id, one.info.get("error"), tries, self._tries)
        return {"id": one.id, "state": "pending", "transfer_info": info}

    def _show(self, batch: Batch) -> None:
        progress = {one.id: one for one in self._batches.take_progress(batch)}
        if not progress and batch.reported_at:
            return
        batch.reported_at = time.monotonic()
        for item in batch.items:
            if item.id not in batch.unwanted:
                tries = {k: v for k, v in (self._rows[item.id].get("transfer_info") or {}).items() if k == "tries"}
                info = {**tries, **(progress[item.id].info if item.id in progress else {})}
                self._untold.setdefault(item.id, {"id": item.id, "state": "active", "transfer_info": info})

    # To and from the server

    def _tell(self) -> None:
        patches = list(self._untold.values())
        if not patches:
            return
        self._patches.send(patches)
        self._untold.clear()
        held = {item.id for batch in self._batches.running() for item in batch.items}
        for patch in patches:
            if patch["state"] == "error":
                LOG.warning("transfer %d: %s", patch["id"], patch["transfer_info"].get("error"))
            if patch["id"] not in held:
                self._rows.pop(patch["id"], None)

    def _drop_unwanted(self) -> None:
        """A job that was cancelled or failed meanwhile wants no files any more."""
        for batch in self._batches.running():
            jobs = self._api.jobs_brief({self._rows[item.id]["job_id"] for item in batch.items})
            gone = {item.id for item in batch.items if not _wanted(self._rows[item.id], jobs)}
            batch.unwanted |= gone
            if len(batch.unwanted) == len(batch.items) and not batch.watch.stop.is_set():
                LOG.info("transfers of %s: nobody wants them any more", batch.lane)
                batch.watch.stop.set()

    def _begin(self) -> None:
        busy = {batch.lane for batch in self._batches.running()}
        if len(busy) >= self._at_once:
            return
        now = time.monotonic()
        self._not_before = {number: at for number, at in self._not_before.items() if at > now}
        known = self._rows.keys() | self._patches.refused.keys() | self._not_before.keys()
        rows = [row for row in self._fetch_items(busy) if row["id"] not in known]
        jobs = self._api.jobs_brief({row["job_id"] for row in rows})
        rows = self._permitted([row for row in rows if row["job_id"] in jobs], jobs)
        self._refuse([row for row in rows if not _wanted(row, jobs)], jobs)
        lanes = _lanes([row for row in rows if _wanted(row, jobs)], jobs)
        for lane, (items, begun) in lanes.items():
            if lane not in busy and len(busy) < self._at_once:
                busy.add(lane)
                self._rows.update((row["id"], row) for row in rows if row["id"] in {item.id for item in items})
                self._batches.start(lane, items, begun=begun)
        self._tell()

    def _fetch_items(self, busy: Iterable[Lane]) -> list[Row]:
        """Items to be moved, but for locations that are paused, or have all the batches that one may have."""
        aliases = [alias for alias, _ in busy]
        full = {alias for alias in aliases if aliases.count(alias) >= max(1, self._at_once - 1)}
        now = time.monotonic()
        paused = {alias for alias, pause in self._pauses.items() if pause.until > now}
        return self._api.transfers(
            self._site_id, ["pending", "active"], limit=WINDOW, without=sorted(full | paused)
        )  # fmt: skip

    def _permitted(self, rows: list[Row], jobs: Mapping[int, Row]) -> list[Row]:
        """Items that the site's policy allows. Of the others nothing is moved, and what they name is not cleaned up."""
        objections = self._policy.transfer_objections(rows, jobs)
        for number, reason in objections.items():
            self._untold[number] = {"id": number, "state": "error", "transfer_info": {"error": reason}}
        return [row for row in rows if row["id"] not in objections]

    def _refuse(self, rows: list[Row], jobs: Mapping[int, Row]) -> None:
        """Items of jobs that failed or were cancelled meanwhile; what was ordered for them is cancelled."""
        for row in rows:
            error = f"not moved: its job is {jobs[row['job_id']]['state']}"
            self._untold[row["id"]] = {"id": row["id"], "state": "error", "transfer_info": {"error": error}}
        ordered = [_item(row, jobs) for row in rows if _begun(row)]
        for alias in {item.alias for item in ordered}:
            self._batches.cancel(alias, [item for item in ordered if item.alias == alias])


def _lanes(rows: list[Row], jobs: Mapping[int, Row]) -> dict[Lane, tuple[list[Item], bool]]:
    """Batches by lane: what an agent before this one ordered is asked after before more is ordered."""
    lanes: dict[Lane, tuple[list[Item], bool]] = {}
    for row in sorted(rows, key=lambda row: (row["state"] != "active", row["id"])):
        item, begun = _item(row, jobs), row["state"] == "active"
        items, kind = lanes.setdefault((item.alias, lane_of(item)), ([], begun))
        if kind == begun and len(items) < BATCH_ITEMS and _fits(item, items):
            items.append(item)
    return lanes


def _wanted(row: Row, jobs: Mapping[int, Row]) -> bool:
    job = jobs.get(row["job_id"])
    return job is not None and job["state"] == STAGE[row["direction"]]


def _begun(row: Row) -> bool:
    """Whether something may be left of it at its service, by an agent before this one or an earlier try."""
    return bool(row.get("task_id") or row["state"] == "active" or (row.get("transfer_info") or {}).get("tries"))


def _fits(item: Item, items: Iterable[Item]) -> bool:
    """Two items of one batch must not write the same remote file."""
    return item.direction == "in" or all(item.remote_path != other.remote_path for other in items)


def _item(row: Row, jobs: Mapping[int, Row]) -> Item:
    return Item(
        row["id"],
        row["direction"],
        row["location_alias"],
        row["remote_path"],
        jobs[row["job_id"]]["workdir"],
        row["local_path"],
        bool(row["recursive"]),
        row.get("task_id"),
    )


def _patch(moved: Moved) -> Row:
    patch: Row = {"id": moved.id, "state": moved.state, "transfer_info": dict(moved.info)}
    return patch | ({"task_id": moved.task_id} if moved.task_id else {})
