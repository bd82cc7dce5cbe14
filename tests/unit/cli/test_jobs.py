"""The job commands: what they ask of the server, what they print, and that they ask before they change anything."""

import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from fakes.rest import job, problem, rows
from storax import BatchJob, Job, Site
from storax.cli.job.explain import format_duration, reasons

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
NAMES = {"columns": ["id", "name"], "next": None, "count": None}


def page(*jobs):
    """Answer the list of jobs: the requested columns, or a number when only the count is requested."""

    def answer(request):
        if request.body.get("count"):
            return {"columns": [], "rows": [], "next": None, "count": len(jobs)}
        reply = rows(Job, *jobs)
        if fields := request.body.get("fields"):
            indices = [reply["columns"].index(name) for name in fields]
            reply = reply | {"columns": fields, "rows": [[row[index] for index in indices] for row in reply["rows"]]}
        return reply

    return answer


@pytest.fixture
def served(shell):
    """A server with two jobs."""
    two = page(job(1, state="FAILED", return_code=3), job(2, state="RUNNING", tags={"k": "v"}))
    shell.script.on("POST", "/jobs/query", two)
    shell.script.on("POST", "/jobs/counts", {"counts": {"FAILED": 1, "RUNNING": 1}})
    shell.script.on("POST", "/apps/query", {**NAMES, "rows": [[1, "Hello"]]})
    shell.script.on("POST", "/sites/query", {**NAMES, "rows": [[1, "laptop"]]})
    return shell


def test_ls_shows_names_and_keeps_words_off_stdout(served):
    ran = served("job", "ls")
    head, first, second = ran.out.splitlines()
    assert head.split() == ["ID", "STATE", "APP", "SITE", "AGE", "DURATION", "TAGS", "WORKDIR"]
    assert first.split()[:4] == ["1", "FAILED", "Hello", "laptop"]
    assert "k=v" in second
    assert "2 of 2 jobs: 1 FAILED, 1 RUNNING" in ran.err


def test_ls_omits_old_ended_jobs_unless_filtered(served):
    served("job", "ls")
    (left_out,) = served.script.bodies("/jobs/query")[-1]["exclude"]
    assert left_out["state"] == ["JOB_FINISHED", "FAILED", "CANCELLED"]
    age = datetime.now(UTC) - datetime.fromisoformat(left_out["last_update_before"])
    assert timedelta(hours=23) < age < timedelta(hours=25)
    for text in (["--all"], ["--tag", "a=b"], ["1-3"]):
        served("job", "ls", *text)
        assert "exclude" not in served.script.bodies("/jobs/query")[-1]


@pytest.mark.parametrize(
    ("form", "read"), [("json", json.loads), ("ndjson", lambda t: [json.loads(x) for x in t.splitlines()])]
)
def test_forms_for_programs_have_every_field_and_no_footer(served, form, read):
    ran = served("job", "ls", "-o", form)
    assert ran.err == ""
    assert set(read(ran.out)[0]) == set(Job._columns)


def test_ids_come_back_as_selectors(served):
    ran = served("job", "ls", "-o", "ids")
    assert ran.out == "1\n2\n"
    assert served("job", "show", *ran.out.split(), "-o", "ids").out == ran.out


def test_the_shape_of_json_follows_from_what_was_asked(served):
    served.script.on("POST", "/jobs/query", page(job(1)))
    assert json.loads(served("job", "show", "1", "-o", "json").out)["app"] == "Hello"
    for text in (["1-3"], ["1", "2"], ["--tag", "a=b"], ["1", "--state", "FAILED"]):
        (one,) = json.loads(served("job", "show", *text, "-o", "json").out)
        assert one["id"] == 1


def test_long_lists_are_read_page_by_page(served):
    def paged(request):
        reply = page(job(1))(request) if "cursor" in request.body else page(job(2))(request)
        return reply | {"next": None if "cursor" in request.body else "more"}

    served.script.on("POST", "/jobs/query", paged)
    assert served("job", "ls", "--limit", "0", "-o", "ids").out == "2\n1\n"
    wrong = served("job", "ls", "-o", "ndjson", "--columns", "stat")
    assert (wrong.status, wrong.out) == (2, "")


