"""What type checkers see of the public API. Checked by mypy --strict, never run; an unused ignore is a failure."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, assert_type

from storax import App, Client, EventLog, Job, Session, Site
from storax._jobs.job import CancelCount
from storax.api import BatchJob, TransferItem
from storax.models.event_log import EventLogQuery
from storax.models.job import AppManager, AppQuery, JobManager, JobQuery, JobState
from storax.models.site import SiteQuery


class Hello(App):
    """A definition is typed like any class."""

    site = "laptop"
    command_template = "echo {{ name }}"
    parameters = {"name": {"required": True}}

    def helper(self) -> str:
        """Methods are free."""
        return "x"


def queries() -> None:
    assert_type(Job.objects, JobManager)
    assert_type(Job.objects.all(), JobQuery)
    assert_type(Job.objects.filter(state="FAILED"), JobQuery)
    assert_type(Job.objects.filter(state=["FAILED", "RUN_ERROR"], tags={"a": "b"}, id=[1, 2]), JobQuery)
    assert_type(Job.objects.exclude(state="FAILED").order_by("-last_update")[0:1000], JobQuery)
    assert_type(Job.objects.filter(last_update_after=datetime.now() - timedelta(hours=1)), JobQuery)
    assert_type(Job.objects.filter(session_id=None), JobQuery)
    assert_type(Job.objects.all()[0], Job)
    assert_type(Job.objects.first(), Job | None)
    assert_type(Job.objects.get(id=3), Job)
    assert_type(list(Job.objects.all()), list[Job])
    assert_type(Job.objects.all().iterator(), Iterator[Job])
    assert_type(Job.objects.all().count(), int)
    assert_type(Job.objects.all().exists(), bool)
    assert_type(Job.objects.filter(state="FAILED").update(num_nodes=1, state="RESTART_READY"), int)
    assert_type(Job.objects.all().delete(), int)
    assert_type(Job.objects.all().cancel(), CancelCount)
    assert_type(Job.objects.in_bulk([1]), dict[int, Job])
    assert_type(Job.objects.wait([Job(app="Hello", workdir="a")], timeout=3), tuple[list[Job], list[Job]])
    assert_type(Job.objects.as_completed([]), Iterator[Job])
    assert_type(Job.objects.bulk_create([Job(app_id=1, workdir="a")]), list[Job])
    assert_type(Job.objects.bulk_update([]), int)
    assert_type(Job.objects.using(Client()).filter(id=1), JobQuery)
    assert_type(Site.objects.filter(last_refresh_after="2026-01-01"), SiteQuery)
    assert_type(EventLog.objects.filter(job_id=3).order_by("-timestamp"), EventLogQuery)
    assert_type(App.objects, AppManager)
    assert_type(App.objects.filter(name="x"), AppQuery)


def instances(job: Job, event: EventLog, batch: BatchJob, item: TransferItem, session: Session) -> None:
    assert_type(job.id, int | None)
    assert_type(job.state, JobState)
    assert_type(job.tags, dict[str, str])
    assert_type(job.parameters, dict[str, Any])
    assert_type(job.last_update, datetime)
    assert_type(job.not_before, datetime | None)
    assert_type(job.gpus_per_rank, float)
    assert_type(job.app, App)
    assert_type(job.wait(), Job)
    assert_type(job.history(), EventLogQuery)
    assert_type(job.children(), JobQuery)
    assert_type(event.data, dict[str, Any])
    assert_type(batch.start_time, datetime | None)
    assert_type(item.recursive, bool)
    assert_type(session.acquire_jobs(max_num_jobs=3), list[Job])
    job.state = "RESTART_READY"
    job.tags["a"] = "b"
    job.state = "RESTART"  # type: ignore[assignment]
    job.num_nodes = "2"  # type: ignore[assignment]


def definitions(app: App) -> None:
    assert_type(Hello.sync(), App)
    assert_type(App.load_by_name("Hello"), type[App])
    assert_type(app.command_template, str | None)
    assert_type(app.name, str)
    Job(app=Hello, workdir="a", parent_ids=[Job(app=app, workdir="b"), 12], transfers={"in": "alias:/x"})
    assert_type(Hello.submit("runs/1", name="ada", num_nodes=2), Job)
    assert_type(app.submit("runs/1"), Job)


def mistakes() -> None:
    Job.objects.filter(stat="FAILED")  # type: ignore[arg-type]
    Job.objects.filter(state="FALED")  # type: ignore[arg-type]
    Job.objects.filter(state=["FALED"])  # type: ignore[list-item]
    Job.objects.filter(id="five")  # type: ignore[arg-type]
    Job.objects.order_by("lastupdate")  # type: ignore[arg-type]
    Job.objects.all().update(num_node=2)  # type: ignore[arg-type]
    Job.objects.all().update(app_id=2)  # type: ignore[arg-type]
    Job(app_id=1, workdir="a", num_node=2)  # type: ignore[arg-type]
    Job(app_id=1, workdir=3)  # type: ignore[arg-type]
    Site()  # type: ignore[call-arg]
    EventLog.objects.create()  # type: ignore[attr-defined]
    EventLog.objects.all().delete()  # type: ignore[attr-defined]
    TransferItem.objects.bulk_create([])  # type: ignore[attr-defined]
