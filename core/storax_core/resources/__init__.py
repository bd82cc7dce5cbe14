"""The nouns of the platform, one file each; ``RESOURCES`` lists them, parents before children."""

from storax_core.resources.app import APPS
from storax_core.resources.base import Resource
from storax_core.resources.batch_job import BATCH_JOBS
from storax_core.resources.data_frame import DATA_FRAMES
from storax_core.resources.event_log import EVENTS
from storax_core.resources.job import JOBS
from storax_core.resources.pipeline import PIPELINES
from storax_core.resources.project import PROJECTS
from storax_core.resources.session import SESSIONS
from storax_core.resources.site import SITES
from storax_core.resources.transfer import TRANSFERS
from storax_core.resources.user import TOKENS, USERS
from storax_core.resources.web.saved_view import SAVED_VIEWS
from storax_core.resources.webhooks.webhook import WEBHOOKS

PLATFORM: tuple[Resource, ...] = (SITES, APPS, BATCH_JOBS, SESSIONS, JOBS, TRANSFERS)
ENGINE: tuple[Resource, ...] = (PROJECTS, DATA_FRAMES, PIPELINES)
RESOURCES: tuple[Resource, ...] = (USERS, TOKENS, *PLATFORM, *ENGINE, SAVED_VIEWS, WEBHOOKS, EVENTS)
BY_ENTITY: dict[str, Resource] = {r.entity: r for r in RESOURCES}
PROJECTED: tuple[Resource, ...] = tuple(r for r in RESOURCES if r is not EVENTS)

__all__ = [
    "APPS",
    "BATCH_JOBS",
    "BY_ENTITY",
    "DATA_FRAMES",
    "ENGINE",
    "EVENTS",
    "JOBS",
    "PIPELINES",
    "PLATFORM",
    "PROJECTED",
    "PROJECTS",
    "RESOURCES",
    "SAVED_VIEWS",
    "SESSIONS",
    "SITES",
    "TOKENS",
    "TRANSFERS",
    "USERS",
    "WEBHOOKS",
    "Resource",
]
