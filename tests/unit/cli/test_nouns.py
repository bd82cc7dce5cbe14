"""The other nouns: events, apps, allocations, transfers, tokens, and who we are."""

import io
import json
import shlex

import httpx
import pytest

from fakes.rest import problem, rows
from storax import Site
from storax._runtime import settings
from storax.models.batch_job import BatchJob
from storax.models.event_log import EventLog
from storax.models.transfer_item import TransferItem

NAMES = {"columns": ["id", "name"], "next": None, "count": None}


def event(position, **fields):
    row = {
        "position": position, "id": position, "timestamp": "2026-01-01T00:00:00Z", "entity": "job", "entity_id": 12,
        "type": "job.state_changed", "actor": "user:1", "from_state": "RUNNING", "to_state": "RUN_ERROR", "data": {},
        "job_id": 12, "version": 2,
    }  # fmt: skip
    return dict.fromkeys(EventLog._columns) | row | fields


def page(columns, *objects):
    """Answer a list: the requested columns, in the requested order."""

    def answer(request):
        names = request.body.get("fields") or list(columns)
        kept = sorted(
            objects, key=lambda o: o.get("position", 0), reverse="-position" in request.body.get("ordering", [])
        )
        kept = kept[: request.body.get("limit", 100)]
        if request.body.get("count"):
            return {"columns": [], "rows": [], "next": None, "count": len(objects)}
        return {"columns": names, "rows": [[o.get(n) for n in names] for o in kept], "next": None, "count": None}

    return answer


@pytest.fixture
def log(shell):
    failed = {"message": "exit code 1", "stderr_tail": "first\nno disk", "state": "RUN_ERROR", "return_code": 1}
    shell.script.on(
        "POST",
        "/events/query",
        page(EventLog._columns, event(8, type="job.created", data={"workdir": "w"}), event(9, data=failed)),
    )
    return shell


def test_a_history_says_what_happened_in_a_line(log):
    ran = log("job", "history", "12")
    assert ran.out.splitlines()[0].split() == [
        "POSITION",
        "TIMESTAMP",
        "TYPE",
        "FROM_STATE",
        "TO_STATE",
        "ACTOR",
        "MESSAGE",
    ]
    assert ran.out.splitlines()[2].endswith("exit code 1; no disk; return_code=1")
    assert log.script.last.body["filter"] == {"job_id": 12}


def test_a_job_that_never_was_has_no_history(shell):
    shell.script.on("POST", "/events/query", page(EventLog._columns))
    assert shell("job", "history", "12").status == 3


def test_events_are_filtered_and_end_with_the_newest(log):
    ran = log(
        "event", "ls", "--job", "12", "--to", "failed", "--type", "job.state_changed", "--tag", "a=b", "--since", "5"
    )
    assert [line.split()[0] for line in ran.out.splitlines()] == ["POSITION", "8", "9"]
    assert log.script.requests[0].body["filter"] == {
        "job_id": [12], "to_state": ["FAILED"], "type": ["job.state_changed"], "tags": {"a": "b"}, "position__gt": 5,
    }  # fmt: skip
    assert json.loads(log("event", "ls", "-o", "ndjson").out.splitlines()[0])["data"] == {"workdir": "w"}


class Chunks(httpx.SyncByteStream):
    """Events of these positions, then an error or the end."""

    def __init__(self, positions, then):
        self.positions, self.then = positions, then

    def __iter__(self):
        for position in self.positions:
            yield f"id: {position}\nevent: x\ndata: {json.dumps(event(position))}\n\n".encode()
        if self.then:
            raise self.then


def test_tail_goes_on_where_a_broken_stream_ended(log, monkeypatch):
    monkeypatch.setattr("storax._events.stream.FIRST_PAUSE", 0.0)

    def frames(*positions, then=None):
        return httpx.Response(200, stream=Chunks(positions, then))

    log.script.on(
        "GET",
        "/events/stream",
        frames(10, 11, then=httpx.ReadError("cut")),
        httpx.ConnectError("away"),
        frames(12),
        KeyboardInterrupt(),
    )
    log.script.routes["GET", "/events/stream"][-1] = lambda _: _stop()
    ran = log("event", "tail", "-f", "-n", "1", "--type", "job.state_changed", "-o", "ids")
    assert (ran.status, ran.out) == (130, "9\n10\n11\n12\n")
    resumed = [a.headers["last-event-id"] for a in log.script.requests if a.path == "/events/stream"]
    assert resumed == ["9", "11", "11", "12"]


