"""What notebooks show: narrow tables, live counts, bars, and errors without our own frames, in a real IPython shell."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from storax import EventLog, Job
from storax._orm import notebook
from waiting import eventually
from world import User


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    shell = InteractiveShell.instance()
    shell.run_line_magic("colors", "nocolor")
    yield shell
    InteractiveShell.clear_instance()


def failed_job(user: User) -> Job:
    site = user.site()
    session = user.session(site)
    job = user.job(user.app(site))
    (taken,) = user.acquire(session)
    data = {"message": "ValueError: no", "exception": "ValueError", "exception_message": "no"}
    tail = 'File "app.py", line 7, in run\n    raise ValueError("no")\nValueError: no'
    move = {"to": "RUN_ERROR", "at": "2026-01-01T00:00:00Z", "data": {**data, "traceback_tail": tail}}
    moves = [{**move, "to": "RUNNING", "data": {}}, move]
    row = {"id": job["id"], "lease_epoch": taken["lease_epoch"], "moves": moves}
    assert not user.post(f"/sessions/{session}/report", {"reports": [row]})["refused"]
    return Job.objects.get(id=job["id"])


def test_a_table_of_jobs_is_narrow_and_coloured(user: User) -> None:
    user.jobs(user.app(), 25, tags={"long": "x" * 500, "html": "<script>"})
    Job.objects.filter(id=Job.objects.first().id).update(state="FAILED")  # type: ignore[union-attr]
    Job.objects.order_by("id")[1].cancel()
    html = Job.objects.order_by("id")._repr_html_()
    heads = re.findall("<th>(.*?)</th>", html)
    assert heads == ["id", "state", "workdir", "tags", "app_id", "attempt", "last_update"]
    assert '<b style="color:#e0453a">FAILED</b>' in html
    assert '<b style="color:#a05ec4">CANCELLED</b>' in html
    assert "<script>" not in html
    assert "The first 20; there are more." in html
    assert max(len(unescape(re.sub("<.*?>", "", cell))) for cell in re.findall("<td>(.*?)</td>", html)) <= 40
    assert "&lt;script&gt;" in Job.objects.all()[0]._repr_html_()
    assert len(re.findall("<th>", EventLog.objects.all()._repr_html_())) <= 8


def test_counts_are_a_bar_with_a_legend() -> None:
    html = notebook.counts({"RUNNING": 1, "JOB_FINISHED": 3})
    assert 'width:25.00%;background:#1f8fd6" title="RUNNING: 1"' in html
    assert "JOB_FINISHED</b> 3" in html
    assert "no jobs" in notebook.counts({})


def test_the_error_of_a_failed_job_shows_the_remote_traceback_and_no_frame_of_ours(
    user: User, shell: InteractiveShell
) -> None:
    shell.user_ns["job"] = failed_job(user)
    with capture_output() as captured:
        shell.run_cell("def mine():\n    return job.result(timeout=30)\n\nmine()")
    text = captured.stdout
    assert "in mine" in text
    assert "The traceback at the site:" in text
    assert 'File "app.py", line 7, in run' in text
    assert "/storax/" not in text
    assert "interactiveshell" not in text
    with capture_output() as captured:
        shell.run_cell("from storax import Job\nJob.objects.get(id=10**12)")
    assert "does not exist" in captured.stdout
    assert "/storax/" not in captured.stdout


def test_watching_shows_each_change_and_ends_with_the_jobs(user: User, capsys: pytest.CaptureFixture[str]) -> None:
    site = user.site()
    session = user.session(site)
    jobs = user.jobs(user.app(site), 2)
    assert Job.objects.filter(id=jobs).watch(timeout=0) == {"PREPROCESSED": 2}
    user.finish(session, *user.acquire(session, 2))
    eventually(lambda: user.states(*jobs) == ["JOB_FINISHED"] * 2)
    assert Job.objects.filter(id=jobs).watch(interval=0.05) == {"JOB_FINISHED": 2}
    assert Job.objects.get(id=jobs[0]).watch().state == "JOB_FINISHED"
    assert capsys.readouterr().err.splitlines() == ["2 PREPROCESSED", "2 JOB_FINISHED", "1 JOB_FINISHED"]


@pytest.mark.parametrize(("switch", "number", "visible"), [("1", 2, True), ("1", 1, False), ("0", 2, False)])
def test_waiting_for_several_jobs_shows_a_bar_where_bars_are_shown(
    user: User, monkeypatch: pytest.MonkeyPatch, capsys: Any, switch: str, number: int, visible: bool
) -> None:
    monkeypatch.setenv("STORAX_PROGRESS", switch)
    site = user.site()
    session = user.session(site)
    jobs = list(Job.objects.filter(id=user.jobs(user.app(site), number)))
    user.finish(session, *user.acquire(session, number))
    done, rest = Job.objects.wait(jobs, timeout=30)
    assert (len(done), rest) == (number, [])
    assert ("Waiting for Jobs: 100%" in capsys.readouterr().err) is visible
