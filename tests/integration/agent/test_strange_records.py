"""One record never stops a site: what cannot be stored or sent is its job's reason, or is set aside, and the next goes on."""

import json
import os
import sqlite3
import time

import pytest

from fakes.session_server import SessionServer
from fakes.site import RunningSite
from fakes.site_user import SiteUser
from proxy import Proxy
from storax import App, Client
from storax.local.site_reports import site_reports
from storax.local.state import Stack
from storax_agent.control.checks import check
from waiting import eventually

SOON_SEC = 60.0  # a machine that is starved; without a guard nothing comes at all


class Leaving(App):
    """Leaves what no JSON or no database holds."""

    site = "test"
    max_attempts = 1

    def run(self, what):
        if what == "names":
            os.close(os.open(b"\xff\xfe.txt", os.O_CREAT | os.O_WRONLY))
            return os.listdir()  # noqa: PTH208 - as users write it
        if what == "raise":
            raise ValueError("bad \udcff name, and \0")
        if what == "deep":
            value = []
            for _ in range(500):
                value = [value]
            return value
        return {"\udcff": "key"} if what == "key" else "a\0b" if what == "nul" else [2**70] if what == "large" else what


class Hooked(App):
    """Its hook sets what no JSON holds."""

    site = "test"
    command_template = "true"
    parameters = {"what": {"required": True}}

    def postprocess(self):
        if self.job.parameters["what"] == "tags":
            self.job.tags = {"name": "\udcff"}
        else:
            self.create_job("Hooked", "w/\udcff", parameters={"what": "tags"})


@pytest.fixture(scope="module")
def user(world):
    return world.user("strange")


@pytest.fixture
def site(tmp_path, world, user):
    for old in user.get("/sites/")["results"]:
        user.ask("DELETE", f"/sites/{old['id']}")
    site = RunningSite(tmp_path / "site", world.url, token=user.token, slots=1)
    site.folder.add_policy("allow_functions = true\n")
    yield site
    site.close()


@pytest.fixture
def desk(user, site):
    return SiteUser(user, site)


def goes_on(desk):
    """The site still runs jobs."""
    desk.ended(desk.job(desk.app(f"next{os.urandom(4).hex()}")))


REASONS = {
    "names": "valid Unicode", "key": "valid Unicode", "raise": "ValueError: bad \\udcff name, and \\x00",
    "nul": "NUL", "deep": "nested deeper than", "large": "64",
}  # fmt: skip


def test_whatever_a_function_leaves_is_the_reason_of_its_job_and_the_next_runs(desk, site, world, user):
    site.start()
    with Client(world.url, user.token):
        Leaving.sync()
        for what, reason in REASONS.items():
            job = Leaving.submit("w/odd", what=what)
            desk.ended(job.id, "FAILED")
            assert reason in desk.last_data(job.id, "FAILED")["message"], what
            goes_on(desk)
        fine = Leaving.submit("w/odd", what="fine")
        assert fine.result(timeout=SOON_SEC) == "fine"
    assert "unexpected error" not in site.log
    assert not site.folder.set_aside.exists(), "they were reported, not set aside"


@pytest.mark.parametrize(("what", "place"), [("tags", "['name']"), ("jobs", "[0]['workdir']")])
def test_whatever_a_hook_sets_is_the_reason_of_its_job_and_the_next_runs(desk, site, world, user, what, place):
    site.start()
    with Client(world.url, user.token):
        Hooked.sync()
        job = Hooked.submit("w/odd", what=what)
    desk.ended(job.id, "FAILED")
    message = desk.last_data(job.id, "FAILED")["message"]
    assert (place in message, "valid Unicode" in message) == (True, True), message
    goes_on(desk)


def spoil(site, body):
    with sqlite3.connect(site.folder.outbox) as db:
        (rows,) = db.execute("SELECT count(*) FROM outbox").fetchone()
        db.execute("UPDATE outbox SET body = ?", (body,))
    db.close()
    return rows