@pytest.mark.parametrize("answer", ["y", "n", ""])
def test_a_terminal_is_asked(served, monkeypatch, answer):
    class Keyboard(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stdin", Keyboard(f"{answer}\n"))
    served.script.on("POST", "/jobs/cancel", {"cancelled": 2, "requested": 0})
    ran = served("job", "cancel", "1-2")
    assert (ran.status, ran.out.strip()) == (0, "")
    assert "Cancel 2 jobs? [y/N]" in ran.err
    assert ("Cancelled: 2" in ran.err) == (answer == "y")


def test_the_form_may_come_from_the_environment(served, monkeypatch):
    monkeypatch.setenv("STORAX_OUTPUT", "ids")
    assert served("job", "ls").out == "1\n2\n"


def test_columns_are_fetched_by_name_and_checked(served):
    assert served("job", "ls", "--columns", "id,return_code", "-o", "csv").out == "id,return_code\n1,3\n2,\n"
    assert served("job", "ls", "--columns", "id,return_code").out.split() == ["ID", "RETURN_CODE", "1", "3", "2", "-"]
    assert served.script.bodies("/jobs/query")[-1]["fields"] == ["id", "return_code"]
    wrong = served("job", "ls", "--columns", "stat")
    assert wrong.status == 2
    assert "Did you mean 'state'?" in wrong.err


def test_an_empty_list_says_what_was_left_out(shell):
    shell.script.on("POST", "/jobs/query", page()).on("POST", "/jobs/counts", {"counts": {}})
    ran = shell("job", "ls")
    assert (ran.status, ran.out) == (0, "")
    assert "--all" in ran.err
    assert "--state FAILED" in shell("job", "ls", "--state", "FAILED").err


def test_summary_counts_by_a_field(served):
    assert served("job", "summary").out.split() == ["STATE", "COUNT", "FAILED", "1", "RUNNING", "1"]
    assert json.loads(served("job", "summary", "-o", "json").out) == {"FAILED": 1, "RUNNING": 1}
    served.script.on("POST", "/jobs/counts", {"counts": {"1": 7}})
    assert served("job", "summary", "--by", "app").out.split() == ["APP", "COUNT", "Hello", "7"]


DEEDS = [
    (["cancel", "1"], ("POST", "/jobs/cancel"), {"cancelled": 1, "requested": 1}),
    (["rm", "--tag", "a=b"], ("POST", "/jobs/delete"), {"deleted": 2, "not_deleted": []}),
    (["modify", "1", "--set", "priority=5"], ("PATCH", "/jobs/"), {"updated": 2}),
]


@pytest.mark.parametrize(("arguments", "route", "answer"), DEEDS)
def test_nothing_is_changed_without_confirmation(served, arguments, route, answer):
    served.script.on(*route, answer)
    refused = served("job", *arguments)
    assert refused.status == 2
    assert "2 " in refused.err
    assert "--yes" in refused.err
    dry = served("job", *arguments, "--dry-run")
    assert dry.status == 0
    assert "Nothing was changed" in dry.err
    assert not [a for a in served.script.requests if (a.method, a.path) == route]
    if arguments[0] == "rm":
        served.script.on("POST", "/jobs/query", page(job(1), job(2)), page(), page())
    assert served("job", *arguments, "--yes").status == 0
    assert [a for a in served.script.requests if (a.method, a.path) == route]


@pytest.mark.parametrize("verb", ["cancel", "retry", "rm", "wait", "show"])
def test_no_selection_is_no_wildcard(served, verb):
    ran = served("job", verb)
    assert (ran.status, served.script.requests) == (2, [])


def test_cancel_says_how_many_still_run(served):
    served.script.on("POST", "/jobs/cancel", {"cancelled": 1, "requested": 1})
    assert (
        "Cancelled: 2\n1 of them are held by their site, which stops them within seconds."
        in served("job", "cancel", "1-2", "--yes").err
    )
    assert served.script.bodies("/jobs/cancel")[-1]["exclude"] == [{"state": ["JOB_FINISHED", "FAILED", "CANCELLED"]}]


WAITS = [
    (["FAILED", "CANCELLED"], "1 of them failed, 1 cancelled.", "Job 1 failed."),
    (["CANCELLED", "CANCELLED"], "0 of them failed, 2 cancelled.", "Jobs 1, 2 were cancelled."),
]


@pytest.mark.parametrize(("states", "counts", "error"), WAITS)
def test_wait_tells_cancelled_jobs_from_failed_ones_and_fails_for_both(served, states, counts, error):
    served.script.on("POST", "/jobs/query", page(*(job(n, state=state) for n, state in enumerate(states, 1))))
    served.script.on("GET", "/events/stream", problem(404, "not_found"))
    ran = served("job", "wait", "1-2")
    assert (ran.status, counts in ran.err, error in ran.err) == (6, True, True), ran.err


def test_modify_sends_text_and_json(served):
    served.script.on("PATCH", "/jobs/", {"updated": 1})
    served("job", "modify", "1", "--set", "workdir=a/b", "--set", 'tags:={"x": "1"}', "--set", "num_nodes=4", "--yes")
    assert served.script.last.body["patch"] == {"workdir": "a/b", "tags": {"x": "1"}, "num_nodes": 4}


def test_what_could_not_be_deleted_is_reported(served):
    served.script.on("POST", "/jobs/delete", {"deleted": 1, "not_deleted": [2]})
    served.script.on("POST", "/jobs/query", page(job(1), job(2)), page(job(2)))
    ran = served("job", "rm", "1-2", "--yes")
    assert ran.status == 5
    assert "Deleted: 1" in ran.err
    assert "storax job cancel" in ran.err


def test_create_sends_its_options_and_prints_the_id(shell):
    app = dict.fromkeys(("id", "site_id", "name", "parameters", "version")) | {"id": 5, "site_id": 1, "name": "Hello"}
    app["parameters"] = {"name": {"required": True}, "n": {"required": False, "default": 1}}
    shell.script.on(
        "POST", "/apps/query", lambda _: {"columns": list(app), "rows": [list(app.values())], "next": None, "count": 1}
    )
    shell.script.on("POST", "/jobs/", (201, job(12)))
    line = """job create --app Hello -w runs/1 -p name=x -p n:=3 --tag k=v -n 2 --parent 7,8 --wall-time 5 --priority -3
              --max-attempts 3 --on-parent-failure run --launch-param a=b"""
    ran = shell(*line.split())
    assert (ran.status, ran.out) == (0, "12\n")
    assert shell.script.bodies("/jobs/")[-1] == {
        "app_id": 5, "workdir": "runs/1", "parameters": {"name": "x", "n": 3}, "tags": {"k": "v"}, "num_nodes": 2,
        "parent_ids": [7, 8], "wall_time_min": 5, "priority": -3, "max_attempts": 3, "on_parent_failure": "run",
        "launch_params": {"a": "b"},
    }  # fmt: skip


def test_a_dry_run_creates_nothing(shell):
    ran = shell("job", "submit", "Hello", "--param-sweep", "x=1:3", "-w", "s/{x}", "--dry-run")
    assert ran.status == 0
    assert [line.split()[1] for line in ran.out.splitlines()[1:]] == ["s/1", "s/2", "s/3"]
    assert "Would create 3 jobs" in ran.err
    assert shell.script.requests == []


PLAIN = {
    "num_nodes": 1, "ranks_per_node": 1, "threads_per_rank": 1, "threads_per_core": 1, "gpus_per_rank": 0.0,
    "mem_per_node_mb": 0, "wall_time_min": 0, "tags": {},
}  # fmt: skip


class Facts:
    """A server that knows one job, its site, and what belongs to it."""

    def __init__(self, shell, site=None, **fields):
        self.script = shell.script
        last_refresh = (NOW - timedelta(seconds=5)).isoformat()
        site_row = {"id": 1, "name": "laptop", "path": "/sites/laptop", "last_refresh": last_refresh} | (site or {})
        self.script.on(
            "GET", "/jobs/12", job(12, last_update=(NOW - timedelta(minutes=2)).isoformat(), **{**PLAIN, **fields})
        )
        self.script.on("GET", "/sites/1", dict.fromkeys(Site._columns) | site_row)
        self.script.on("GET", "/apps/1", {"id": 1, "name": "Hello", "parameters": {}, "site_id": 1})
        self.script.on("POST", "/batch-jobs/query", {"columns": ["id"], "rows": [], "next": None, "count": None})
        self.script.on("POST", "/events/query", {**NAMES, "columns": ["position", "data", "to_state"], "rows": []})

    def text(self, client_of):
        with client_of(self.script):
            return " ".join(reasons(Job.objects.get(id=12), now=NOW))


@pytest.fixture
def why(shell):
    """Explain a job of these fields, at a site of these."""
    from fakes.rest import client_of

    def explain(site=None, *, answers=(), **fields):
        facts = Facts(shell, site, **fields)
        for route, answer in answers:
            facts.script.on("POST", route, answer)
        return facts.text(client_of)

    return explain


def counted(number):
    return {"columns": [], "rows": [], "next": None, "count": number}


def test_it_says_that_no_agent_was_ever_heard(why):
    text = why({"last_refresh": None}, state="PREPROCESSED", attempt=0)
    assert "Job 12 (Hello at site laptop) is PREPROCESSED." in text
    assert "The agent of site laptop has never contacted the server" in text
    assert "storax site start /sites/laptop" in text


def test_it_says_how_long_the_agent_is_silent(why):
    silent = (NOW - timedelta(minutes=64)).isoformat()
    assert "last contacted the server 1 h 4 min ago" in why({"last_refresh": silent}, state="PREPROCESSED", attempt=0)


def test_it_says_that_the_agent_has_stopped_before_it_is_silent_for_long(why):
    text = why(state="PREPROCESSED", attempt=0, answers=[("/sessions/query", {**NAMES, "columns": ["id"], "rows": []})])
    assert "The agent of site laptop does not run: it has stopped, and last contacted the server 5 s ago." in text
    assert "storax site start /sites/laptop" in text


@pytest.mark.parametrize(
    ("site", "sessions", "message"),
    [
        ({"last_refresh": None}, [[1]], "has never contacted the server"),
        ({"last_refresh": "2020-01-01T00:00:00Z"}, [[1]], "last contacted the server"),
        ({}, [], "does not run: it has stopped"),
    ],
)
def test_work_for_a_site_whose_agent_is_gone_is_created_with_a_warning(shell, site, sessions, message):
    row = {"id": 1, "name": "laptop", "path": "/s", "last_refresh": datetime.now(UTC).isoformat(), **site}
    shell.script.on("POST", "/sites/query", rows(Site, dict.fromkeys(Site._columns) | row))
    shell.script.on("POST", "/sessions/query", {"columns": ["id"], "rows": sessions, "next": None, "count": None})
    shell.script.on("POST", "/batch-jobs/", (201, dict.fromkeys(BatchJob._columns) | {"id": 7, "site_id": 1}))
    ran = shell("queue", "submit", "--site", "1")
    assert (ran.status, ran.out) == (0, "7\n")
    assert ran.err.startswith(f"Warning: The agent of site laptop {message}")
    assert "storax site start /s" in ran.err


def test_it_counts_what_comes_before(why):
    text = why(state="PREPROCESSED", attempt=0, priority=0, answers=[("/jobs/query", counted(3))])
    assert "3 jobs are running, and 6 are queued before it" in text


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mem_per_node_mb": 4097}, "It requests 4097 MiB of memory on a node; site laptop has 4096"),
        ({"ranks_per_node": 3}, "It requests 3 cores on a node; site laptop has 2"),
        ({"gpus_per_rank": 0.5}, "It requests 1 GPUs on a node; site laptop has 0"),
        ({"mem_per_node_mb": 4096, "ranks_per_node": 2}, ""),
    ],
)
def test_explain_says_when_a_job_needs_more_than_a_node_has(why, fields, message):
    text = why(
        {"node_size": {"cores": 2, "gpus": 0, "memory_mb": 4096}}, answers=[("/jobs/query", counted(1))],
        state="PREPROCESSED", attempt=0, priority=0, **fields,
    )  # fmt: skip
    assert message in text if message else "It requests" not in text


