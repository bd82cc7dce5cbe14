"""Slots of Apps become files that move: the real server, a real agent, a real sshd, and what goes wrong between them."""

import json
import os
import shutil
import subprocess

import pytest

from fakes.processes import alive
from fakes.site import RunningSite
from fakes.sshd import Sshd
from proxy import Proxy
from storax_agent.control.checks import check
from storax_agent.transfers.copies import part_name
from waiting import eventually

SLOTS = {
    "source": {"direction": "in", "local_path": "in.txt"},
    "result": {"direction": "out", "local_path": "out.txt", "required": False},
}
HASTY = {"transfer_retry_sec": 0.2, "cleanup_poll_sec": 0.2, "transfer_poll_sec": 0.1}


@pytest.fixture(scope="module")
def user(world):
    return world.user("carrier")


@pytest.fixture(scope="module")
def sshd():
    with Sshd() as running:
        yield running


@pytest.fixture
def lab(sshd):
    shutil.rmtree(sshd.base)
    sshd.base.mkdir()
    return sshd


class SiteUser:
    """One site, and what its user does."""

    def __init__(self, user, site):
        self.user, self.site = user, site

    def locate(self, **locations):
        with self.site.folder.settings_file.open("a") as file:
            for alias, table in locations.items():
                rows = "".join(f"{name} = {json.dumps(value)}\n" for name, value in table.items())
                file.write(f"\n[transfer_locations.{alias}]\n{rows}")

    def app(self, name="upper", command="tr a-z A-Z < in.txt > out.txt", **fields):
        fields = {"use_shell": True, "transfers": SLOTS, **fields}
        return self.user.post(
            "/apps/", {"site_id": self.site.site_id, "name": name, "command_template": command, **fields}
        )["id"]

    def job(self, app, **transfers):
        workdir = f"w/{os.urandom(4).hex()}"
        return self.user.post("/jobs/", {"app_id": app, "workdir": workdir, "transfers": transfers})["id"]

    def state(self, job):
        return self.user.states(job)[0]

    def ended(self, job, state="JOB_FINISHED"):
        eventually(lambda: self.state(job) in ("JOB_FINISHED", "FAILED", "CANCELLED"))
        assert self.state(job) == state, (self.events(job), self.items(job), self.site.log)

    def items(self, job):
        return self.user.get("/transfers/", job_id=job, ordering="id")["results"]

    def events(self, job):
        return self.user.events(job_id=job)

    def reason(self, job, state="FAILED"):
        return self.user.events(job_id=job, entity="job", to_state=state)[-1]["data"]["message"]


@pytest.fixture
def desk(tmp_path, world, user):
    for old in user.get("/sites/")["results"]:
        user.ask("DELETE", f"/sites/{old['id']}")
    site = RunningSite(tmp_path / "site", world.url, token=user.token, **HASTY)
    yield SiteUser(user, site)
    site.close()


def test_files_come_in_before_the_run_and_go_out_after_it(desk, lab):
    (lab.base / "a b.txt").write_text("carried\n")
    desk.locate(lab=lab.location())
    desk.site.start()
    job = desk.job(desk.app(), source="lab:/a b.txt", result="lab:/out/new/r.txt")
    desk.ended(job)
    assert (lab.base / "out/new/r.txt").read_text() == "CARRIED\n"
    moves = [(e["entity"], e["to_state"]) for e in sorted(desk.events(job), key=lambda e: e["position"])]
    inward = [i["id"] for i in desk.items(job) if i["direction"] == "in"]
    done = [e for e in desk.user.events(entity="transfer_item", to_state="done") if e["entity_id"] in inward]
    running = desk.user.events(entity="job", job_id=job, to_state="RUNNING")
    assert done[0]["position"] < running[0]["position"]
    states = [to for entity, to in moves if entity == "job" and to]
    assert states == ["READY", "STAGED_IN", "PREPROCESSED", "RUNNING", "RUN_DONE", "POSTPROCESSED", "STAGED_OUT",
                      "JOB_FINISHED"]  # fmt: skip
    assert [i["transfer_info"]["bytes"] for i in desk.items(job)] == [8, 8]
    assert not list(desk.site.folder.transfers.rglob("tree/*")), "the stage was not emptied"


