"""`storax down` says what it stops before it does."""

from datetime import UTC, datetime, timedelta

import pytest

from fakes.rest import Script, client_of, rows
from storax import Site
from storax.cli.stack_stop import effects
from storax.local.state import Stack

OWN = "/srv/ann/.storax/local/site"


def said(*sites):
    """The lines for these sites, as (name, path, seconds since its agent was heard, running jobs)."""
    now, script = datetime.now(UTC), Script()
    stored = [
        {"id": number, "name": name, "path": path, "last_refresh": (now - timedelta(seconds=silent)).isoformat()}
        for number, (name, path, silent, _) in enumerate(sites, 1)
    ]
    script.on("POST", "/sites/query", rows(Site, *stored))

    def count(request):
        return {"columns": [], "rows": [], "next": None, "count": sites[request.body["filter"]["site_id"] - 1][3]}

    script.on("POST", "/jobs/query", count)
    with client_of(script):
        return list(effects(Stack(url="http://127.0.0.1:8360"), site_folder=OWN))


@pytest.mark.parametrize(("running", "jobs"), [(1, "1 running job"), (3, "3 running jobs")])
def test_it_says_which_jobs_are_stopped_and_what_becomes_of_them(running, jobs):
    _, line = said(("local", OWN, 1, running))
    then = "They run again after `storax up`; that uses up none of their max_attempts."
    assert line == f"Site local is stopped with {jobs}. {then}"


def test_without_a_running_job_the_site_alone_is_named():
    assert said(("local", OWN, 1, 0))[1:] == ["Site local is stopped with no running job."]


def test_other_sites_stay_up_and_those_that_are_gone_are_left_out():
    own, far = ("local", OWN, 1, 0), ("cluster", "/far", 5, 4)
    lines = said(own, far, ("old", "/old", 9999, 0))
    assert lines[2:] == ["Site cluster stays up with 4 running jobs; it reports when the server is back."]