def batches(*rows):
    columns = ["id", "state", "num_nodes", "wall_time_min", "job_mode", "queue", "filter_tags", "status_info"]
    columns += ["start_time", "partitions"]
    rows_ = [[n, s, nodes, 60, mode, "debug", {}, info, None, None] for n, (s, nodes, mode, info) in enumerate(rows, 7)]
    return {"columns": columns, "rows": rows_, "next": None, "count": None}


def waiting(why, site, batch_jobs, **fields):
    answers = [("/jobs/query", counted(0)), ("/batch-jobs/query", batch_jobs)]
    return why(site, answers=answers, state="PREPROCESSED", attempt=0, priority=0, **fields)


def test_it_names_the_allocations_that_wait_and_why(why):
    open_ = batches(
        ("queued", 2, "serial", {"reason": "Resources"}), ("pending_submission", 1, "mpi", {"waits": "1 of 1"})
    )
    text = waiting(why, {}, open_)
    assert "Allocation 7 (2 nodes, 60 min) is queued: Resources." in text
    assert "Allocation 8 (1 node, 60 min) is pending_submission: 1 of 1." in text
    assert "No allocation accepts it" not in text


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"num_nodes": 2}, "its mode is serial, for jobs of one node and one rank"),
        ({"wall_time_min": 60}, "the job requests 60 minutes; it has 60"),
        ({"threads_per_rank": 5}, "the job requests 5 cores on a node; it has 4"),
        ({"gpus_per_rank": 1.0}, ""),
    ],
)
def test_explain_says_why_an_allocation_does_not_take_a_job(why, fields, message):
    queues = {"allowed_queues": {"debug": {"cores": 4}}}
    text = waiting(why, queues, batches(("running", 2, "serial", {})), **fields)
    if not message:  # the GPUs of its nodes are not known
        assert "does not accept" not in text
        return
    assert f"It does not accept this job: {message}" in text
    assert "No allocation accepts it" in text
    assert "storax queue submit --site laptop -n" in text


