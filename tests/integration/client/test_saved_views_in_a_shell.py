"""`storax job ls --view`: a saved view shows the jobs that the page Jobs and ``GET /jobs/`` show, in their order."""

import json

import pytest

QUERIES = (
    "", "state=FAILED&ordering=-last_update", "tags=run:a%26b&state=PREPROCESSED&state=FAILED&ordering=workdir,-id",
    "attempt__gte=0&workdir__startswith=r&ordering=-workdir&limit=2",
    'exclude=%7B%22tags%22:%7B%22run%22:%22a%26b%22%7D%7D&app_name=Relax', "priority=3&priority=7&num_nodes=1",
    "creation_date_after=2020-01-31T08:00Z&pending_file_cleanup=false&ordering=-id",
)  # fmt: skip


@pytest.fixture
def jobs(user):
    app = user.app(name="Relax")
    jobs = user.jobs(app, 2, tags={"run": "a&b"}, priority=3) + user.jobs(app, 3, workdir="r/{n}", priority=7)
    user.patch(f"/jobs/{jobs[0]}", {"state": "FAILED"})
    user.patch(f"/jobs/{jobs[3]}", {"state": "FAILED"})
    return jobs


@pytest.mark.parametrize("query", QUERIES)
def test_a_view_lists_the_jobs_of_its_query(user, storax, jobs, query):
    user.post("/saved-views/", {"name": "mine", "query": query})
    rows = user.ask("GET", f"/jobs/?{query}").json()["results"]
    ids = [row["id"] for row in rows]
    shown = json.loads(storax.good("job", "ls", "--view", "mine", "--limit", "0", "-o", "json"))
    if "limit" in query:
        assert [row["id"] for row in json.loads(storax.good("job", "ls", "--view", "mine", "-o", "json"))] == ids
    else:
        assert sorted(row["id"] for row in shown) == sorted(ids)
    if "ordering" in query:
        assert [row["id"] for row in shown][: len(ids)] == ids


def test_options_of_the_command_line_narrow_a_view_and_come_before_its_own(user, storax, jobs):
    user.post(
        "/saved-views/", {"name": "failed last", "query": "state=FAILED&ordering=id&fields=attempt,state&limit=1"}
    )
    first = storax.good("job", "ls", "--view", "failed last", "-o", "csv").splitlines()
    assert first == ["id,attempt,state", f"{jobs[0]},0,FAILED"]
    arguments = ("--limit", "0", "--order", "-id", "--columns", "id")
    assert storax.good("job", "ls", "--view", "failed last", *arguments, "-o", "csv").split() == [
        "id", str(jobs[3]), str(jobs[0]),
    ]  # fmt: skip
    assert storax.good("job", "ls", "--view", "failed last", "--tag", "run=a&b", "-o", "ids").split() == [str(jobs[0])]
    none = storax("job", "ls", "--view", "failed last", "--state", "RUNNING")
    assert "No job matches --view failed last --state RUNNING." in none.stderr


def test_a_view_shows_the_past_that_it_names(user, storax, jobs):
    before = user.events(entity="job", type="job.state_changed")[0]["position"] - 1
    user.post("/saved-views/", {"name": "then", "query": f"as_of={before}&state=FAILED"})
    assert storax.good("job", "ls", "--view", "then", "-o", "ids") == ""
    assert storax.good("job", "ls", "--view", "then", "--state", "FAILED", "--as-of", "0s", "-o", "ids") != ""


def test_a_view_that_is_not_there_is_an_error_with_the_nearest_name(user, storax):
    assert "Save one on the page Jobs" in storax("job", "ls", "--view", "mine").stderr
    user.post("/saved-views/", {"name": "failed last", "query": ""})
    missing = storax("job", "ls", "--view", "failed lst")
    assert (missing.returncode, missing.stdout) == (3, "")
    assert "There is no saved view 'failed lst'." in missing.stderr
    assert "'failed last'" in missing.stderr