def test_what_cannot_succeed_fails_its_job_with_the_reason_and_the_others_finish(desk, lab, tmp_path):
    (lab.base / "good").write_text("x")
    (tmp_path / "here").mkdir()
    desk.locate(lab=lab.location(), denied=lab.location(key="other_key"), here={"url": f"file://{tmp_path}/here"})
    desk.site.start()
    app = desk.app()
    jobs = {
        "missing": desk.job(app, source="lab:/no such.txt"),
        "denied": desk.job(app, source="denied:/good"),
        "unknown": desk.job(app, source="nowhere:/good"),
        "escaping": desk.job(app, source="here:/../good"),
        "no output": desk.job(desk.app("none", "true"), source="lab:/good", result="lab:/r"),
    }
    good = [desk.job(app, source="lab:/good", result=f"lab:/out/{n}") for n in range(20)]
    reasons = {
        "missing": "No such file or directory", "denied": "refuses the key", "escaping": "'..'",
        "unknown": "'nowhere' is not in [transfer_locations]", "no output": "No such file or directory",
    }  # fmt: skip
    for name, job in jobs.items():
        desk.ended(job, "FAILED")
        assert reasons[name] in desk.reason(job), name
        assert reasons[name] in desk.items(job)[-1 if name == "no output" else 0]["transfer_info"]["error"]
    assert "there: denied, here, lab" in desk.reason(jobs["unknown"])
    for job in good:
        desk.ended(job)
    assert desk.site.agent.poll() is None
    assert "unexpected error" not in desk.site.log


def test_a_host_that_is_away_for_a_while_is_waited_for(desk, lab, tmp_path):
    (lab.base / "x").write_text("x")
    (tmp_path / "here").mkdir()
    (tmp_path / "here/y").write_text("y")
    with Proxy(f"ssh://127.0.0.1:{lab.port}") as proxy:
        port = int(proxy.url.rpartition(":")[2])
        lab.know(lab.folder / "host_key.pub", port=port)
        proxy.cut()
        desk.locate(lab=lab.location(port=port), here={"url": f"file://{tmp_path}/here"})
        desk.site.start()
        app = desk.app()
        waiting, other = desk.job(app, source="lab:/x"), desk.job(app, source="here:/y")
        desk.ended(other)
        tried = eventually(lambda: (i := desk.items(waiting)[0])["transfer_info"].get("tries", 0) >= 2 and i)
        assert (tried["state"], desk.state(waiting)) == ("pending", "READY")
        assert "Connection" in tried["transfer_info"]["error"]
        proxy.heal()
        desk.ended(waiting)


def test_a_host_that_stays_away_is_given_up(desk, lab):
    desk.site.folder.settings_file.write_text("transfer_tries = 2\n" + desk.site.folder.settings_file.read_text())
    with Proxy(f"ssh://127.0.0.1:{lab.port}") as proxy:
        port = int(proxy.url.rpartition(":")[2])
        lab.know(lab.folder / "host_key.pub", port=port)
        proxy.cut()
        desk.locate(lab=lab.location(port=port))
        desk.site.start()
        job = desk.job(desk.app(), source="lab:/x")
        desk.ended(job, "FAILED")
        assert "given up after 2 tries" in desk.reason(job)