def test_it_says_that_the_last_allocation_was_refused_and_that_nobody_asks_for_another(why):
    elastic = {"queue": "debug", "job_mode": "mpi", "max_nodes": 2, "wall_time_min": 30, "filter_tags": {}, "node": {}}

    def answer(request):
        refused = batches(("submit_failed", 9, "mpi", {"error": "it asks for 9 nodes"}))
        return batches() if "state" in request.body["filter"] else refused

    text = waiting(why, {"elastic_queues": [elastic]}, answer, num_nodes=3)
    assert "The last requested allocation, 7, was refused: it asks for 9 nodes." in text
    assert "elastic queue (queue debug) requests none for it: the job requests 3 nodes; it has 2." in text
    assert "storax queue submit --site laptop -n 3 -t 60 --job-mode mpi" in text
    long = waiting(why, {"elastic_queues": [elastic]}, batches(), wall_time_min=30)
    assert "the job requests 30 minutes; it has 30" in long
    assert "asks for none" not in waiting(why, {"elastic_queues": [elastic]}, batches(), wall_time_min=29)


@pytest.mark.parametrize(
    ("state", "session", "message"),
    [
        ("STAGED_IN", None, "Its hook preprocess runs next."),
        ("RUN_ERROR", None, "Its hook handle_error runs next."),
        (
            "RUN_TIMEOUT",
            5,
            "Its hook handle_timeout is running, or starts when a core is free. Its output is hooks.log in the "
            "workdir. See it: storax job logs 12 --file hooks.log",
        ),
    ],
)
def test_explain_says_which_hook_is_next(why, state, session, message):
    empty = {"columns": ["id"], "rows": [], "next": None, "count": None}
    hooks = "preprocess handle_error handle_timeout"
    text = why(state=state, attempt=0, session_id=session, hooks=hooks, answers=[("/sessions/query", empty)])
    assert message in text