@pytest.mark.parametrize("body", [b"\xff\x00{", b'[{"id": 1}]', b'{"id": 1}'], ids=["no JSON", "no entry", "no list"])
def test_a_damaged_row_of_the_outbox_is_set_aside_and_told_everywhere(tmp_path, world, body):
    user = world.user()
    with Proxy(world.url) as proxy:
        site = RunningSite(tmp_path / "site", proxy.url, token=user.token, session_ttl_sec=60)
        desk = SiteUser(user, site)
        try:
            site.start()
            script = "echo run >> ../runs; while [ ! -e ../go ]; do sleep 0.02; done"
            job = desk.job(desk.app("slow", script, use_shell=True))
            eventually(lambda: desk.read(job)["state"] == "RUNNING")
            proxy.cut()
            site.file("w/go").touch()
            eventually(lambda: _ends_stored(site))
            site.kill()
            assert spoil(site, body) >= 1
            proxy.heal()
            site.start()
            desk.ended(desk.job(desk.app("next")))
            row = eventually(lambda: user.get(f"/sites/{site.site_id}")["set_aside"])
            assert row["newest"][0]["name"].startswith("outbox row ")
            assert "its jobs are reported as lost, and run again" in row["newest"][0]["reason"]
            assert any(finding.what == "set aside" for finding in check(site.folder))
            assert user.get(f"/sites/{site.site_id}")["failing_loops"] == {}
            (report,) = site_reports(Stack(url=world.url, secrets={"token": user.token}))
            assert (report.name, report.set_aside, report.newest) == ("test", 1, row["newest"])
            desk.ended(job)
            assert "its report was damaged" in desk.last_data(job, "RUN_TIMEOUT")["message"]
            assert site.read("w/runs") == "run\nrun\n"
            for path in site.folder.set_aside.iterdir():
                path.unlink()
            eventually(lambda: user.get(f"/sites/{site.site_id}")["set_aside"] == {})
            with sqlite3.connect(site.folder.outbox) as db:
                assert db.execute("SELECT count(*) FROM outbox WHERE body = ?", (body,)).fetchone() == (0,)
        finally:
            site.close()


def _ends_stored(site):
    with sqlite3.connect(site.folder.outbox) as db:
        return any(b"RUN_DONE" in body for (body,) in db.execute("SELECT body FROM outbox"))


@pytest.fixture
def server():
    server = SessionServer()
    yield server
    server.close()


@pytest.mark.parametrize("status", [400, 413, 422, 500])
def test_a_report_that_is_refused_for_good_is_set_aside_and_the_others_arrive(tmp_path, server, status):
    site = RunningSite(tmp_path / "site", server.url)
    try:
        bad = server.job(server.app())
        good = [server.job(server.app()) for _ in range(5)]
        server.reject, server.rejection = lambda rows: any(row["id"] == bad for row in rows), status
        site.start()
        eventually(lambda: server.states(good) == {"JOB_FINISHED"})
        (path,) = eventually(lambda: site.folder.set_aside.is_dir() and [*site.folder.set_aside.glob("*.json")])
        record = json.loads(path.read_text())
        assert record["name"] == f"report of job {bad}, lease 1"
        assert json.loads(record["record"])["id"] == bad
        later = server.job(server.app())
        eventually(lambda: server.state(later) == "JOB_FINISHED")
        eventually(lambda: server.store.sites[site.site_id].get("set_aside", {}).get("count") == 1)
        time.sleep(2.5)
        assert server.state(bad) == "PREPROCESSED"
        assert "took back" not in site.log, "it is looked for again and again"
    finally:
        site.close()


def test_a_server_that_takes_no_report_at_all_costs_none(tmp_path, server):
    site = RunningSite(tmp_path / "site", server.url)
    try:
        server.reject, server.rejection = lambda _: True, 500
        jobs = [server.job(server.app()) for _ in range(3)]
        site.start()
        time.sleep(3)
        assert not site.folder.set_aside.exists()
        server.reject = lambda _: False  # at any moment: also between a report and the next try
        eventually(lambda: server.states(jobs) == {"JOB_FINISHED"})
    finally:
        site.close()