def slow_file(desk, lab, proxy, size=12 << 20):
    """A job whose file takes seconds to come in."""
    port = int(proxy.url.rpartition(":")[2])
    lab.know(lab.folder / "host_key.pub", port=port)
    (lab.base / "big").write_bytes(os.urandom(size))
    proxy.slow(2 << 20)
    desk.locate(lab=lab.location(port=port))
    desk.site.start()
    job = desk.job(desk.app("size", "wc -c < in.txt"), source="lab:/big")
    eventually(lambda: proxy.carried > size // 3)
    return job


def test_an_agent_that_is_killed_midway_is_followed_by_one_that_goes_on(desk, lab):
    with Proxy(f"ssh://127.0.0.1:{lab.port}") as proxy:
        job = slow_file(desk, lab, proxy)
        shown = eventually(lambda: (i := desk.items(job)[0])["state"] == "active" and i)
        assert shown["direction"] == "in"
        desk.site.kill()
        eventually(lambda: not rsyncs(desk))  # it ends with the agent that read its progress
        proxy.slow(None)
        before = proxy.carried
        desk.site.start()
        desk.ended(job)
        workdir = desk.user.get(f"/jobs/{job}")["workdir"]
        assert (desk.site.file(workdir) / "in.txt").read_bytes() == (lab.base / "big").read_bytes()
        assert proxy.carried - before < 10 << 20, "it came from the beginning"


def test_a_job_that_is_cancelled_midway_stops_its_files(desk, lab):
    with Proxy(f"ssh://127.0.0.1:{lab.port}") as proxy:
        job = slow_file(desk, lab, proxy, size=40 << 20)
        desk.user.post("/jobs/cancel", {"filter": {"id": [job]}})
        desk.ended(job, "CANCELLED")
        eventually(lambda: not rsyncs(desk))
        eventually(lambda: desk.items(job)[0]["state"] == "error")
        assert desk.reason(job, "CANCELLED") == "cancelled"


def test_what_a_killed_agent_left_of_a_local_copy_goes_with_its_job(desk, tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    (store / "big").write_bytes(b"x")
    desk.locate(here={"url": f"file://{store}"})
    job = desk.job(desk.app(), source="here:/big", result="here:/out")
    (item,) = [row for row in desk.items(job) if row["direction"] == "in"]
    desk.user.patch(f"/transfers/{item['id']}", {"state": "active"})
    left = desk.site.file(desk.user.get(f"/jobs/{job}")["workdir"]) / part_name(item["id"], "in.txt")
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x" * 100)
    desk.user.post("/jobs/cancel", {"filter": {"id": [job]}})
    desk.ended(job, "CANCELLED")
    desk.site.start()
    eventually(lambda: not left.exists())


def test_a_way_in_and_out_that_fail_for_a_while_are_repeated_and_the_job_runs_once(desk, tmp_path):
    store, away = tmp_path / "store", tmp_path / "away"
    store.mkdir()
    text = desk.site.folder.settings_file.read_text()  # the last of 4 tries comes after 7 pauses
    desk.site.folder.settings_file.write_text(text.replace("transfer_retry_sec = 0.2", "transfer_retry_sec = 1.0"))
    desk.locate(here={"url": f"file://{store}"}, mount={"url": f"file://{away}"})
    desk.site.start()
    job = desk.job(desk.app("count", "echo run >> runs; cp in.txt out.txt"), source="here:/late", result="mount:/r")
    tried = eventually(lambda: (i := desk.items(job)[0])["transfer_info"].get("tries") and i)
    assert (tried["state"], desk.state(job)) == ("pending", "READY")
    assert "No such file" in tried["transfer_info"]["error"]
    (store / "late").write_text("late")
    out = eventually(lambda: (i := desk.items(job)[-1])["transfer_info"].get("tries") and i)
    assert (out["direction"], desk.state(job)) == ("out", "POSTPROCESSED")
    away.mkdir()
    desk.ended(job)
    assert (away / "r").read_text() == "late"
    assert (desk.site.file(desk.user.get(f"/jobs/{job}")["workdir"]) / "runs").read_text() == "run\n"


def test_a_missing_file_keeps_no_other_waiting_and_fails_its_job_after_few_tries(desk, tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    (store / "good").write_text("x")
    desk.locate(here={"url": f"file://{store}"})
    desk.site.start()
    app = desk.app()
    missing = desk.job(app, source="here:/none")
    eventually(lambda: desk.items(missing)[0]["transfer_info"].get("tries"))
    desk.ended(desk.job(app, source="here:/good"))
    desk.ended(missing, "FAILED")
    assert "No such file or directory (given up after 4 tries)" in desk.reason(missing)


def rsyncs(desk):
    """Living rsync processes of this site."""
    text = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True).stdout
    mine = [line.split()[0] for line in text.splitlines() if str(desk.site.folder.path) in line and "rsync" in line]
    return [pid for pid in mine if alive(int(pid))]


def test_files_are_cleaned_once_after_the_end_and_never_outside(desk, tmp_path):
    (outside := tmp_path / "outside").mkdir()
    (outside / "a.tmp").write_text("mine")
    desk.site.start()
    command = "mkdir -p sub; touch a.tmp sub/b.tmp keep; ln -s {{ where }} link; test -z {{ fail }}"
    rules = {"where": {}, "fail": {"required": False, "default": ""}}
    globs = ["*.tmp", "sub", "link/*"]
    app = desk.app("messy", command, transfers={}, cleanup_files=globs, parameters=rules)
    rows = [{"app_id": app, "workdir": f"clean/{n}", "parameters": {"where": str(outside)}} for n in range(3)]
    rows.append({"app_id": app, "workdir": "clean/failed", "parameters": {"where": str(outside), "fail": "yes"}})
    *jobs, failed = [row["id"] for row in desk.user.post("/jobs/", rows)["results"]]
    for job in jobs:
        desk.ended(job)
    desk.ended(failed, "FAILED")
    eventually(lambda: not any(desk.user.get(f"/jobs/{job}")["pending_file_cleanup"] for job in jobs))
    for number in range(3):
        names = {path.name for path in desk.site.file(f"clean/{number}").iterdir()}
        assert {"keep", "link"} <= names
        assert not names & {"a.tmp", "sub"}
    assert (outside / "a.tmp").read_text() == "mine"
    assert (desk.site.file("clean/failed") / "a.tmp").exists()
    assert desk.user.get(f"/jobs/{failed}")["pending_file_cleanup"] is True
    # Remembered: what is made later under such a name stays.
    (desk.site.file("clean/0") / "later.tmp").write_text("x")
    again = desk.user.post("/jobs/", {**rows[0], "workdir": "clean/again"})["id"]
    desk.ended(again)
    eventually(lambda: desk.user.get(f"/jobs/{again}")["pending_file_cleanup"] is False)
    assert (desk.site.file("clean/0") / "later.tmp").exists()


def test_the_check_of_a_site_asks_each_location(desk, lab, tmp_path):
    desk.locate(lab=lab.location(), denied=lab.location(key="other_key"), gone={"url": f"file://{tmp_path}/gone"})
    findings = {finding.what: finding for finding in check(desk.site.folder)}
    assert findings["location lab"].good
    assert (findings["location denied"].good, "refuses the key" in findings["location denied"].detail) == (False, True)
    assert (findings["location gone"].good, "is not a folder" in findings["location gone"].detail) == (False, True)