def test_it_says_which_files_it_waits_for_and_what_went_wrong(why):
    columns = ["remote_path", "state", "transfer_info"]
    rows = [["/in/a", "pending", {"error": "lab:/in/a: no\x1b route", "tries": 3}], ["/in/b", "active", {}]]
    items = {"columns": columns, "rows": rows, "next": None, "count": None}
    text = why(state="READY", attempt=0, hooks="", answers=[("/transfers/query", items)])
    assert "It waits for 2 files to be staged in: /in/a is pending, /in/b is active." in text
    assert r"Attempt 3 failed: lab:/in/a: no\x1b route" in text


def test_it_shows_where_a_function_failed(why):
    tail = 'File "app.py", line 3, in run\n    raise ValueError("no luck")'
    events = [
        [8, {"message": "ValueError: no luck", "traceback_tail": tail}, "RUN_ERROR"],
        [9, {"message": "ValueError: no luck", "why": "attempt 1 of 1 was its last"}, "FAILED"],
    ]

    def answer(request):
        states = request.body["filter"]["to_state"]
        rows = [row for row in events if row[2] in ([states] if isinstance(states, str) else states)]
        return {"columns": ["position", "data", "to_state"], "rows": rows, "next": None, "count": None}

    text = why(state="FAILED", attempt=1, max_attempts=1, return_code=1, answers=[("/events/query", answer)])
    assert "It failed: ValueError: no luck (exit code 1), in attempt 1 of 1." in text
    assert "It was not retried: attempt 1 of 1 was its last." in text
    assert '|     raise ValueError("no luck")' in text


