"""The nouns of the platform, one file each; ``RESOURCES`` lists them, parents before children."""

from storax_core.resources.app import APPS
from storax_core.resources.base import Resource
from storax_core.resources.batch_job import BATCH_JOBS
from storax_core.resources.event_log import EVENTS
from storax_core.resources.job import JOBS
from storax_core.resources.session import SESSIONS
from storax_core.resources.site import SITES
from storax_core.resources.transfer import TRANSFERS
from storax_core.resources.user import TOKENS, USERS

RESOURCES: tuple[Resource, ...] = (USERS, TOKENS, SITES, APPS, BATCH_JOBS, SESSIONS, JOBS, TRANSFERS, EVENTS)
BY_ENTITY: dict[str, Resource] = {r.entity: r for r in RESOURCES}
PROJECTED: tuple[Resource, ...] = tuple(r for r in RESOURCES if r is not EVENTS)

__all__ = [
    "APPS",
    "BATCH_JOBS",
    "BY_ENTITY",
    "EVENTS",
    "JOBS",
    "PROJECTED",
    "RESOURCES",
    "SESSIONS",
    "SITES",
    "TOKENS",
    "TRANSFERS",
    "USERS",
    "Resource",
]
