"""The command line against the real platform, as a process: what a day with it looks like."""

import csv
import json
import signal
import threading
import time

import pytest

from fakes.receiver import Receiver
from fakes.terminal import Terminal
from waiting import eventually

APPS = """
from storax import App


class Hello(App):
    site = "local"
    command_template = "echo hello {{ name }}"


class Fails(App):
    site = "local"
    command_template = "sh -c 'echo out; echo bad thing >&2; exit 3'"


class Sleep(App):
    site = "local"
    command_template = "sleep {{ sec }}"
"""


@pytest.fixture(scope="module")
def storax(stack, tmp_path_factory):
    """The command, connected to the stack, with three apps published."""
    home = tmp_path_factory.mktemp("home")
    (home / "apps.py").write_text(APPS)
    terminal = Terminal(STORAX_URL=stack.url, STORAX_TOKEN=stack.token, STORAX_HOME=str(home))
    # Other tests may have published apps of the same name.
    assert len(terminal.good("app", "sync", home / "apps.py").splitlines()) == 3
    return terminal


def test_a_job_from_submit_to_its_log(storax):
    done = storax("job", "submit", "Hello", "name=wide world", "--tag", "story=1", "--wait")
    assert done.returncode == 0, done.stderr
    number = done.stdout.strip()
    assert "1 of 1 ended" in done.stderr
    assert storax.good("job", "logs", number) == "hello wide world\n"
    shown = json.loads(storax.good("job", "show", number, "-o", "json"))
    assert (shown["state"], shown["app"], shown["site"], shown["return_code"]) == ("JOB_FINISHED", "Hello", "local", 0)
    assert storax.good("job", "ls", "--tag", "story=1", "-o", "ids").split() == [number]
    types = [row["to_state"] for row in csv.DictReader(storax.good("job", "history", number, "-o", "csv").splitlines())]
    assert [state for state in types if state][-3:] == ["RUNNING", "RUN_DONE", "JOB_FINISHED"]
    assert "needs nothing more" in storax.good("job", "explain", number)


def test_a_failure_is_status_6_and_is_explained(storax):
    done = storax("job", "submit", "Fails", "--wait")
    number = done.stdout.strip()
    assert done.returncode == 6
    assert f"storax job explain {number}" in done.stderr
    explanation = storax.good("job", "explain", number)
    assert "exit code 3" in explanation
    assert "| bad thing" in explanation
    assert storax.good("job", "logs", number, "--err") == "bad thing\n"
    assert storax("job", "wait", number).returncode == 6
    storax.good("job", "retry", number, "--yes")
    assert storax("job", "wait", number).returncode == 6
    assert json.loads(storax.good("job", "show", number, "-o", "json"))["attempt"] == 2


def test_a_graph_from_json_lines_runs_in_its_order(storax):
    rows = [
        {"app": "Sleep", "parameters": {"sec": "0.3"}, "parent_refs": []},
        {"app": "Hello", "parameters": {"name": "after"}, "parent_refs": [0]},
    ]
    typed = "".join(json.dumps(row) + "\n" for row in rows)
    first, second = storax.good("job", "create", "--from-json", "-", "--tag", "graph=1", typed=typed).split()
    storax.good("job", "wait", "--tag", "graph=1", "--timeout", "60")
    ended = json.loads(
        storax.good("event", "ls", "--job", first, "--job", second, "--to", "JOB_FINISHED", "-o", "json")
    )
    assert [event["job_id"] for event in ended] == [int(first), int(second)]
    assert json.loads(storax.good("job", "show", second, "-o", "json"))["parent_ids"] == [int(first)]


def test_csv_and_sweeps_make_a_job_a_row(storax):
    typed = "parameters.name,tags.n\nx,1\ny,2\n"
    ids = storax.good("job", "create", "--app", "Hello", "--from-json", "-", "--tag", "many=1", typed=typed).split()
    ids += storax.good(
        "job", "submit", "Sleep", "--param-sweep", "sec=0:0.2:0.1", "--tag", "many=1", "-w", "sweep/{sec}"
    ).split()
    assert len(ids) == 5
    storax.good("job", "wait", *ids)
    listed = json.loads(storax.good("job", "ls", "--tag", "many=1", "--order", "id", "-o", "json"))
    assert [row["workdir"] for row in listed[2:]] == ["sweep/0", "sweep/0.1", "sweep/0.2"]
    assert json.loads(storax.good("job", "summary", "--tag", "many=1", "-o", "json")) == {"JOB_FINISHED": 5}