def test_it_says_what_does_not_work_in_the_site_s_agent(why):
    text = {"outlook": {"error": "no\x1b answer", "since": "2026-01-01T11:00:00+00:00"}}
    text = why({"failing_loops": text}, state="AWAITING_PARENTS", attempt=0, parent_ids=[])
    assert r"has failed since 2026-01-01T11:00:00+00:00: outlook: no\x1b answer" in text


def test_it_names_the_parents_that_have_not_ended(why):
    parents = {"columns": ["id", "state"], "rows": [[3, "RUNNING"], [4, "FAILED"]], "next": None, "count": None}
    text = why(state="AWAITING_PARENTS", attempt=0, parent_ids=[2, 3, 4], answers=[("/jobs/query", parents)])
    assert "It waits for 2 of 3 parents: 3 is RUNNING, 4 is FAILED." in text
    assert "storax job explain 3" in text


def test_it_says_how_long_a_pause_lasts_and_what_went_wrong_before(why):
    event = {"columns": ["position", "data", "to_state"], "next": None, "count": None}
    event["rows"] = [[9, {"message": "exit code 1", "stderr_tail": "no\x1b disk"}, "RUN_ERROR"]]
    later = (NOW + timedelta(seconds=30)).isoformat()
    text = why(state="RESTART_READY", attempt=1, max_attempts=3, not_before=later, answers=[("/events/query", event)])
    assert "waits 30 s more before attempt 2 of 3" in text
    assert "Its last run ended with exit code 1." in text
    assert r"| no\x1b disk" in text


def test_it_tells_a_loss_from_an_error_and_what_the_scheduler_says_of_it(why):
    event = {"columns": ["position", "data", "to_state"], "next": None, "count": None}
    event["rows"] = [[9, {"message": "allocation 1234 was ended after 12.0 of its 60 min"}, "RUN_TIMEOUT"]]
    columns = ["id", "scheduler_id", "status_info", "state"]
    batch = {"columns": columns, "rows": [[7, "1234", {"scheduler_state": "PREEMPTED"}, "finished"]], "next": None}
    later = (NOW + timedelta(seconds=30)).isoformat()
    text = why(
        state="RESTART_READY", attempt=3, max_attempts=1, losses=3, batch_job_id=7, not_before=later,
        answers=[("/events/query", event), ("/batch-jobs/query", batch | {"count": None})],
    )  # fmt: skip
    assert "waits 30 s more before attempt 4 of 4" in text
    assert "Its last run did not end by itself: allocation 1234 was ended after 12.0 of its 60 min." in text
    assert "The scheduler says of its allocation 1234: PREEMPTED." in text


