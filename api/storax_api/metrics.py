"""``/metrics`` for Prometheus: this process's calls, and the platform's jobs, queues and feed as they are now.

No figure is about one job or user, and nothing has a name: sites and Apps are numbers, the largest of them alone. A
scrape costs a few small queries, whatever the number of jobs.
"""

import math
import secrets
from collections.abc import Sequence
from typing import Any

from fastapi import Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from storax_api.documents import problems
from storax_api.events.broadcast import Broadcast
from storax_api.requests.parameters import service_of
from storax_api.requests.plain_route import PlainRouter
from storax_api.service import Service
from storax_core.database import epochs, heartbeats
from storax_core.database.connections import Connection
from storax_core.errors import Unauthorized, Unavailable
from storax_core.log import watermark
from storax_core.queries.activity import by_label
from storax_core.queues import QueueDown

router = PlainRouter(tags=["health"])
BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
SITES = "SELECT id FROM site"


class Calls:
    """Counts of this process's calls, by operation and status."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._count = Counter("storax_requests", "Calls answered.", ["operation", "status"], registry=self.registry)
        self._seconds = Histogram(
            "storax_request_seconds",
            "Time to the first byte of the answer; that of acquire has the wait for a job in it.",
            ["operation"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._known: dict[tuple[str, int], Any] = {}

    def count(self, operation: str, status: int, seconds: float) -> None:
        """Count one answered call."""
        series = self._known.get((operation, status))
        if series is None:  # looked up once: labels are slower than the counting
            series = self._count.labels(operation, str(status)), self._seconds.labels(operation)
            self._known[operation, status] = series
        series[0].inc()
        series[1].observe(seconds)


def operation_of(scope: Any) -> str:
    """The name of the call in the OpenAPI document; all that fits none share one."""
    route = scope.get("route")
    return str(getattr(route, "operation_id", None) or getattr(route, "name", None) or "none")


@router.get(
    "/metrics",
    operation_id="metrics",
    response_class=PlainTextResponse,
    responses={200: {"description": "Text of Prometheus."}, **problems(401)},
)
async def metrics(request: Request) -> Response:
    """What Prometheus asks for, with the token that the operator set for it; without one nobody gets them."""
    service = service_of(request)
    _let_in(request, service.settings.metrics_token)
    calls: Calls = request.app.state.calls
    platform = await _platform(service, request.app.state.broadcast)
    text = generate_latest(calls.registry) + generate_latest(platform)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


def _let_in(request: Request, token: str) -> None:
    # An address says nothing of the caller: that of a proxy on this machine is this machine's.
    header = request.headers.get("authorization", "")
    if not token or not secrets.compare_digest(header.encode(), f"Bearer {token}".encode()):
        raise Unauthorized(
            "metrics are for this server's operator", hint="Set STORAX_METRICS_TOKEN, and send it as a bearer token."
        )


async def _platform(service: Service, broadcast: Broadcast) -> CollectorRegistry:
    """Measure the platform as it is now. A server that does not answer is left out, and storax_up is 0 for it."""
    registry = CollectorRegistry()
    ages = Gauge("storax_heartbeat_age_seconds", "Since the last heartbeat of a part.", ["part"], registry=registry)
    stale = Gauge("storax_stale", "Whether a part gave no heartbeat in time.", ["part"], registry=registry)
    _add_heartbeats(ages, stale, [broadcast.heartbeat()])
    _from_process(service, broadcast, registry)
    up = Gauge("storax_up", "Whether a server behind the API answers.", ["server"], registry=registry)
    try:
        async with service.db.worker() as conn:
            await _from_postgres(conn, registry, service.settings.metrics_labels)
            _add_heartbeats(ages, stale, await heartbeats.read(conn, service.uptime_sec))
            sites = [int(r[0]) for r in await conn.fetch(SITES)]
        up.labels("postgres").set(1)
        room = Gauge("storax_database_writable", "Whether Postgres has room to write.", registry=registry)
        room.set(0 if service.db.full else 1)
        await _from_redis(service, registry, sites)
        up.labels("redis").set(1)
    except Unavailable:
        up.labels("postgres").set(0)
    except QueueDown:
        up.labels("redis").set(0)
    return registry


def _add_heartbeats(ages: Gauge, stale: Gauge, beats: Sequence[heartbeats.Heartbeat]) -> None:
    for beat in beats:
        ages.labels(beat.name).set(math.inf if beat.age_sec is None else beat.age_sec)
        stale.labels(beat.name).set(beat.stale)


def _from_process(service: Service, broadcast: Broadcast, registry: CollectorRegistry) -> None:
    restarts = Counter("storax_feed_restarts", "Errors that the feed of this process met.", registry=registry)
    restarts.inc(broadcast.restarts)
    bad = Counter("storax_bad_redis_entries", "What Redis held that is not ours, and was skipped.", registry=registry)
    bad.inc(service.queues.bad_entries)


async def _from_postgres(conn: Connection, registry: CollectorRegistry, labels: int) -> None:
    jobs = Gauge("storax_jobs", "Jobs by state.", ["state"], registry=registry)
    of_sites = await by_label.jobs_of_sites(conn)
    for (_, state), number in by_label.largest(of_sites, 0).items():
        jobs.labels(state).set(number)
    came = Counter("storax_jobs_came", "Jobs that came to a state, of all Apps.", ["state"], registry=registry)
    for state, number in await by_label.came(conn):
        came.labels(state).inc(number)
    if labels:
        _add_labelled(registry, by_label.largest(of_sites, labels), await by_label.came_of_apps(conn, labels))
    lag = Gauge("storax_feed_lag_positions", "Places in the log that the feeder has not published.", registry=registry)
    published = await watermark.published(conn)
    lag.set(max(0, await epochs.last_event(conn) - published))


def _add_labelled(registry: CollectorRegistry, of_sites: by_label.Numbers, of_apps: list[tuple[int, str, int]]) -> None:
    """Add the jobs of the largest sites by id, those of all others as one, and those that came of the largest Apps."""
    now = Gauge("storax_site_jobs", "Jobs of a site by state.", ["site", "state"], registry=registry)
    for (site, state), number in of_sites.items():
        now.labels(site, state).set(number)
    came = Counter("storax_app_jobs", "Jobs of an App that came to a state.", ["app", "state"], registry=registry)
    for app, state, number in of_apps:
        came.labels(str(app), state).inc(number)


async def _from_redis(service: Service, registry: CollectorRegistry, sites: list[int]) -> None:
    queued = Gauge("storax_queue_length", "Hints that all sites' queues hold.", ["kind"], registry=registry)
    for kind in ("ready", "batch"):
        queued.labels(kind).set(await service.queues.lengths(kind, sites))