def test_a_running_job_is_shown_waited_for_and_cancelled(storax):
    number = storax.good("job", "submit", "Sleep", "sec=600").strip()
    eventually(lambda: json.loads(storax.good("job", "show", number, "-o", "json"))["state"] == "RUNNING")
    late = storax("job", "wait", number, "--timeout", "0.5s")
    assert late.returncode == 7
    assert f"storax job explain {number}" in late.stderr
    assert storax("job", "rm", number, "--yes").returncode == 5
    assert storax("job", "cancel", number).returncode == 2, "nobody was asked"
    storax.good("job", "cancel", number, "--yes")
    assert storax("job", "wait", number, "--timeout", "100").returncode == 6
    assert "It was cancelled" in storax.good("job", "explain", number)
    storax.good("job", "rm", number, "--yes")
    assert storax("job", "show", number).returncode == 3
    assert "job.deleted" in storax.good("job", "history", number)


def test_a_log_is_followed_to_the_end(storax):
    number = storax.good("job", "submit", "Sleep", "sec=1").strip()
    began = time.monotonic()
    assert storax.good("job", "logs", number, "-f") == ""
    assert time.monotonic() - began < 100
    assert json.loads(storax.good("job", "show", number, "-o", "json"))["state"] == "JOB_FINISHED"


def test_events_are_pushed_as_they_happen(storax, interruptible):
    following = storax.start("event", "tail", "-f", "-n", "0", "--to", "JOB_FINISHED", "-o", "ndjson")
    try:
        numbers, heard = [], []
        listening = threading.Thread(target=lambda: heard.append(following.stdout.readline()), daemon=True)
        listening.start()

        def event_arrives() -> bool:
            numbers.append(int(storax.good("job", "submit", "Hello", "name=x", "--wait")))
            listening.join(1)
            return bool(heard)

        eventually(event_arrives)  # nobody says when it has begun to listen
        assert json.loads(heard[0])["job_id"] in numbers
        following.send_signal(signal.SIGINT)
        assert following.wait(60) == 130
        assert following.stderr.read() == ""
    finally:
        following.kill()
        following.communicate()


LISTS = [
    ("job", "ls", "--all"),
    ("app", "ls"),
    ("queue", "ls", "--all"),
    ("transfer", "ls"),
    ("event", "ls"),
    ("token", "ls"),
    ("webhook", "ls"),
]


@pytest.fixture(scope="module")
def listed(storax):
    """The command, where there is something to list."""
    # It takes no job, for at the end of its minute it would end one of another test.
    storax.good("queue", "submit", "--site", "local", "-t", "1", "--tag", "for=nothing")
    storax.good("job", "wait", storax.good("job", "submit", "Hello", "name=x").strip())
    storax("webhook", "create", "listed", "http://127.0.0.1:1/", "--type", "user.logged_in")
    return storax


@pytest.mark.parametrize("arguments", LISTS, ids=" ".join)
def test_every_list_reads_back_in_every_form(listed, arguments):
    storax = listed
    rows = json.loads(storax.good(*arguments, "-o", "json"))
    if arguments == ("event", "ls"):  # the log grows meanwhile: the allocation starts, and ends
        arguments += ("--until", rows[-1]["position"])
    assert [json.loads(line) for line in storax.good(*arguments, "-o", "ndjson").splitlines()].__len__() == len(rows)
    assert len(list(csv.DictReader(storax.good(*arguments, "-o", "csv").splitlines()))) == len(rows)
    assert len(storax.good(*arguments, "-o", "ids").split()) == len(rows)
    for form in ("table", "wide"):
        lines = storax.good(*arguments, "-o", form).splitlines()
        assert len(lines) == (len(rows) + 1 if rows else 0)
    assert rows or arguments[0] == "transfer"


def test_a_closed_pipe_is_no_error(storax):
    reading = storax.start("event", "ls", "--limit", "0", "-o", "ndjson")
    reading.stdout.readline()
    reading.stdout.close()
    assert reading.wait(60) == 0
    assert reading.stderr.read() == ""
    reading.stderr.close()