@pytest.mark.parametrize("calls", [4, 8, 12])
def test_a_fault_of_the_server_that_ends_between_two_tries_costs_no_result(tmp_path, server, calls):
    """The client tries a call four times; then the agent examines whether the entry is at fault."""
    site = RunningSite(tmp_path / "site", server.url)
    refused = []
    try:
        server.reject = lambda rows: len(refused) < calls and not refused.append(rows)
        server.rejection = 500
        job = server.job(server.app())
        site.start()
        eventually(lambda: server.state(job) in ("JOB_FINISHED", "FAILED"))
        assert server.state(job) == "JOB_FINISHED"
        assert len(refused) == calls
        assert not site.folder.set_aside.exists()
    finally:
        site.close()


def test_faults_that_come_and_go_for_one_report_cost_no_result(tmp_path, server):
    """Each time the server takes an empty report, and would take one without the result; the agent has to look again."""
    site = RunningSite(tmp_path / "site", server.url)
    refused = []
    try:
        server.reject = lambda rows: any("patch" in row for row in rows) and len(refused) < 16 and not refused.append(1)
        server.rejection = 500
        job = server.job(server.app())
        site.start()
        eventually(lambda: server.state(job) in ("JOB_FINISHED", "FAILED"))
        assert server.state(job) == "JOB_FINISHED"
        assert len(refused) == 16
        assert not site.folder.set_aside.exists()
    finally:
        site.close()


def test_a_report_that_the_server_never_takes_holds_up_no_other_and_ends_its_job_with_the_reason(tmp_path, server):
    site = RunningSite(tmp_path / "site", server.url)
    bad, refused = server.job(server.app()), []
    try:
        server.reject = lambda rows: any(row["id"] == bad and "patch" in row for row in rows) and not refused.append(1)
        server.rejection = 500
        site.start()
        eventually(lambda: refused)
        good = server.job(server.app())
        eventually(lambda: server.state(good) == "JOB_FINISHED")
        eventually(lambda: server.state(bad) == "FAILED")
        later = server.job(server.app())
        eventually(lambda: server.state(later) == "JOB_FINISHED")
        assert not site.folder.set_aside.exists()
    finally:
        site.close()


def test_an_agent_that_ends_while_the_server_takes_no_report_leaves_it_and_its_lease_to_the_next_one(tmp_path, server):
    site = RunningSite(tmp_path / "site", server.url)
    refused = []
    try:
        server.reject, server.rejection = lambda rows: not refused.append(rows), 500
        job = server.job(server.app("echo run >> ../runs", use_shell=True))
        site.start()
        eventually(lambda: any(row["moves"][-1]["to"] == "RUN_DONE" for rows in refused for row in rows))
        site.stop()
        assert server.store.jobs[job]["lease_epoch"] == 1, "its result would be refused, and it would run again"
        server.reject = lambda _: False
        site.start()
        eventually(lambda: server.state(job) == "JOB_FINISHED")
        assert site.read("w/runs") == "run\n"
    finally:
        site.close()


def test_a_fault_of_the_server_costs_no_end_of_a_job_whose_result_it_refuses(tmp_path, server):
    site = RunningSite(tmp_path / "site", server.url)
    faults = []

    def reject(rows):
        if any("patch" in row for row in rows):  # whatever the job left behind
            server.rejection = 422
            return True
        server.rejection = 500
        return any(row["moves"] for row in rows) and len(faults) < 4 and not faults.append(rows)

    try:
        server.reject = reject
        job = server.job(server.app())
        site.start()
        eventually(lambda: server.state(job) == "FAILED" or site.folder.set_aside.exists())
        assert server.state(job) == "FAILED"
        assert len(faults) == 4
        assert not site.folder.set_aside.exists()
    finally:
        site.close()
