"""A server that forges: at a site where no App may run, nothing gets in or out, and nothing is removed."""

import pytest

from fakes.session_server import SessionServer
from fakes.site import RunningSite
from storax_agent.settings.policy import app_digest
from waiting import eventually

NO_APP = "allowed_apps = []"
EVIL = "echo evil > canary"


class HostileServer(SessionServer):
    """It also asks for windows of files, keeps the replies, and counts how often the agent looked at its BatchJobs."""

    def __init__(self):
        super().__init__()
        self.wanted, self.replies, self.looks = [], [], 0

    def answer(self, method, path, query, body):
        if path.endswith("/file-requests"):
            requests, self.wanted = self.wanted, []
            return 200, {"requests": requests}
        if path.endswith("/file-replies"):
            self.replies += body["replies"]
            return 200, {"accepted": len(body["replies"])}
        self.looks += path.endswith("batch-jobs/query")
        return super().answer(method, path, query, body)

    def transfer(self, job, **fields):
        number = self._number()
        row = {"id": number, "job_id": job, "site_id": self.site_id, "state": "pending", "task_id": None}
        self.store.transfers[number] = {**row, "recursive": False, "transfer_info": {}, **fields}
        return number

    def batch_job(self, **fields):
        number = self._number()
        row = {"id": number, "site_id": self.site_id, "state": "pending_submission", "session_id": None}
        self.store.batch_jobs[number] = {
            **row, "num_nodes": 1, "wall_time_min": 1, "scheduler_id": None, "status_info": {}, **fields,
        }  # fmt: skip
        return number


@pytest.fixture
def server():
    server = HostileServer()
    yield server
    server.close()


@pytest.fixture
def archive(tmp_path):
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "in.txt").write_text("forged")
    return folder


@pytest.fixture
def start(tmp_path, server, archive):
    """Start the agent of a site with these lines of policy, whose data folder holds the results of an old job."""
    sites = []

    def begin(policy):
        site = RunningSite(tmp_path / "site", server.url, cleanup_poll_sec=0.2)
        sites.append(site)
        server.site_id = site.site_id
        with site.folder.settings_file.open("a") as file:
            file.write(f'[policy]\nallow_functions = true\n{policy}\n[transfer_locations]\na = "file://{archive}"\n')
        site.file("old").mkdir()
        for name in ("result.csv", "in.txt"):
            site.file(f"old/{name}").write_text("precious")
        return site.start()

    yield begin
    for site in sites:
        site.close()


def item_of(server, app, direction, path, **fields):
    state = "READY" if direction == "in" else "POSTPROCESSED"
    job = server.job(app, workdir="old", state=state)
    place = {"location_alias": "a", "remote_path": f"/{path}", "local_path": path}
    return server.transfer(job, direction=direction, **place, **fields)


def refused(server, number):
    eventually(lambda: server.store.transfers[number]["state"] == "error")
    return server.store.transfers[number]["transfer_info"]["error"]


def untouched(site, archive):
    kept = {path.name: path.read_text() for path in site.file("old").iterdir()}
    return kept == {"result.csv": "precious", "in.txt": "precious"} and [p.name for p in archive.iterdir()] == [
        "in.txt"
    ]


def test_no_file_is_taken_out_or_overwritten(start, server, archive):
    site = start(NO_APP)
    app = server.app("true", transfers={"x": {"direction": "out", "local_path": "result.csv"}}, cleanup_files=[])
    for direction, path in (("out", "result.csv"), ("in", "in.txt")):
        assert "is not in allowed_apps" in refused(server, item_of(server, app, direction, path))
    assert untouched(site, archive)


def test_what_a_transfer_is_said_to_have_left_is_not_removed(start, server, archive):
    site = start(NO_APP)
    begun = item_of(server, server.app(), "in", "in.txt", task_id="t", transfer_info={"tries": 1})
    assert "is not in allowed_apps" in refused(server, begun)
    assert untouched(site, archive)


def test_no_file_is_deleted(start, server, archive):
    site = start(NO_APP)
    app = server.app("true", cleanup_files=["**/*", "*"], site_id=site.site_id)
    server.job(app, workdir="old", state="JOB_FINISHED", pending_file_cleanup=True, site_id=site.site_id)
    eventually(lambda: "file cleaner: site policy: App" in site.log)
    assert untouched(site, archive)


def test_no_file_is_read(start, server, archive):
    site = start(NO_APP)
    job = server.job(server.app(), workdir="old", state="JOB_FINISHED")
    server.wanted = [{"id": "r", "job_id": job, "workdir": "old", "path": "result.csv", "offset": 0, "size": 99}]
    (reply,) = eventually(lambda: server.replies)
    assert "is not in allowed_apps" in reply["error"]
    assert "data" not in reply
    assert untouched(site, archive)


@pytest.mark.parametrize(
    ("app", "job"),
    [
        ({"command_template": EVIL, "use_shell": True}, {}),
        ({"shell_preamble": EVIL}, {}),
        ({"command_template": None, "source_code": f"import os; os.system({EVIL!r})"}, {}),
        ({"source_code": f"import os; os.system({EVIL!r})", "hooks": ["postprocess"]}, {"state": "RUN_DONE"}),
        ({"source_code": f"import os; os.system({EVIL!r})"}, {"state": "RUN_DONE"}),
    ],
    ids=["command", "preamble", "function", "hook", "undeclared hook"],
)
def test_nothing_runs(start, server, archive, app, job, monkeypatch):
    monkeypatch.setattr(
        "fakes.session_server._free", lambda row: row["session_id"] is None and row["state"] != "FAILED"
    )
    site = start(NO_APP)
    number = server.job(server.app(**{"command": "true", **_named(app)}), workdir="old", **job)
    eventually(lambda: server.accepted_states(number))
    assert server.accepted_states(number) == ["FAILED"]
    assert "is not in allowed_apps" in server.data(number)["message"]
    assert untouched(site, archive)


def _named(app):
    return {"command" if name == "command_template" else name: value for name, value in app.items()}


def test_no_allocation_is_requested(start, server, archive):
    start(NO_APP)
    number = server.batch_job()
    row = server.store.batch_jobs[number]
    eventually(lambda: row["state"] != "pending_submission")
    assert (row["state"], row["scheduler_id"]) == ("submit_failed", None)
    assert "no App may run at this site" in row["status_info"]["error"]


def test_a_forged_scheduler_id_ends_no_process_of_the_owner(start, server, archive):
    """An allocation of this machine is a process, and its id has the pid."""
    site = start("")
    victim = site.pid
    from storax_agent.launch.process_identity import start_time_of

    forged = server.batch_job(state="pending_deletion", scheduler_id=f"7.{victim}@{start_time_of(victim):.2f}")
    looks = server.looks
    eventually(lambda: server.looks > looks + 3 or site.agent.poll() is not None)
    assert site.agent.poll() is None
    assert server.store.batch_jobs[forged]["state"] == "pending_deletion"


def test_the_files_of_an_allowed_app_move(start, server, archive):
    app = server.app("true", transfers={"x": {"direction": "out", "local_path": "result.csv"}}, cleanup_files=[])
    site = start(f'allowed_apps = ["{app_digest(server.store.apps[app])}"]')
    good, bad = item_of(server, app, "out", "result.csv"), item_of(server, app, "out", "in.txt")
    eventually(lambda: server.store.transfers[good]["state"] == "done")
    assert (archive / "result.csv").read_text() == site.read("old/result.csv") == "precious"
    assert "no transfer slot" in refused(server, bad)
    assert (archive / "in.txt").read_text() == "forged"
