"""AGE, DURATION, --older-than and completion: what they ask of the server, and what they show."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from fakes.rest import job, rows
from storax import Job
from storax.cli.job.durations import add_durations
from storax.models.batch_job import BatchJob

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def moment(seconds):
    return (NOW + timedelta(seconds=seconds)).isoformat()


def events(*moves):
    columns = ["entity_id", "to_state", "timestamp", "data", "position"]
    cells = [[job_id, state, moment(at), data, n] for n, (job_id, state, at, data) in enumerate(moves)]

    def answer(request):
        names = request.body["fields"]
        kept = [
            [row[columns.index(name)] for name in names] for row in cells if row[0] in request.body["filter"]["job_id"]
        ]
        return {"columns": names, "rows": kept, "next": None, "count": None}

    return answer


@pytest.fixture
def served(shell):
    shell.script.on(
        "POST",
        "/events/query",
        events(
            (1, "RUNNING", 0, {}), (1, "RUN_ERROR", 9, {}), (1, "RUNNING", 20, {"at": moment(10)}),
            (1, "RUN_DONE", 20, {"at": moment(15.5)}), (1, "FAILED", 99, {}), (2, "RUNNING", -60, {}),
        ),
    )  # fmt: skip
    return shell


def test_a_duration_is_that_of_the_last_run(served):
    table = [
        {"id": 1, "state": "FAILED", "attempt": 2},
        {"id": 2, "state": "RUNNING", "attempt": 1},
        {"id": 3, "state": "PREPROCESSED", "attempt": 0},
        {"id": 4, "state": "FAILED", "attempt": 1},
    ]
    from fakes.rest import client_of

    with client_of(served.script):
        add_durations(table, now=NOW)
    seconds = [row["duration"] and row["duration"].total_seconds() for row in table]
    assert seconds == [5.5, 60, None, None]
    assert served.script.last.body["filter"]["job_id"] == [1, 2, 4], "those that never ran are not asked for"


def test_jobs_are_listed_with_age_and_duration(served):
    created = (datetime.now(UTC) - timedelta(hours=2, minutes=5)).isoformat()
    answer = rows(Job, job(1, creation_date=created, state="FAILED", attempt=2))

    def page(request):
        names = request.body["fields"]
        index = [answer["columns"].index(name) for name in names]
        return answer | {"columns": names, "rows": [[row[i] for i in index] for row in answer["rows"]]}

    served.script.on("POST", "/jobs/query", page)
    head, line = served("job", "ls", "1", "--columns", "id,age,duration").out.splitlines()
    assert (head.split(), line.split()) == (["ID", "AGE", "DURATION"], ["1", "2h5m", "5s"])
    text = served("job", "ls", "1", "--columns", "duration", "-o", "json").out
    assert text.split() == ["[", "{", '"duration":', "5.5", "}", "]"]


DRY = "--dry-run"


@pytest.mark.parametrize(
    "verb",
    [
        *(("ls",), ("summary",), ("show",), ("wait",), ("rm", DRY), ("cancel", DRY), ("retry", DRY)),
        ("modify", "--set", "priority=1", DRY),
    ],
)
def test_older_than_selects_what_has_not_changed(shell, verb):
    shell.script.on("POST", "/jobs/query", {"columns": [], "rows": [], "next": None, "count": 0})
    shell.script.on("POST", "/jobs/counts", {"counts": {}})
    shell.script.on("POST", "/jobs/retry", {"retried": 0, "brought_back": 0, "left": 0})
    shell("job", *verb, "--older-than", "30d")
    limits = shell.script.requests[-1].body["filter"]
    age = datetime.now(UTC) - datetime.fromisoformat(limits["last_update_before"])
    assert timedelta(days=30) <= age < timedelta(days=30, minutes=5)


def test_a_wrong_age_is_usage_and_selects_nothing(shell):
    ran = shell("job", "rm", "--older-than", "soon", "--yes")
    assert (ran.status, shell.script.requests) == (2, [])


def complete(shell, monkeypatch, *line):
    """Return what bash would be offered for the last one of these words."""
    monkeypatch.setenv("_STORAX_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", " ".join(("storax", *line)))
    monkeypatch.setenv("COMP_CWORD", str(len(line)))
    return shell().out.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        (("job", "ls", "--state", "RUN_"), ["RUN_DONE", "RUN_ERROR", "RUN_TIMEOUT"]),
        (("job", "ls", "--app", "He"), ["Hello"]),
        (("job", "submit", "He"), ["Hello"]),
        (("job", "cancel", "--site", "lap"), ["laptop"]),
        (("job", "ls", "--tag", "experiment=f"), ["experiment=foo"]),
        (("queue", "ls", "--state", "q"), ["queued"]),
        (("transfer", "ls", "--state", "err"), ["error"]),
        (("jo",), ["job"]),
    ],
)
def test_a_shell_completes_states_apps_sites_and_tags(shell, monkeypatch, line, offered):
    names = {"columns": ["name"], "next": None, "count": None}
    shell.script.on("POST", "/apps/query", {**names, "rows": [["Bye"], ["Hello"]]})
    shell.script.on("POST", "/sites/query", {**names, "rows": [["laptop"], ["cluster"]]})
    tags = [[{"experiment": "foo", "k": "v"}], [{"experiment": "bar"}], [{}]]
    shell.script.on("POST", "/jobs/query", {**names, "columns": ["tags"], "rows": tags})
    assert complete(shell, monkeypatch, *line) == offered


def test_completion_without_a_server_offers_nothing_and_says_nothing(shell, monkeypatch):
    shell.script.on("POST", "/apps/query", httpx.ConnectError("connection refused"))
    assert complete(shell, monkeypatch, "job", "ls", "--app", "") == []


def test_allocations_have_age_and_duration(shell):
    began, created = (datetime.now(UTC) - timedelta(hours=n, minutes=1) for n in (3, 5))
    row = dict.fromkeys(BatchJob._columns) | {"id": 1, "state": "running", "site_id": 1}
    row |= {"creation_date": created.isoformat(), "start_time": began.isoformat()}

    def page(request):
        names = request.body["fields"]
        return {"columns": names, "rows": [[row[name] for name in names]], "next": None, "count": None}

    shell.script.on("POST", "/batch-jobs/query", page)
    line = shell("queue", "ls", "--columns", "id,age,duration").out.splitlines()[1]
    assert line.split() == ["1", "5h1m", "3h1m"]
