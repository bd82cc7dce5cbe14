"""Calls that create work for a site whose agent is not there warn, at the caller's line, and at most once a minute."""

import warnings
from datetime import UTC, datetime

import pytest

from fakes.rest import NO_ROWS, Script, client_of, job, problem, rows
from storax import App, BatchJob, Job, Site
from storax._jobs.sites import presence
from storax.errors import AgentAbsent


@pytest.fixture
def script():
    script = Script()
    script.on("POST", "/jobs/", lambda request: created(request.body))
    site = dict.fromkeys(Site._columns) | {"id": 1, "name": "laptop", "path": "/s", "last_refresh": None}
    script.on("POST", "/sites/query", rows(Site, site))
    script.on("POST", "/sessions/query", NO_ROWS)
    with client_of(script):
        yield script


def created(body):
    if isinstance(body, dict):
        return 201, job(7)
    return 201, {"columns": ["id", "site_id", "state"], "rows": [[n, 1, "PREPROCESSED"] for n, _ in enumerate(body, 1)]}


def single():
    Job(app_id=1, workdir="w").save()


def managed():
    Job.objects.create(app_id=1, workdir="w")


def bulk():
    Job.objects.bulk_create([Job(app_id=1, workdir="w") for _ in range(2500)])


def many():
    for _ in range(3):
        bulk()
        single()


def submitted():
    app = App(site_id=1, name="A", command_template="true")
    app._values[App._id_at] = 1
    app.submit("w")


def allocation():
    BatchJob.objects.create(site_id=1, num_nodes=1, wall_time_min=5)


@pytest.mark.parametrize("create", [single, managed, bulk, submitted, allocation])
def test_work_for_a_site_whose_agent_is_not_there_is_created_with_a_warning(script, create):
    script.on("POST", "/batch-jobs/", (201, dict.fromkeys(BatchJob._columns) | {"id": 7, "site_id": 1}))
    with pytest.warns(AgentAbsent, match="site laptop has never contacted.*storax site start /s") as caught:
        create()
    (one,) = caught
    assert one.filename == __file__


def test_a_site_is_looked_at_once_a_minute_however_many_jobs_are_made(script, monkeypatch):
    with pytest.warns(AgentAbsent) as caught:
        many()
    assert (len(caught), len(script.bodies("/sites/query"))) == (1, 1)
    monkeypatch.setattr(presence, "AGAIN_SEC", 0.0)
    with pytest.warns(AgentAbsent) as caught, client_of(script):
        many()
    assert len(caught) == 6


def test_nothing_is_said_where_the_agent_is_there_or_cannot_be_looked_for(script):
    site = dict.fromkeys(Site._columns) | {
        "id": 1,
        "name": "laptop",
        "path": "/s",
        "last_refresh": datetime.now(UTC).isoformat(),
    }
    script.on("POST", "/sites/query", rows(Site, site))
    script.on("POST", "/sessions/query", NO_ROWS | {"columns": ["id"], "rows": [[1]]})
    with warnings.catch_warnings():
        warnings.simplefilter("error", AgentAbsent)
        single()
        script.on("POST", "/sites/query", problem(500, "internal"))
        with client_of(script):
            single()
