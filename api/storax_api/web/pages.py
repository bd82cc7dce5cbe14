"""The pages: one line each. A page is a folder beside this file with its routes and templates."""

from typing import NamedTuple

from fastapi import APIRouter

from storax_api.web.admin import routes as admin
from storax_api.web.data import routes as data
from storax_api.web.events import routes as events
from storax_api.web.failures import routes as failures
from storax_api.web.graph import routes as graph
from storax_api.web.job import routes as job
from storax_api.web.jobs import routes as jobs
from storax_api.web.metrics import routes as metrics
from storax_api.web.overview import routes as overview
from storax_api.web.sites import routes as sites
from storax_api.web.timeline import routes as timeline
from storax_api.web.views import routes as views
from storax_api.web.webhooks import routes as webhooks


class Page(NamedTuple):
    """One page: its routes, and where the navigation leads to it; without a title it has no place there."""

    router: APIRouter
    title: str = ""
    path: str = ""


PAGES: tuple[Page, ...] = (
    Page(overview.router, "Overview"),
    Page(jobs.router, "Jobs", "jobs"),
    Page(job.router),
    Page(views.router),
    Page(failures.router, "Failures", "failures"),
    Page(graph.router, "Graph", "graph"),
    Page(timeline.router, "Timeline", "timeline"),
    Page(metrics.router, "Metrics", "metrics"),
    Page(events.router, "Events", "events"),
    Page(webhooks.router, "Webhooks", "webhooks"),
    Page(sites.router, "Sites", "sites"),
    Page(data.router, "Data", "data"),
    Page(admin.router, "Admin", "admin"),
)