def _stop():
    raise KeyboardInterrupt


def test_tail_without_following_ends(log):
    ran = log("event", "tail", "-n", "5")
    assert ran.status == 0
    assert ran.out.splitlines()[1].startswith("9  2026-01-01T00:00:00  job.state_changed  12  RUNNING -> RUN_ERROR")


@pytest.fixture
def apps(shell):
    hello = {
        "id": 5,
        "site_id": 1,
        "name": "Hello",
        "command_template": "echo {{ name }}",
        "version": 2,
        "parameters": {},
    }
    shell.script.on("POST", "/apps/query", page(hello, hello)).on("GET", "/apps/5", hello)
    shell.script.on(
        "POST", "/sites/query", {"columns": ["name", "id"], "rows": [["laptop", 1]], "next": None, "count": None}
    )
    return shell


def test_apps_are_listed_shown_and_removed(apps):
    apps.script.on("POST", "/sites/query", {**NAMES, "rows": [[1, "laptop"]]})
    apps.script.on("POST", "/jobs/query", page({"id": 1}, {"id": 1}, {"id": 2}))
    assert apps("app", "ls").out.splitlines()[1].split() == ["5", "Hello", "laptop", "echo", "{{", "name", "}}", "-"]
    assert json.loads(apps("app", "show", "Hello", "-o", "json").out)["command_template"] == "echo {{ name }}"
    refused = apps("app", "rm", "Hello")
    assert refused.status == 2
    assert "2 jobs" in refused.err
    apps.script.on("DELETE", "/apps/5", (204, None))
    assert apps("app", "rm", "Hello", "--yes").status == 0


def test_sync_publishes_the_apps_of_a_file(apps, tmp_path):
    file = tmp_path / "apps.py"
    body = "    site = 'laptop'\n    command_template = 'echo {{ name }} {{ n }}'\n"
    file.write_text(f"from storax import App\n\nclass Hello(App):\n{body}")
    assert "Would publish Hello at laptop" in apps("app", "sync", str(file), "--dry-run").err
    apps.script.on(
        "PATCH", "/apps/5", lambda request: {"id": 5, "site_id": 1, "name": "Hello", "version": 3, **request.body}
    )
    ran = apps("app", "sync", str(file))
    assert (ran.status, ran.out) == (0, "5\tHello\tversion 3\n")
    assert apps.script.last.body["command_template"] == "echo {{ name }} {{ n }}"


def test_the_printed_example_is_a_file_that_sync_takes(shell, tmp_path):
    file = tmp_path / "apps.py"
    file.write_text(shell("app", "example").out)
    listed = shell("app", "sync", str(file), "--dry-run")
    assert (listed.status, listed.err) == (0, "Would publish Hello at local\nWould publish Add at local\n")


@pytest.mark.parametrize(
    ("text", "status"), [("x = 1\n", 2), ("raise ValueError('no')\n", 1), ("import storax_nothing\n", 1)]
)
def test_a_file_that_defines_no_app_is_refused(shell, tmp_path, text, status):
    file = tmp_path / "apps.py"
    file.write_text(text)
    ran = shell("app", "sync", str(file))
    assert ran.status == status
    assert str(file) in ran.err
    assert shell("app", "sync", str(tmp_path / "none.py")).status == 2


