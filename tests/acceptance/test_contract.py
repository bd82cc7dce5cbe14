"""What Storax decides differently from Balsam: one test for each row of that list, named after it."""

import asyncio
import inspect
import os
import re
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from storax import App, Client, EventLog, Job, StoraxWarning, errors
from storax._jobs import waiting
from storax._jobs.pickled import MARK, unwrap
from storax._runtime import transport
from storax.local import LocalStack
from waiting import eventually


@pytest.fixture
def requested_paths(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that clients made after it ask for; so it comes before ``client`` among a test's fixtures."""
    paths: list[str] = []
    send = httpx.HTTPTransport.handle_request

    def counted(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path)
        return send(self, request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", counted)
    return paths


def _ids(jobs: list[Any]) -> list[int]:
    return [j.id for j in jobs]


def _define(name: str, template: str, **extra: Any) -> type[App]:
    app: type[App] = type(name, (App,), {"site": "local", "command_template": template, **extra})
    app.sync()
    return app


def _state(job: Any) -> str:
    job.refresh_from_db()
    return str(job.state)


def test_bulk_create_fills_ids_in_place_and_returns_the_list(idle: Any) -> None:
    jobs = [Job(app_id=idle.id, workdir=f"c/{i}") for i in range(3)]
    created = Job.objects.bulk_create(job for job in jobs)
    assert created == jobs
    assert all(a is b for a, b in zip(created, jobs, strict=True))
    assert len({j.id for j in jobs}) == 3


def test_bulk_create_is_atomic(idle: Any) -> None:
    before = Job.objects.all().count()
    bad = [Job(app_id=idle.id, workdir="c/1"), Job(app_id=10**9, workdir="c/2")]
    with pytest.raises(errors.InvalidInput, match="1000000000"):
        Job.objects.bulk_create(bad)
    assert Job.objects.all().count() == before
    assert bad[0].id is None


def test_app_is_a_resource_and_the_base_of_definitions(client: Client) -> None:
    greet = _define("Salute", "echo hello {{ name }}")
    assert App.objects.get(name="Salute", site_name="local").command_template == "echo hello {{ name }}"
    job: Any = greet.submit("app/1", name="you")
    job.result(timeout=60)
    assert job.state == "JOB_FINISHED"


def test_first_on_nothing_is_none_and_get_raises(jobs: list[Any]) -> None:
    nothing = Job.objects.filter(tags={"n": "no such"})
    assert nothing.first() is None
    with pytest.raises(Job.DoesNotExist):
        nothing.get()
    with pytest.raises(IndexError):
        nothing[0]


def test_slices_work_as_those_of_a_list(jobs: list[Any]) -> None:
    query, ids = Job.objects.filter(id=_ids(jobs)).order_by("id"), _ids(jobs)
    assert [j.id for j in query[2:8]] == ids[2:8]
    assert [j.id for j in query[2:8][1:3]] == ids[2:8][1:3]
    assert [j.id for j in query[1:9:3]] == ids[1:9:3]
    assert query[2:5].count() == 3
    assert query[8:50].count() == 2
    with pytest.raises(errors.SlicedQuery, match="id"):
        query[0:2].delete()
    with pytest.raises(errors.SlicedQuery):
        query[0:2].update(num_nodes=2)
    assert Job.objects.filter(id=ids).count() == 10


def test_unknown_names_are_an_error_at_once(jobs: list[Any]) -> None:
    for wrong, right in (({"stat": "FAILED"}, "state"), ({"state": "FALED"}, "FAILED")):
        with pytest.raises(errors.InvalidInput, match=right):
            Job.objects.filter(**wrong)  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidInput, match="num_nodes"):
        Job(app_id=1, workdir="x", numnodes=2)  # type: ignore[call-arg]
    for empty in ([], (), set()):
        assert Job.objects.filter(id=empty).count() == 0
        assert list(Job.objects.filter(state=empty)) == []


def test_none_means_null(jobs: list[Any]) -> None:
    ids = _ids(jobs)
    assert Job.objects.filter(id=ids, batch_job_id=None).count() == 10
    assert Job.objects.filter(id=ids, return_code=None).count() == 10
    assert Job.objects.filter(id=ids).exclude(batch_job_id=None).count() == 0


def test_update_and_delete_return_the_number_changed(jobs: list[Any]) -> None:
    ids = _ids(jobs)
    assert Job.objects.filter(id=ids[:4]).update(num_nodes=3) == 4
    jobs[0].num_nodes = 5
    stale = jobs[0].version
    assert Job.objects.bulk_update(jobs[:1]) == 1
    assert jobs[0].version > stale
    with pytest.raises(errors.StoraxError, match=re.escape("Job.objects.all().delete(")):
        Job.objects.delete()
    assert Job.objects.filter(id=ids[:4]).delete() == 4


def test_a_deleted_jobs_events_stay(jobs: list[Any]) -> None:
    gone = jobs[0].id
    jobs[0].delete()
    assert [e.type for e in EventLog.objects.filter(job_id=gone).order_by("position")] == ["job.created", "job.deleted"]


def test_a_leased_job_is_not_deleted_and_a_bulk_delete_warns(client: Client) -> None:
    job: Any = _define("Hold", "sleep 600").submit("hold/1")
    eventually(lambda: _state(job) == "RUNNING")
    with pytest.raises(errors.Leased, match="cancel"):
        job.delete()
    with pytest.warns(StoraxWarning, match=str(job.id)):
        assert Job.objects.filter(id=job.id).delete() == 0
    job.cancel()
    job.wait(timeout=60)
    assert Job.objects.filter(id=job.id).delete() == 1


def test_an_illegal_move_names_the_legal_ones_and_force_is_an_event(jobs: list[Any]) -> None:
    jobs[0].state = "JOB_FINISHED"
    with pytest.raises(errors.IllegalMove, match="FAILED"):
        jobs[0].save()
    assert Job.objects.filter(id=jobs[0].id).update(state="JOB_FINISHED", force=True) == 1
    assert EventLog.objects.filter(job_id=jobs[0].id, type="job.state_forced").count() == 1


def test_children_of_a_failed_or_deleted_parent_do_not_wait_for_ever(idle: Any) -> None:
    parent = Job.objects.create(app_id=idle.id, workdir="p")
    fails = Job.objects.create(app_id=idle.id, workdir="c1", parent_ids=[parent.id])
    runs = Job.objects.create(app_id=idle.id, workdir="c2", parent_ids=[parent.id], on_parent_failure="run")
    Job.objects.filter(id=parent.id).update(state="FAILED")
    assert _state(fails) == "FAILED"
    assert str(parent.id) in str(fails.history().order_by("-position")[0].data)
    assert _state(runs) == "PREPROCESSED"
    lost = Job.objects.create(app_id=idle.id, workdir="p2")
    orphan = Job.objects.create(app_id=idle.id, workdir="c3", parent_ids=[lost.id])
    lost.delete()
    assert _state(orphan) == "FAILED"


def test_a_whole_graph_goes_in_one_call(idle: Any) -> None:
    root = Job(app_id=idle.id, workdir="g/root")
    parts = [Job(app_id=idle.id, workdir=f"g/{i}", parent_ids=[root]) for i in range(3)]
    last = Job(app_id=idle.id, workdir="g/last", parent_ids=parts)
    Job.objects.bulk_create([last, *parts, root])
    assert set(last.parent_ids) == set(_ids(parts))
    assert [_state(j) for j in (root, parts[0], last)] == ["PREPROCESSED", "AWAITING_PARENTS", "AWAITING_PARENTS"]
    one = Job(app_id=idle.id, workdir="y/1")
    two = Job(app_id=idle.id, workdir="y/2", parent_ids=[one])
    one.parent_ids = [two]
    with pytest.raises(errors.InvalidInput, match="cycle"):
        Job.objects.bulk_create([one, two])


def test_cancel_stops_a_running_process_within_seconds(client: Client, stack: LocalStack) -> None:
    job: Any = _define("Forever", "/bin/sh -c 'echo $$ > pid; exec sleep 300'").submit("cancel/1")
    pid_file = stack.site_dir / "data" / "cancel" / "1" / "pid"
    eventually(lambda: pid_file.exists() and pid_file.read_text().strip())
    pid = int(pid_file.read_text())
    os.kill(pid, 0)
    begun = time.monotonic()
    job.cancel()
    job.wait(timeout=60)
    assert job.state == "CANCELLED"
    assert time.monotonic() - begun < 60
    eventually(lambda: not Path(f"/proc/{pid}").exists())


def test_retries_are_counted_and_visible(client: Client) -> None:
    flaky = _define("Flaky", "/bin/sh -c 'test -e ran || { touch ran; exit 3; }'")
    job: Any = flaky.submit("retry/1", max_attempts=3)
    job.result(timeout=60)
    assert (job.state, job.attempt, job.return_code) == ("JOB_FINISHED", 2, 0)
    moves = [e.to_state for e in job.history().order_by("position") if e.to_state]
    assert moves[1:4] == ["RUNNING", "RUN_ERROR", "RESTART_READY"]


def test_a_wait_returns_jobs_as_they_end(app: Any) -> None:
    jobs: list[Any] = [app.submit(f"wait/{i}", name=str(i)) for i in range(5)]
    seen = [j.id for j in Job.objects.as_completed(jobs, timeout=60)]
    assert sorted(seen) == sorted(_ids(jobs))
    done, rest = Job.objects.wait(jobs, timeout=60)
    assert (len(done), len(rest)) == (5, 0)


def test_a_long_wait_asks_the_server_no_more_often_than_a_short_one(
    requested_paths: list[str], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who polls, asks more often the longer it takes; who is told, asks once."""
    nap = _define("NapBriefly", "sleep {{ seconds }}")
    job: Any = nap.submit("wait/nap", seconds="2.5")
    monkeypatch.setattr(waiting, "POLL_LIVE_SEC", 600.0)  # the polls beside the stream are not part of the test
    requested_paths.clear()
    job.result(timeout=60)
    assert len([a for a in requested_paths if a.endswith("/events/stream")]) == 1, requested_paths
    assert len(requested_paths) <= 3, requested_paths  # the stream, a look when it opens, the job itself
    assert job.state == "JOB_FINISHED"


def test_queries_can_be_read_in_threads_of_an_event_loop(requested_paths: list[str], client: Client, app: Any) -> None:
    """A twin for asyncio comes later: queries ask nothing until they are read, and are read in threads meanwhile."""

    async def read() -> list[Any]:
        return await asyncio.gather(
            asyncio.to_thread(Job.objects.filter(state="FAILED").count),
            asyncio.to_thread(list, App.objects.filter(name="Greet")),
        )

    requested_paths.clear()
    Job.objects.filter(state="FAILED").exclude(id=1).order_by("-id")[:5]
    assert requested_paths == []
    failed, apps = asyncio.run(read())
    assert failed >= 0
    assert [a.name for a in apps] == ["Greet"]


def test_client_errors_form_one_tree_and_4xx_are_not_retried(requested_paths: list[str], client: Client) -> None:
    with pytest.raises(errors.NotFound) as caught:
        client.request("GET", "/jobs/999999999")
    assert requested_paths == ["/api/v1/jobs/999999999"]
    assert caught.value.request_id
    assert isinstance(caught.value, errors.StoraxError)


def test_a_server_that_is_down_is_one_clear_error_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setattr(transport, "CONNECT_WITHIN", 3600.0)
    begun = time.monotonic()
    with (
        Client(f"http://127.0.0.1:{port}", "stx_none", deadline=3),
        pytest.raises(errors.ServerDown, match=str(port)) as down,
    ):
        Job.objects.all().count()
    assert time.monotonic() - begun < 60
    assert down.value.hint


def test_several_servers_in_one_process(stack: LocalStack) -> None:
    with Client(stack.url, stack.token) as outer:
        assert Job.objects.all().count() >= 0
        with Client(stack.url, "stx_wrong"), pytest.raises(errors.Unauthorized):
            Job.objects.all().count()
        assert Job.objects.all().using(outer).count() == Job.objects.all().count()


def test_payloads_are_json_and_nothing_is_unpickled(client: Client, stack: LocalStack) -> None:
    writer = _define("Writes", """/bin/sh -c 'echo "{\\"sum\\": 3}" > "$STORAX_RESULT_FILE"'""")
    job: Any = writer.submit("payload/1")
    assert job.result(timeout=60) == {"sum": 3}
    with pytest.raises(errors.InvalidInput):
        writer.submit("payload/2", x=object())
    import storax

    package = Path(inspect.getfile(storax)).parent
    pickle_use = r"import (pickle|dill|cloudpickle)|pickle\.load"
    loads = {p.name for p in package.rglob("*.py") if re.search(pickle_use, p.read_text())}
    assert loads == {"pickled.py"}
    assert writer.submit("payload/3").result(timeout=60, trust=True) == {"sum": 3}
    with pytest.raises(errors.InvalidInput, match="trust=True"):
        unwrap({MARK: ""}, trust=False)


def test_paths_stay_inside_and_commands_are_argument_lists(client: Client, stack: LocalStack, idle: Any) -> None:
    for path in ("../x", "/etc/x", "a/../../x", "~/x", "x\x00y"):
        with pytest.raises(errors.InvalidInput):
            Job.objects.create(app_id=idle.id, workdir=path)
    echo = _define("EchoBack", "echo {{ text }}")
    evil = "$(touch canary) `touch canary`; touch canary && -n 'quote\" \\"
    job: Any = echo.submit("inside/1", text=evil)
    job.result(timeout=60)
    folder = stack.site_dir / "data" / "inside" / "1"
    assert (folder / "job.out").read_text() == evil + "\n"
    assert not (folder / "canary").exists()


def test_frames_and_notebooks(jobs: list[Any]) -> None:
    query = Job.objects.filter(id=_ids(jobs)).order_by("id")
    assert "<table" in query._repr_html_()
    assert query.values_list("id", flat=True) == _ids(jobs)
    assert list(query.to_pandas()["id"]) == _ids(jobs)


def test_every_other_method_of_a_query(jobs: list[Any]) -> None:
    ids = _ids(jobs)
    query = Job.objects.filter(id=ids)
    assert query.exclude(tags={"n": "3"}).count() == 9
    assert query.exists()
    assert query.order_by("-workdir").first() is not None
    assert set(query.in_bulk()) == set(ids)
    assert query.values("id", "state")[0].keys() == {"id", "state"}
    assert sum(1 for _ in query.iterator()) == 10
    assert query.counts("state") == {"PREPROCESSED": 10}
