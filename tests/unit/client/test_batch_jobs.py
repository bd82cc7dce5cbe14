"""BatchJobs against a site's limits, Sessions against their server."""

import pytest

from fakes.rest import Script, client_of, job, problem
from storax import BatchJob, Session, errors
from storax._orm.rows import from_object

QUEUES = {"debug": {"max_nodes": 4, "max_walltime": 60}}
PARTS = [
    {"job_mode": "mpi", "num_nodes": 1},
    {"job_mode": "serial", "num_nodes": 2, "filter_tags": {"a": "b", "c": "d"}},
]


def batch(**fields):
    return BatchJob(**{"site_id": 1, "queue": "debug", "project": "p1", "num_nodes": 3, "wall_time_min": 30} | fields)


def test_what_the_site_allows_passes():
    batch(partitions=PARTS, optional_params={"x": "1"}).validate(QUEUES, ["p1"], {"x": "0"})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"queue": "debgu"}, "no queue 'debgu'. Did you mean 'debug'"),
        ({"num_nodes": 5}, "5 is above the max_nodes of queue 'debug', 4"),
        ({"wall_time_min": 90}, "90 is above the max_walltime"),
        ({"project": "p9"}, "no project 'p9'"),
        ({"partitions": PARTS[:1]}, "The partitions have 1 nodes, the BatchJob 3"),
        ({"optional_params": {"y": "1"}}, "no parameter 'y'"),
    ],
)
def test_a_batch_job_above_the_limits_of_its_site_is_refused(fields, message):
    with pytest.raises(errors.InvalidInput, match=message):
        batch(**fields).validate(QUEUES, ["p1"], {"x": "0"})


def test_partitions_go_on_a_command_line():
    assert batch(partitions=PARTS).partitions_to_cli_args() == "--part mpi:1 --part serial:2:a=b:c=d"
    assert batch().partitions_to_cli_args() == ""
    assert (
        batch(partitions=[{}, {"num_nodes": 2}], job_mode="mpi").partitions_to_cli_args() == "--part mpi:1 --part mpi:2"
    )


def test_a_partition_that_names_no_nodes_has_one():
    batch(partitions=[{}, {"num_nodes": 2}]).validate(QUEUES, ["p1"], {})
    with pytest.raises(errors.InvalidInput, match="The partitions have 2 nodes, the BatchJob 3"):
        batch(partitions=[{}, {}]).validate(QUEUES, ["p1"], {})


@pytest.fixture
def script():
    return Script()


@pytest.fixture
def session(script):
    with client_of(script) as client:
        yield from_object(Session, {"id": 6, "site_id": 1, "version": 1}, client)


def test_acquired_jobs_carry_their_epoch(script, session):
    script.on("POST", "/sessions/6/acquire", {"jobs": [job(1, lease_epoch=4)], "apps": [], "cancel": []})
    (one,) = session.acquire_jobs(max_num_jobs=5, filter_tags={"a": "b"}, max_wall_time_min=0, wait=3)
    assert (one.id, one.lease_epoch) == (1, 4)
    assert script.last.body == {"max_num_jobs": 5, "filter_tags": {"a": "b"}, "max_wall_time_min": 0}
    assert script.last.params == {"wait": "3"}


def test_a_session_that_is_gone_says_so(script, session):
    script.on(
        "POST",
        "/sessions/6/heartbeat",
        {"expires_at": "x", "cancel": [{"id": 1, "lease_epoch": 4}]},
        problem(404, "not_found"),
    )
    assert session.tick() == [{"id": 1, "lease_epoch": 4}]
    with pytest.raises(Session.DoesNotExist):
        session.tick()


def test_reports_go_as_they_are(script, session):
    script.on("POST", "/sessions/6/report", {"accepted": [1], "refused": [], "cancel": []})
    assert session.report([{"id": 1, "lease_epoch": 4, "moves": []}])["accepted"] == [1]
    assert script.last.body == {"reports": [{"id": 1, "lease_epoch": 4, "moves": []}]}