def test_an_allocation_is_submitted_listed_and_ended(apps):
    allocation = dict.fromkeys(BatchJob._columns) | {"id": 3, "site_id": 1, "state": "queued"}
    apps.script.on("POST", "/batch-jobs/", (201, allocation)).on(
        "POST", "/batch-jobs/query", page(BatchJob._columns, allocation)
    )
    ran = apps(
        "queue",
        "submit",
        "--site",
        "laptop",
        "-n",
        "4",
        "-t",
        "30",
        "-q",
        "debug",
        "-A",
        "proj",
        "-m",
        "mpi",
        "--tag",
        "a=b",
    )
    assert (ran.status, ran.out) == (0, "3\n")
    assert apps.script.bodies("/batch-jobs/")[-1] == {
        "site_id": 1, "num_nodes": 4, "wall_time_min": 30, "queue": "debug", "project": "proj", "job_mode": "mpi",
        "filter_tags": {"a": "b"}, "optional_params": {}, "partitions": None,
    }  # fmt: skip
    parts = [{"job_mode": "mpi", "num_nodes": 3, "filter_tags": {"kind": "wide", "a": "b c"}},
             {"job_mode": "serial", "num_nodes": 1, "filter_tags": {}}]  # fmt: skip
    arguments = shlex.split(BatchJob(site_id=1, partitions=parts).partitions_to_cli_args())
    assert apps("queue", "submit", "--site", "laptop", *arguments).status == 0
    body = apps.script.bodies("/batch-jobs/")[-1]
    assert (body["num_nodes"], body["partitions"]) == (4, parts)
    for wrong in (
        ["--part", "mpi"],
        ["--part", "both:1"],
        ["--part", "mpi:0"],
        ["--part", "mpi:1:x"],
        ["-n2", *arguments],
    ):
        assert apps("queue", "submit", "--site", "laptop", *wrong).status == 2
    apps.script.on("POST", "/sites/query", {**NAMES, "rows": [[1, "laptop"]]})
    assert apps("queue", "ls").out.splitlines()[1].split()[:3] == ["3", "queued", "laptop"]
    row = {**allocation, "status_info": {"error": "no mpiexec", "reason": "Resources"}}
    apps.script.on("POST", "/batch-jobs/query", page(BatchJob._columns, row))
    assert apps("queue", "ls").out.splitlines()[1].endswith("no mpiexec")
    apps.script.on("POST", "/batch-jobs/query", page(BatchJob._columns, allocation))
    apps.script.on("PATCH", "/batch-jobs/", {"updated": 1})
    assert apps("queue", "rm", "3").status == 2
    assert apps("queue", "rm", "3", "-y").status == 0
    assert apps.script.last.body["patch"] == {"state": "pending_deletion"}
    assert apps("queue", "submit", "--site", "laptop", "-m", "both").status == 2


def test_transfers_are_filtered(apps):
    item = dict.fromkeys(TransferItem._columns) | {"id": 4, "site_id": 1, "job_id": 12, "state": "error"}
    apps.script.on("POST", "/transfers/query", page(TransferItem._columns, item))
    apps.script.on("POST", "/sites/query", {**NAMES, "rows": [[1, "laptop"]]})
    ran = apps("transfer", "ls", "--job", "12", "--state", "error", "--direction", "in", "-o", "ids")
    assert ran.out == "4\n"
    assert apps.script.last.body["filter"] == {"job_id": [12], "state": ["error"], "direction": "in"}
    assert apps("transfer", "ls", "--state", "eror").status == 2


TOKENS = {"results": [{"id": 3, "name": "ci", "expires_at": "2027-01-01T00:00:00+00:00", "creation_date": None}]}


def test_a_token_is_shown_once_and_can_be_revoked(shell):
    shell.script.on("POST", "/tokens/", (201, {"id": 3, "token": "stx_secret"})).on("POST", "/tokens/query", TOKENS)
    ran = shell("token", "create", "--name", "ci", "--days", "9")
    assert ran.out == "stx_secret\n"
    assert shell.script.last.body == {"name": "ci", "expires_in_days": 9}
    assert shell("token", "ls").out.splitlines()[1].split() == ["3", "ci", "2027-01-01T00:00:00Z", "-"]
    assert shell("token", "ls", "--columns", "nam").status == 2
    shell.script.on("DELETE", "/tokens/3", (204, None))
    assert shell("token", "revoke", "3").status == 2
    assert shell("token", "revoke", "3", "-y").status == 0
    assert shell("token", "revoke", "4", "-y").status == 3


def test_a_token_for_a_site_names_it_by_its_id(shell):
    shell.script.on("POST", "/tokens/", (201, {"id": 3, "token": "stx_secret"}))
    shell.script.on("POST", "/sites/query", rows(Site, {"id": 5, "name": "cluster"}))
    assert shell("token", "create", "--site", "cluster").out == "stx_secret\n"
    assert shell.script.last.body == {"name": "", "expires_in_days": None, "site_id": 5}


def test_a_revocation_names_the_tokens_that_go_with_it(shell):
    tokens = [
        {"id": n, "parent_id": parent, "expires_at": None} for n, parent in ((1, None), (2, 1), (3, 2), (4, None))
    ]
    shell.script.on("POST", "/tokens/query", {"results": tokens}).on("DELETE", "/tokens/1", (204, None))
    ran = shell("token", "revoke", "1", "-y")
    assert (ran.status, "created with them are revoked too: 2, 3" in ran.err, "Revoked: 3" in ran.err) == (
        0,
        True,
        True,
    )