def test_it_says_who_holds_it_and_that_it_is_being_stopped(why):
    columns = ["id", "batch_job_id", "heartbeat", "expires_at"]
    row = [5, 7, (NOW - timedelta(seconds=70)).isoformat(), (NOW - timedelta(seconds=10)).isoformat()]
    session = {"columns": columns, "rows": [row], "next": None, "count": None}
    text = why(
        state="RUNNING",
        attempt=1,
        max_attempts=1,
        session_id=5,
        cancel_requested=True,
        answers=[("/sessions/query", session)],
    )
    assert "Its process is being stopped" in text
    assert "attempt 1 of 1, started 2 min ago" in text
    assert "Session 5 of site laptop, in allocation 7 holds its lease; last heartbeat: 1 min 10 s ago" in text
    assert "That session has expired" in text


def test_it_says_why_a_job_failed_and_how_to_go_on(why):
    event = {"columns": ["position", "data", "to_state"], "rows": [[9, {"message": "exit code 3"}, "FAILED"]]}
    text = why(
        state="FAILED", attempt=2, max_attempts=2, return_code=3, answers=[("/events/query", {**event, "next": None})]
    )
    assert "It failed: exit code 3, in attempt 2 of 2." in text
    assert "storax job retry 12" in text


def test_it_names_the_root_cause_of_a_job_that_failed_for_a_parent_and_what_to_retry(why):
    data = {"message": "parent job 11 FAILED; the first was job 7", "parent_id": 11, "root_id": 7}
    columns = {"columns": ["position", "data", "to_state"], "next": None}

    def events(request):
        cause = {"message": "exit code 3"} if request.body["filter"]["job_id"] == 7 else data
        return {**columns, "rows": [[9, cause, "FAILED"]]}

    text = why(
        state="FAILED", parent_ids=[11],
        answers=[
            ("/events/query", events), ("/jobs/query", page(job(7, state="FAILED", return_code=3))),
            ("/jobs/retry", {"retried": 1, "brought_back": 4000, "left": 0}),
        ],
    )  # fmt: skip
    assert "It did not run: parent job 11 FAILED; the first was job 7." in text
    assert "The root cause is job 7 (Hello): exit code 3." in text
    assert "Correct the cause, then retry what failed first, and with it 4000 that failed only because" in text
    assert text.endswith("storax job retry 7")


def test_a_job_whose_parents_have_finished_since_is_to_be_retried_itself(why):
    data = {"message": "parent job 11 FAILED", "parent_id": 11}
    event = {"columns": ["position", "data", "to_state"], "rows": [[9, data, "FAILED"]], "next": None}
    text = why(state="FAILED", parent_ids=[11], answers=[("/events/query", event), ("/jobs/query", page())])
    assert text.endswith("Run it again: storax job retry 12")


@pytest.mark.parametrize(
    ("message", "text"), [("cancelled; late", "; late."), ("parent 7 failed", ": parent 7 failed.")]
)
def test_it_says_that_a_job_was_cancelled_and_why(why, message, text):
    event = {"columns": ["position", "data", "to_state"], "rows": [[9, {"message": message}, "CANCELLED"]]}
    lines = why(state="CANCELLED", attempt=0, answers=[("/events/query", {**event, "next": None})])
    assert f"It was cancelled{text}" in lines
    assert "storax job retry 12" in lines


def test_a_job_that_is_done_needs_no_reason(why):
    assert "needs nothing more" in why(state="JOB_FINISHED", attempt=1, return_code=0)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (-3, "0 s"), (59.6, "1 min"), (3700, "1 h 1 min"), (90061, "1 d 1 h")]
)
def test_a_duration_has_its_two_largest_units(seconds, text):
    assert format_duration(seconds) == text
