"""Failures by what went wrong, in Python and on the command line: the groups of REST, and their jobs."""

import json

import pytest

from fakes.terminal import Terminal
from storax import Job, errors


@pytest.fixture
def failed(user):
    """Three jobs that failed: two alike."""
    site = user.site()
    user.jobs(user.app(site, name="Relax"), 3, tags={"night": "1"})
    session = user.session(site)
    leased = user.acquire(session, 3)
    for job, error in zip(leased, ("node 1 lost", "node 22 lost", "disk full"), strict=True):
        user.report(session, job, "RUNNING", "RUN_ERROR", data={"stderr_tail": error}, return_code=2)
    return [job["id"] for job in leased]


def test_a_groups_filter_selects_its_jobs(failed):
    first, second = Job.objects.filter(tags={"night": "1"}).failures()
    assert (first.jobs, first.return_code, first.failure_line, first.newest_id) == (2, 2, "node # lost", failed[1])
    assert first.first <= first.last
    assert [job.id for job in Job.objects.filter(**second.filter)] == [failed[2]]
    assert Job.objects.filter(**first.filter).retry().jobs == 2
    assert [group.jobs for group in Job.objects.all().failures()] == [1]
    with pytest.raises(errors.SlicedQuery):
        Job.objects.all()[:5].failures()


def test_the_command_lists_them(world, user, failed):
    storax = Terminal(STORAX_URL=world.url, STORAX_TOKEN=user.token)
    rows = json.loads(storax.good("job", "failures", "--tag", "night=1", "--since", "1h", "-o", "json"))
    assert [(row["jobs"], row["app"], row["failure_line"]) for row in rows] == [
        (2, "Relax", "node # lost"), (1, "Relax", "disk full"),
    ]  # fmt: skip
    table = storax("job", "failures")
    assert "node # lost" in table.stdout
    assert "3 failed jobs." in table.stderr
    assert "No failed job matches." in storax("job", "failures", "--tag", "night=2").stderr