@pytest.fixture
def server(shell, monkeypatch):
    """Every client that a command makes speaks to the script."""
    import storax.client as module

    client_class = module.Client
    monkeypatch.setattr(module, "Client", lambda *a, **k: client_class(*a, **k, transport=shell.script))
    shell.script.on("POST", "/auth/login", {"token": "stx_new", "user_id": 1, "username": "alice"})
    shell.script.on("GET", "/auth/me", {"user_id": 1, "username": "alice", "token_id": 7})
    return shell


def test_login_stores_a_token_for_the_owner_alone(server, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("long password\n"))
    ran = server("login", "http://storax.test", "-u", "alice", "--password-stdin", "--profile", "work")
    assert (ran.status, ran.out) == (0, "")
    stored = settings.load_profile("work")
    assert (stored.url, stored.token.get_secret_value()) == ("http://storax.test", "stx_new")
    assert settings.profile_path("work").stat().st_mode & 0o077 == 0
    assert server.script.requests[0].body == {"username": "alice", "password": "long password"}
    assert "stx_new" not in ran.err
    assert "long password" not in ran.err


def test_a_token_can_be_stored_as_it_is(server, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("stx_given\n"))
    assert server("login", "http://storax.test", "--token-stdin").status == 0
    assert settings.load_profile("default").token.get_secret_value() == "stx_given"
    assert server.script.last.headers["authorization"] == "Bearer stx_given"


def test_a_refused_login_stores_nothing(server, monkeypatch):
    server.script.on("POST", "/auth/login", problem(401, "unauthorized", "wrong username or password"))
    monkeypatch.setattr("sys.stdin", io.StringIO("x\n"))
    assert server("login", "http://storax.test", "-u", "alice", "--password-stdin").status == 4
    assert settings.profile_names() == []


def test_a_pipe_gets_no_password_prompt(server, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    for arguments in ([], ["-u", "alice"], ["-u", "alice", "--password-stdin"], ["--token-stdin"]):
        assert server("login", "http://storax.test", *arguments).status == 2
    assert server.script.requests == []


def test_logout_ends_no_site_unasked(server):
    """The tokens of sites were created with that of the login, and would be revoked with it."""
    me = {"user_id": 1, "username": "alice", "token_id": 7, "tokens_created": 2}
    server.script.on("GET", "/auth/me", me).on("DELETE", "/tokens/7", (204, None))
    settings.save_profile("default", url="http://storax.test", token="stx_old")
    refused = server("logout")
    assert (refused.status, "2 tokens were created with this one" in refused.err) == (1, True)
    assert settings.profile_names() == ["default"]
    assert server("logout", "--keep").status == 0
    assert [one.method for one in server.script.requests] == ["GET"]
    settings.save_profile("default", url="http://storax.test", token="stx_old")
    assert server("logout", "--yes").status == 0
    assert server.script.last.method == "DELETE"
    assert settings.profile_names() == []


@pytest.mark.parametrize("answer", [(204, None), problem(401, "unauthorized"), problem(503, "unavailable")])
def test_logout_forgets_even_where_nothing_can_be_revoked(server, answer):
    settings.save_profile("default", url="http://storax.test", token="stx_old")
    server.script.on("DELETE", "/tokens/7", answer)
    if answer[0] == 503:
        server.script.on("GET", "/auth/me", httpx.ConnectError("away"))
    assert server("logout").status == 0
    assert settings.profile_names() == []
    assert server("logout").status == 3


def test_whoami_says_who_and_where(server):
    user = json.loads(server("whoami", "-o", "json").out)
    assert (user["username"], user["url"]) == ("alice", "http://storax.test")


def test_open_signs_in_at_a_server_of_this_machine(server, monkeypatch):
    monkeypatch.setattr("storax.cli.login.HERE", ("storax.test",))
    server.script.on("POST", "/auth/login-codes", {"code": "c0de", "expires_at": "2026-01-01T00:01:00Z"})
    assert server("open", "--print").out == "http://storax.test/ui/enter?code=c0de\n"
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    ran = server("open")
    assert opened == ["http://storax.test/ui/enter?code=c0de"]
    assert "c0de" not in ran.out + ran.err
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    assert server("open").out == "http://storax.test/ui/enter?code=c0de\n"


def test_open_asks_no_code_of_another_server(server):
    assert server("open", "--print").out == "http://storax.test/ui/\n"
    assert not server.script.requests
