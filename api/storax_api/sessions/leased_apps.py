"""The Apps of leased jobs: read while the lease is being committed, or known from before at the same version."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import orjson

from storax_api.service import Caller, Service
from storax_core.queries import select
from storax_core.resources import APPS

KNOWN, KNOWN_BYTES = 256, 16_384  # Apps that a process remembers, and the longest of them
Rows = dict[int, orjson.Fragment]


class LeasedApps:
    """Reads each App once, in a task of its own; one that a claim saw at a version which is known, not at all."""

    def __init__(self, service: Service, caller: Caller) -> None:
        self._service, self._caller = service, caller
        self._known: Rows = {}
        self._reads: dict[int, asyncio.Task[Rows]] = {}

    def start(self, versions: Mapping[int, int | None]) -> None:
        """Start to read the Apps with these ids that are not being read yet; those with a version only if it is new."""
        for app_id, version in versions.items():
            known = self._service.app_rows.get((self._caller.owner_id, app_id))
            if version is not None and known and known[0] == version:
                self._known[app_id] = known[1]
        if missing := versions.keys() - self._known.keys() - self._reads.keys():
            task = asyncio.create_task(self._read(missing))
            task.add_done_callback(_retrieve_error)
            self._reads.update(dict.fromkeys(missing, task))

    async def rows(self, ids: set[int]) -> list[orjson.Fragment]:
        """Return the Apps with these ids, by id, as JSON."""
        self.start(dict.fromkeys(ids))
        rows = dict(self._known)
        for part in await asyncio.gather(*{self._reads[i] for i in ids - self._known.keys()}):
            rows |= part
        return [rows[i] for i in sorted(ids & rows.keys())]

    async def _read(self, ids: set[int]) -> Rows:
        query = select.Query(filter={"id": sorted(ids)}, limit=select.MAX_LIMIT)
        async with self._service.db.owner(self._caller.owner_id, by_key=True) as conn:
            rows = await select.fetch_rows(conn, APPS, self._caller.owner_id, query)
        return {row["id"]: self._remember(row) for row in rows}

    def _remember(self, row: dict[str, Any]) -> orjson.Fragment:
        known: OrderedDict[tuple[int, int], Any] = self._service.app_rows
        text = orjson.dumps(row)
        if len(text) <= KNOWN_BYTES:
            known[self._caller.owner_id, row["id"]] = row["version"], orjson.Fragment(text)
            while len(known) > KNOWN:
                known.popitem(last=False)
        return orjson.Fragment(text)


def _retrieve_error(task: asyncio.Task[Any]) -> None:
    """Mark a task's error as retrieved: where the claim itself failed nobody awaits the task."""
    if not task.cancelled():
        task.exception()
