"""Queue maintainer: so many equal allocations wait or run at any time."""

import logging
from datetime import UTC, datetime
from typing import Any

from storax_agent.loops.allocations.queue_shape import create, shape, waits
from storax_agent.server.site_api import SiteApi
from storax_agent.settings.scheduler import MaintainerSettings

MAKER = "queue_maintainer"
ACTIVE = ("pending_submission", "queued", "running")
LOG = logging.getLogger(__name__)


class QueueMaintainer:
    """One round every ``every_sec`` seconds."""

    def __init__(self, api: SiteApi, site_id: int, settings: MaintainerSettings) -> None:
        self._api, self._site_id, self._settings = api, site_id, settings
        self._fields: dict[str, Any] = {**shape(settings), "num_nodes": settings.num_nodes}

    def step(self) -> float:
        """One round: make what is missing."""
        rows = self._api.batch_jobs(self._site_id, ACTIVE)
        equal = sum(all(row.get(name) == value for name, value in self._fields.items()) for row in rows)
        missing = self._settings.num_queued_jobs - equal
        if missing > 0 and waits(self._api, self._site_id, MAKER, datetime.now(UTC)) <= 0:
            created = [create(self._api, self._site_id, self._fields, maker=MAKER) for _ in range(missing)]
            LOG.info("queue maintainer: asked for BatchJobs %s", created)
        return self._settings.every_sec
