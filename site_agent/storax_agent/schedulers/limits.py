"""What a site allows of an allocation, checked before the scheduler is asked."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from storax._runtime.suggestions import nearest
from storax_agent.schedulers.base import Limits, Request
from storax_agent.settings.scheduler import NODE, SchedulerSettings


class Refusal(NamedTuple):
    """Why, what was asked for, and what is allowed."""

    error: str
    requested: Any
    allowed: Any

    def info(self) -> dict[str, Any]:
        """For ``BatchJob.status_info``."""
        return {"error": self.error, "asked": self.requested, "allowed": self.allowed}


def allowed_queues(settings: SchedulerSettings, own: Limits) -> dict[str, dict[str, int]]:
    """Limits by queue: the scheduler's own, and where ``site.toml`` names queues, only those, with the lower limits.
    What ``site.toml`` says of a queue's nodes goes before the scheduler's words."""
    if not settings.queues:
        return {name: dict(limits) for name, limits in own.items()}
    return {name: _lower(queue.limits(), own.get(name, {})) for name, queue in settings.queues.items()}


def _lower(ours: Mapping[str, int], theirs: Mapping[str, int]) -> dict[str, int]:
    lower = {name: min(limits[name] for limits in (ours, theirs) if name in limits) for name in {**theirs, **ours}}
    return {**lower, **{name: ours[name] for name in NODE if name in ours}}


def resolved(request: Request, settings: SchedulerSettings) -> Request:
    """With the site's default queue and project where none was asked for."""
    queue, project = request.queue or settings.default_queue, request.project or settings.default_project
    return request._replace(queue=queue, project=project)


def objection(request: Request, settings: SchedulerSettings, queues: Limits) -> Refusal | None:
    """The first thing about a request that the site does not allow; None when all is well."""
    return _of_queue(request, queues) or _of_project(request, settings) or _of_params(request, settings)


def _of_queue(request: Request, queues: Limits) -> Refusal | None:
    limits = queues.get(request.queue)
    if limits is None and request.queue and queues:
        hint = nearest(request.queue, queues)
        return Refusal(
            f"there is no queue {request.queue!r} at this site. {hint}".strip(), request.queue, sorted(queues)
        )
    name = f"queue {request.queue!r}"
    if limits is None:  # the scheduler's default queue: no larger than the largest
        limits, name = _widest(queues), "this site"
    if request.num_nodes > (most := limits.get("max_nodes", request.num_nodes)):
        return Refusal(f"it asks for {request.num_nodes} nodes; {name} allows {most}", request.num_nodes, most)
    if request.wall_time_min > (most := limits.get("max_walltime", request.wall_time_min)):
        return Refusal(
            f"it asks for {request.wall_time_min} minutes; {name} allows {most}", request.wall_time_min, most
        )
    return None


def _widest(queues: Limits) -> dict[str, int]:
    names = ("max_nodes", "max_walltime")
    return {name: max(row.get(name, 2**31) for row in queues.values()) for name in names} if queues else {}


def _of_project(request: Request, settings: SchedulerSettings) -> Refusal | None:
    if settings.projects is None or request.project in settings.projects:
        return None
    hint = nearest(request.project, settings.projects)
    error = f"project {request.project!r} is not among this site's projects. {hint}".strip()
    return Refusal(error, request.project, settings.projects)


def _of_params(request: Request, settings: SchedulerSettings) -> Refusal | None:
    for name in request.optional_params:
        if name not in settings.optional_params:
            known = sorted(settings.optional_params)
            error = f"optional parameter {name!r} is not allowed at this site. {nearest(name, known)}".strip()
            return Refusal(error, name, known)
    return None