MISTAKES = [
    (["job", "ls", "--site", "lokal"], 3, "Did you mean 'local'?"),
    (["job", "ls", "--app", "Helo"], 3, "Did you mean 'Hello'?"),
    (["job", "ls", "--state", "FAILD"], 2, "Did you mean 'FAILED'?"),
    (["job", "ls", "--columns", "stat"], 2, "Did you mean 'state'?"),
    (["job", "ls", "--order", "-priorty"], 2, "Did you mean '-priority'?"),
    (["job", "show", "999999"], 3, "It may have been deleted."),
    (["job", "explain", "999999"], 3, "does not exist"),
    (["job", "submit", "Helo", "name=x"], 3, "Did you mean 'Hello'?"),
    (["job", "submit", "Hello", "nam=x"], 2, "'name'"),
    (["job", "submit", "Hello", "name=x", "-w", "../up"], 2, "workdir"),
    (["job", "create", "--app", "Hello", "-p", "name=x", "--on-parent-failure", "explode"], 2, "is not one of"),
    (["job", "create", "--app", "Hello", "-p", "name=x", "--parent", "999999"], 2, "999999"),
    (["job", "modify", "JOB", "--set", "state=RUNNING", "--yes"], 5, "Legal from"),
    (["queue", "submit", "--site", "lokal"], 3, "Did you mean 'local'?"),
    (["transfer", "ls", "--state", "eror"], 2, "Did you mean 'error'?"),
    (["token", "revoke", "999999", "--yes"], 3, "Nothing was changed"),
    (["--profile", "nope", "job", "ls"], 8, "storax login URL --profile nope"),
]


@pytest.mark.parametrize(
    ("arguments", "status", "hint"), MISTAKES, ids=[" ".join(arguments) for arguments, _, _ in MISTAKES]
)
def test_a_mistake_has_a_cause_a_way_out_and_a_status(storax, arguments, status, hint):
    number = storax.good("job", "submit", "Hello", "name=mistake", "--wait").strip() if "JOB" in arguments else ""
    began = time.monotonic()
    done = storax(*(number if argument == "JOB" else argument for argument in arguments))
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    assert done.stderr.startswith("error: ")
    assert hint in done.stderr
    assert "Traceback" not in done.stderr
    assert time.monotonic() - began < 30  # whoever asks again does so for a minute


def test_a_wrong_token_and_an_unreachable_server_have_their_own_status(storax):
    refused = storax("job", "ls", STORAX_TOKEN="stx_wrong")
    assert refused.returncode == 4
    assert "storax login" in refused.stderr
    away = storax("job", "ls", STORAX_URL="http://127.0.0.1:9")
    assert away.returncode == 8
    assert "storax up" in away.stderr


def test_a_webhook_from_creation_to_deletion(storax):
    with Receiver() as receiver:
        options = ("--to", "job_finished", "--app", "Hello", "--site", "local", "--tag", "hook=yes")
        secret = storax.good("webhook", "create", "trial", receiver.url, *options).strip()
        storax.good("job", "submit", "Hello", "name=hook", "--tag", "hook=yes", "--wait")
        (got,) = eventually(lambda: receiver.accepted)
        assert got.signed_with(secret)
        assert got.event["to_state"] == "JOB_FINISHED"
        storax.good("webhook", "replay", "trial", got.position - 1)
        eventually(lambda: len(receiver.accepted) == 2)
        assert storax.good("webhook", "rotate", "trial").strip() not in ("", secret)
        storax.good("webhook", "disable", "trial")
        (row,) = [row for row in json.loads(storax.good("webhook", "ls", "-o", "json")) if row["name"] == "trial"]
        assert (row["enabled"], row["secret"], row["secret_version"]) == (False, None, 2)
        assert "secret " not in storax.good("webhook", "show", "trial")
        storax.good("webhook", "enable", "trial")
    storax.good("webhook", "rm", "trial", "--yes")
    assert storax("webhook", "show", "trial").returncode == 3


def test_a_token_of_ones_own_works_until_it_is_revoked(storax):
    token = json.loads(storax.good("token", "create", "--name", "trial", "--days", "1", "-o", "json"))
    assert json.loads(storax.good("whoami", "-o", "json", STORAX_TOKEN=token["token"]))["username"] == "local"
    storax.good("token", "revoke", token["id"], "--yes")
    eventually(lambda: storax("whoami", STORAX_TOKEN=token["token"]).returncode == 4)


def test_login_with_a_token_writes_a_profile_that_logout_removes(storax, stack, tmp_path):
    token = json.loads(storax.good("token", "create", "--name", "login", "-o", "json"))
    fresh = {"STORAX_URL": "", "STORAX_TOKEN": "", "STORAX_HOME": str(tmp_path)}
    storax.good("login", stack.url, "--token-stdin", typed=token["token"], **fresh)
    assert json.loads(storax.good("whoami", "-o", "json", **fresh))["found"] == "profile default"
    storax.good("logout", **fresh)
    assert storax("whoami", **fresh).returncode == 8
    assert token["id"] not in {row["id"] for row in json.loads(storax.good("token", "ls", "-o", "json"))}
