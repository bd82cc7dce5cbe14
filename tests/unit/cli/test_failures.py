"""An error is one block on stderr that says what, why and the way out; a script reads the exit status."""

import re

import pytest

from fakes.rest import job, problem, rows
from storax import Job, errors
from storax.cli.terminal import failures
from storax.local.errors import LocalError


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (problem(404, "not_found"), 3),
        (problem(401, "unauthorized"), 4),
        (problem(403, "forbidden"), 4),
        (problem(409, "illegal_move"), 5),
        (problem(409, "leased"), 5),
        (problem(422, "invalid"), 2),
        (problem(413, "too_large"), 2),
        (problem(418, "teapot"), 2),
    ],
)
def test_what_the_server_refuses_has_a_status_of_its_own(shell, answer, status):
    shell.script.on("GET", "/jobs/12", answer).on("POST", "/jobs/query", answer)
    ran = shell("job", "show", "12")
    assert (ran.status, ran.out) == (status, "")
    assert ran.err.startswith("error: No.\n")
    assert len(shell.script.requests) == 1, "a refusal is not asked twice"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.ServerDown("x"), 8),
        (errors.NotConfigured("x"), 8),
        (errors.Unavailable("x", status=503), 8),
        (errors.Unavailable("x", status=500), 1),
        (errors.DeadlineExceeded("x"), 7),
        (errors.JobFailed("x"), 6),
        (errors.MultipleObjectsReturned("x"), 2),
        (errors.DoesNotExist("x"), 3),
        (errors.NoResult("x"), 1),
        (LocalError("x"), 1),
        (OSError("x"), 1),
        (ValueError("x"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_every_error_has_a_status(error, status):
    assert failures.status_of(error) == status


def test_a_block_says_what_why_and_where_to_ask(shell):
    faults = [{"loc": ["a"], "msg": "is wrong"}, {"loc": [0, "b"], "msg": "too"}]
    answer = problem(422, "invalid", "two faults", hint="Mend both.", request_id="r-1", errors=faults)
    shell.script.on("POST", "/jobs/query", answer)
    ran = shell("job", "ls", "12")
    assert ran.err == "error: Two faults.\n  a: is wrong\n  0.b: too\n  Mend both.\n  request: r-1\n"


def test_a_server_that_is_away_is_reported_at_once(shell):
    import httpx

    shell.script.on("POST", "/jobs/query", httpx.ConnectError("connection refused"))
    ran = shell("job", "ls")
    assert ran.status == 8
    assert "No Storax server answers" in ran.err
    assert "storax up" in ran.err


def test_what_nobody_foresaw_is_no_traceback(shell, monkeypatch):
    monkeypatch.setattr("storax.cli.job.show.Listing.print", lambda *_, **__: 1 / 0)
    ran = shell("job", "ls")
    assert ran.status == 1
    assert "ZeroDivisionError" in ran.err
    assert "STORAX_DEBUG=1" in ran.err
    assert "Traceback" not in ran.err
    assert "Traceback" in shell("--debug", "job", "ls").err


@pytest.mark.parametrize(
    "arguments", [["jbo", "ls"], ["job", "lst"], ["job", "ls", "--nope"], ["job", "ls", "-o", "xml"], ["job", "show"]]
)
def test_a_wrong_command_line_is_usage(shell, arguments):
    ran = shell(*arguments)
    assert (ran.status, ran.out) == (2, "")
    assert "rror: " in ran.err


def test_a_misspelt_command_names_the_nearest(shell):
    assert "Did you mean 'job'?" in shell("jbo").err


def test_ctrl_c_is_130_without_a_word(shell, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("storax.cli.job.show.Listing.print", interrupted)
    ran = shell("job", "ls")
    assert (ran.status, ran.out, ran.err) == (130, "", "")


def test_a_reader_who_had_enough_is_no_error(shell, monkeypatch):
    def gone(*_, **__):
        raise BrokenPipeError

    monkeypatch.setattr("storax.cli.job.show.Listing.print", gone)
    ran = shell("job", "ls")
    assert (ran.status, ran.err) == (0, "")


def test_a_missing_extra_says_how_to_install_it(shell, monkeypatch):
    class Point:
        name = "site"

        def load(self):
            raise ModuleNotFoundError("No module named 'jinja2'", name="jinja2")

    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [Point()])
    ran = shell("site", "ls")
    assert ran.status == 1
    assert re.search(r"pip install .*\[agent\]", ran.err)
    assert "jinja2" in ran.err
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [])
    assert re.search(r"pip install .*\[server\]", shell("admin", "verify").err)


def test_no_server_at_all_says_how_to_get_one(capsys, monkeypatch, tmp_path):
    from storax.cli import main

    monkeypatch.setenv("STORAX_HOME", str(tmp_path))
    for name in ("STORAX_URL", "STORAX_TOKEN", "STORAX_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SystemExit) as ended:
        main(["job", "ls"])
    assert ended.value.code == 8
    assert "storax up" in capsys.readouterr().err


def test_a_good_answer_is_status_0(shell):
    shell.script.on("POST", "/jobs/query", rows(Job, job(12)))
    shell.script.on(
        "POST", "/apps/query", {"columns": ["id", "name"], "rows": [[1, "Hello"]], "next": None, "count": None}
    )
    shell.script.on(
        "POST", "/sites/query", {"columns": ["id", "name"], "rows": [[1, "laptop"]], "next": None, "count": None}
    )
    ran = shell("job", "show", "12", "-o", "json")
    assert (ran.status, ran.err) == (0, "")
