"""The agent with the real server: jobs, files, allocations and cancels, from the REST API to the process and back."""

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.processes import alive, in_group
from fakes.site import RunningSite
from fakes.site_user import SiteUser
from storax_agent.settings.site import SiteFolder
from storax_core.commands import resource_rules
from storax_core.resources import BATCH_JOBS
from waiting import eventually


@pytest.fixture(scope="module")
def user(world):
    return world.user("agent-owner")


@pytest.fixture
def site(tmp_path, world, user):
    for old in user.get("/sites/")["results"]:
        user.ask("DELETE", f"/sites/{old['id']}")
    site = RunningSite(tmp_path / "site", world.url, token=user.token)
    yield site
    site.close()


@pytest.fixture
def desk(user, site):
    return SiteUser(user, site)


def test_a_job_runs_from_end_to_end(desk, site):
    site.start()
    rule = {"who": {"required": False, "default": "you", "help": ""}}
    app = desk.app("hello", "echo hello {{ who }}", parameters=rule)
    first, second = desk.job(app), desk.job(app, parameters={"who": "$(id); 'x'"})
    assert desk.ended(first)["return_code"] == 0
    assert site.read(desk.read(first)["workdir"] + "/job.out") == "hello you\n"
    desk.ended(second)
    assert site.read(desk.read(second)["workdir"] + "/job.out") == "hello $(id); 'x'\n"
    assert desk.moves(first) == ["PREPROCESSED", "RUNNING", "RUN_DONE", "JOB_FINISHED"]


def test_a_result_and_a_failure_come_back(desk, site):
    site.start()
    script = "printf '{\"sum\": 3}' > $STORAX_RESULT_FILE; echo bad luck >&2; exit {{ code }}"
    app = desk.app(
        "result", script, use_shell=True, parameters={"code": {"required": True, "default": None, "help": ""}}
    )
    assert desk.ended(desk.job(app, parameters={"code": 0}))["return_value"] == {"sum": 3}
    failed = desk.job(app, parameters={"code": 4})
    assert desk.ended(failed, "FAILED")["return_code"] == 4
    assert desk.last_data(failed, "RUN_ERROR")["stderr_tail"] == "bad luck"


def test_a_result_that_postgres_cannot_hold_fails_that_job_alone(desk, site):
    site.start()
    app = desk.app("nul", "printf '\"a\\\\u0000b\"' > $STORAX_RESULT_FILE", use_shell=True)
    job, good = desk.job(app), desk.job(desk.app("plain"))
    desk.ended(good)
    desk.ended(job, "FAILED")
    message = desk.last_data(job, "FAILED")["message"]
    assert re.match(r"its result cannot be stored: .*NUL.*; it is kept in result-\d+\.json of its workdir", message)
    assert site.file(f"{desk.read(job)['workdir']}/result-{job}.json").read_text() == '"a\\u0000b"'


def test_a_flood_of_output_ends_its_job_with_the_reason_in_its_events(desk, site):
    with site.folder.settings_file.open("a") as file:
        file.write("[launcher]\nmax_output_mb = 1\n")
    site.start()
    job = desk.job(desk.app("flood", "head -c 3000000 /dev/zero; sleep 60", use_shell=True))
    desk.ended(job, "FAILED")
    message = "it wrote more than 1 MiB to job.out (max_output_mb in site.toml)"
    assert desk.last_data(job, "RUN_ERROR")["message"] == message
    assert site.file(desk.read(job)["workdir"] + "/job.out").stat().st_size == 1 << 20


def test_memory_that_a_site_does_not_have_is_refused_and_what_it_has_is_packed(desk, site):
    with site.folder.settings_file.open("r+") as file:
        text = file.read()
        file.seek(0)
        file.write(f"memory_mb = 1000\n{text}")
    site.start()
    app = desk.app("big", "sleep 0.2")
    data = desk.last_data(desk.ended(desk.job(app, mem_per_node_mb=1001), "FAILED")["id"], "FAILED")
    assert data["message"] == "needs 1001 MiB of memory; this site has 1000 (memory_mb in its site.toml)"
    first, second = desk.job(app, mem_per_node_mb=600), desk.job(app, mem_per_node_mb=600)
    desk.ended(first)
    desk.ended(second)
    (begun,) = desk.user.get("/events/", job_id=second, to_state="RUNNING")["results"]
    (done,) = desk.user.get("/events/", job_id=first, to_state="RUN_DONE")["results"]
    assert done["data"]["at"] <= begun["data"]["at"]
    size = desk.user.get(f"/sites/{site.site_id}")["node_size"]
    assert size == {"cores": 2, "gpus": 0, "memory_mb": 1000}


def test_attempts_follow_one_another(desk, site):
    site.start()
    app = desk.app("second_time", "test -e ran || { touch ran; exit 1; }", use_shell=True)
    job = desk.job(app, max_attempts=2)
    assert desk.ended(job)["attempt"] == 2
    workdir = site.folder.data / desk.read(job)["workdir"]
    assert {"job.out", "job.out.1", "job.err", "job.err.1"} <= {path.name for path in workdir.iterdir()}


def test_cancelling_ends_the_process_within_seconds(desk, site):
    site.start()
    app = desk.app("long", "echo $$ > pid; sleep 600 & sleep 601", use_shell=True)
    jobs = [desk.job(app) for _ in range(2)]
    pids = [int(eventually(lambda j=j: site.read(desk.read(j)["workdir"] + "/pid").strip())) for j in jobs]
    desk.user.post("/jobs/cancel", {"filter": {"id": jobs}})
    for job in jobs:
        assert desk.ended(job, "CANCELLED")["cancel_requested"] is False
    eventually(lambda: not any(in_group(pid) for pid in pids))


def test_a_process_that_ends_well_when_it_is_stopped_is_cancelled_and_keeps_its_result(desk, site):
    text = site.folder.settings_file.read_text()
    site.folder.settings_file.write_text(text.replace("kill_grace_sec = 1.0", "kill_grace_sec = 60.0"))
    site.start()
    command = "trap 'echo 42 > \"$STORAX_RESULT_FILE\"; exit 0' TERM; touch up; sleep 60 & wait $!"
    app = desk.app("polite", command, use_shell=True)
    job = desk.job(app, max_attempts=3)
    child = desk.job(app, parent_ids=[job])
    eventually(lambda: (site.folder.data / desk.read(job)["workdir"] / "up").exists())
    assert desk.user.post("/jobs/cancel", {"filter": {"id": job}}) == {"cancelled": 0, "requested": 1}
    row = desk.ended(job, "CANCELLED")
    assert (row["return_value"], row["return_code"], row["attempt"]) == (42, 0, 1)
    assert desk.read(child)["state"] == "CANCELLED"
    assert desk.moves(job).count("CANCELLED") == 1


def test_killing_the_agent_and_its_launcher_loses_nothing(desk, site):
    site.start()
    app = desk.app("steady", "echo run >> runs; sleep 0.05", use_shell=True)
    rows = [{"app_id": app, "workdir": f"steady/{n}"} for n in range(80)]
    desk.user.post("/jobs/?format=rows", rows)
    for number in range(4):
        eventually(lambda n=number: len(list(site.folder.data.glob("steady/*"))) > 12 * n)
        site.kill()
        if number % 2:
            site.kill_launcher()
        site.start()
    count = {"by": "state", "filter": {"app_id": app}}
    eventually(lambda: desk.user.post("/jobs/counts", count)["counts"] == {"JOB_FINISHED": 80})
    done = desk.user.post("/events/query", {"filter": {"to_state": "RUN_DONE", "entity": "job"}, "limit": 1000})[
        "results"
    ]
    ids = [row["entity_id"] for row in done]
    assert len(ids) == len(set(ids)), "a completion was accepted twice"
    assert max(site.read(f"steady/{n}/runs").count("run") for n in range(80)) <= 1 + 2, (
        "once more for each kill of the launcher"
    )


def test_files_come_in_and_go_out(desk, tmp_path, site):
    store = tmp_path / "store"
    (store / "in").mkdir(parents=True)
    (store / "in/data.txt").write_text("carried\n")
    with site.folder.settings_file.open("a") as file:
        file.write(f'[transfer_locations]\nhere = "file://{store}"\n')
    site.start()
    slot = {"required": True, "description": "", "recursive": False}
    slots = {
        "source": {**slot, "direction": "in", "local_path": "input.txt"},
        "result": {**slot, "direction": "out", "local_path": "output.txt"},
    }
    app = desk.app("copy", "tr a-z A-Z < input.txt > output.txt", use_shell=True, transfers=slots)
    moved = desk.job(app, transfers={"source": "here:/in/data.txt", "result": "here:/out/deep/result.txt"})
    escaping = desk.job(app, transfers={"source": "here:/../secret", "result": "here:/out/x"})
    unknown = desk.job(app, transfers={"source": "elsewhere:/in/data.txt", "result": "here:/out/y"})
    desk.ended(moved)
    assert (store / "out/deep/result.txt").read_text() == "CARRIED\n"
    items = desk.user.post("/transfers/query", {"filter": {"job_id": [escaping, unknown], "direction": "in"}})[
        "results"
    ]
    items = eventually(lambda: _all_in(desk, [escaping, unknown], "error"))
    errors = {item["job_id"]: item["transfer_info"]["error"] for item in items}
    assert "'..'" in errors[escaping]
    assert "'elsewhere' is not in [transfer_locations]" in errors[unknown]


def _all_in(desk, jobs, state):
    items = desk.user.post("/transfers/query", {"filter": {"job_id": jobs, "direction": "in"}})["results"]
    return items if {item["state"] for item in items} == {state} else None


def test_an_allocation_runs_its_jobs_and_ends_on_request(desk, site):
    with site.folder.settings_file.open() as file:
        text = file.read()
    site.folder.settings_file.write_text(text + "run_jobs = false\n")
    site.start()
    app = desk.app("tagged")
    inside = desk.job(app, tags={"batch": "yes"})
    outside = desk.job(app)
    body = {
        "site_id": site.site_id,
        "num_nodes": 1,
        "wall_time_min": 5,
        "filter_tags": {"batch": "yes"},
        "queue": "local",
    }
    batch = desk.user.post("/batch-jobs/", body)["id"]
    assert desk.ended(inside)["batch_job_id"] == batch
    row = eventually(lambda: (r := desk.user.get(f"/batch-jobs/{batch}"))["state"] == "running" and r)
    assert row["start_time"]
    pid = int(row["scheduler_id"].partition(".")[2].partition("@")[0])
    assert alive(pid)
    assert desk.read(outside)["state"] == "PREPROCESSED"
    desk.user.patch(f"/batch-jobs/{batch}", {"state": "pending_deletion"})
    row = eventually(lambda: (r := desk.user.get(f"/batch-jobs/{batch}"))["state"] == "finished" and r)
    assert row["end_time"]
    assert not alive(pid)
    refused = desk.user.post("/batch-jobs/", {**body, "num_nodes": 3})["id"]
    row = eventually(lambda: (r := desk.user.get(f"/batch-jobs/{refused}"))["state"] == "submit_failed" and r)
    assert "asks for 3 nodes" in row["status_info"]["error"]


def test_a_killed_allocation_is_noticed_and_its_jobs_run_again(desk, site):
    site.folder.settings_file.write_text(site.folder.settings_file.read_text() + "run_jobs = false\n")
    site.start()
    app = desk.app("slow", "echo $$ >> pid; test -e second || { touch second; sleep 60; }", use_shell=True)
    job = desk.job(app)
    body = {"site_id": site.site_id, "num_nodes": 1, "wall_time_min": 5}
    first = desk.user.post("/batch-jobs/", body)["id"]
    pid = int(eventually(lambda: site.read(desk.read(job)["workdir"] + "/pid").strip()))
    row = eventually(lambda: (r := desk.user.get(f"/batch-jobs/{first}"))["state"] == "running" and r)
    os.kill(int(row["scheduler_id"].partition(".")[2].partition("@")[0]), signal.SIGKILL)
    eventually(lambda: desk.user.get(f"/batch-jobs/{first}")["state"] == "finished")
    eventually(lambda: not in_group(pid))
    desk.user.post("/batch-jobs/", body)
    desk.ended(job)


def test_a_site_with_tags_runs_jobs_that_have_them_alone_in_its_allocations_too(desk, site):
    text = site.folder.settings_file.read_text()
    site.folder.settings_file.write_text(f'filter_tags = {{ team = "a" }}\n{text}')
    site.start()
    app = desk.app("tagged")
    other, ours = desk.job(app, tags={"team": "b"}), desk.job(app, tags={"team": "a", "more": "x"})
    desk.ended(ours)
    body = {"site_id": site.site_id, "num_nodes": 1, "wall_time_min": 5, "filter_tags": {"kind": "k"}}
    batch = desk.user.post("/batch-jobs/", body)["id"]
    against = desk.user.post("/batch-jobs/", {**body, "filter_tags": {"team": "b"}})["id"]
    inside, outside = (desk.job(app, tags={"team": team, "kind": "k"}, num_nodes=1) for team in "ab")
    desk.ended(inside)
    row = eventually(lambda: (r := desk.user.get(f"/batch-jobs/{against}"))["state"] == "finished" and r)
    assert "no job can have the tag team=b" in row["status_info"]["error"]
    eventually(lambda: desk.user.get(f"/batch-jobs/{batch}")["state"] == "running")
    desk.user.patch(f"/batch-jobs/{batch}", {"state": "pending_deletion"})
    eventually(lambda: desk.user.get(f"/batch-jobs/{batch}")["state"] == "finished")
    assert {desk.read(job)["state"] for job in (other, outside)} == {"PREPROCESSED"}


def test_why_a_runner_failed_and_which_of_its_loops_fail_reaches_the_server(desk, site, monkeypatch):
    site.start()
    # As the release before accepted it.
    lax = replace(resource_rules.rules_of(BATCH_JOBS), before_create=resource_rules.nothing)
    monkeypatch.setitem(resource_rules._RULES, "batch_job", lax)
    body = {"site_id": site.site_id, "num_nodes": 1, "wall_time_min": 5}
    parts = [{"num_nodes": 2}]
    failed = desk.user.post("/batch-jobs/", {**body, "partitions": parts})["id"]
    running = desk.user.post("/batch-jobs/", body)["id"]
    row = eventually(lambda: (r := desk.user.get(f"/batch-jobs/{failed}"))["state"] == "finished" and r)
    reason = f"the partitions of BatchJob {failed} ask for 2 nodes; its allocation has 1"
    assert row["status_info"]["error"] == reason
    health = site.folder.state / f"batch-{running}" / "loops.json"
    eventually(health.exists)
    known = health.read_text()  # as its health loop writes it, which writes when it becomes other
    health.write_text('{"pull": {"errors": 9, "failing": "no more", "since": 1, "server_away": false}}')
    eventually(lambda: "failing_loops" in desk.user.get(f"/batch-jobs/{running}")["status_info"])
    failing = desk.user.get(f"/batch-jobs/{running}")["status_info"]["failing_loops"]
    health.write_text(known)
    eventually(lambda: not desk.user.get(f"/batch-jobs/{running}")["status_info"]["failing_loops"])
    desk.user.patch(f"/batch-jobs/{running}", {"state": "pending_deletion"})
    eventually(lambda: desk.user.get(f"/batch-jobs/{running}")["state"] == "finished")
    assert failing == {"pull": "no more"}


def test_the_end_of_an_agent_that_ends_its_jobs_ends_its_allocations_too(desk, site):
    site.environment = {"STORAX_AGENT_STOP_JOBS": "1"}
    site.folder.settings_file.write_text(site.folder.settings_file.read_text() + "run_jobs = false\n")
    site.start()
    job = desk.job(desk.app("endless", "echo $$ > pid; sleep 60", use_shell=True))
    batch = desk.user.post("/batch-jobs/", {"site_id": site.site_id, "num_nodes": 1, "wall_time_min": 5})["id"]
    pid = int(eventually(lambda: site.read(desk.read(job)["workdir"] + "/pid").strip()))
    row = eventually(lambda: (r := desk.user.get(f"/batch-jobs/{batch}"))["scheduler_id"] and r)
    runner = int(row["scheduler_id"].partition(".")[2].partition("@")[0])
    site.stop()
    eventually(lambda: not alive(runner))
    eventually(lambda: not in_group(pid))
    eventually(lambda: desk.read(job)["state"] in ("RESTART_READY", "RUN_TIMEOUT"))


def run(*arguments, token="", url="", home=None):
    environment = {**os.environ, "STORAX_URL": url, "STORAX_TOKEN": token, "STORAX_HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-c", "from storax.cli import main; main()", "site", *map(str, arguments)],
        capture_output=True, text=True, env=environment, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.slow("a site from its creation to its removal, each step a program")
def test_the_command_line_makes_starts_checks_stops_and_removes_a_site(world, user, tmp_path):
    place = tmp_path / "cli-site"

    def site(*arguments):
        return run(*arguments, token=user.token, url=world.url, home=tmp_path / "home")

    result = site("init", place, "--name", "cli", "--slots", 3, "--stop-jobs")
    assert result.returncode == 0, result.stderr
    again = site("init", place)
    assert again.returncode == 0, again.stderr
    settings = SiteFolder(place).load()
    assert (settings.name, settings.slots, settings.stop_jobs_on_exit) == ("cli", 3, True)
    assert [row["name"] for row in user.get("/sites/", name="cli")["results"]] == ["cli"]
    assert site("check", place).returncode == 1
    assert site("start", place).returncode == 0
    try:
        twice = site("start", place)
        assert twice.returncode != 0
        assert "runs already" in twice.stderr
        checked = site("check", place)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert "as agent-owner" in checked.stdout
        assert "cli" in site("ls").stdout
    finally:
        assert site("stop", place).returncode == 0
    assert site("rm", place, "--yes").returncode == 0
    assert user.get("/sites/", name="cli")["results"] == []
    assert "is not a site" in site("start", place).stderr
    assert Path(place, "data").is_dir()


def test_a_new_site_is_asked_about_on_a_terminal_and_only_there(world, user, tmp_path):
    environment = {"STORAX_URL": world.url, "STORAX_TOKEN": user.token, "STORAX_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-c", "from storax.cli import main; main()", "site", "init"]

    def at_terminal(place, *arguments, typed):
        ours, theirs = os.openpty()
        os.write(ours, typed.encode())
        argv = [*command, str(place), *arguments]
        ran = subprocess.run(argv, stdin=theirs, stderr=theirs, env={**os.environ, **environment}, timeout=60)
        os.close(theirs)
        output = b""
        with suppress(OSError):  # a terminal without a far end
            while block := os.read(ours, 65536):
                output += block
        os.close(ours)
        assert ran.returncode == 0, output.decode()
        return SiteFolder(place).load(), output.decode()

    here, output = at_terminal(tmp_path / "asked", typed="my-site\nnone\nlocal\n0\n3\n\ny\n")
    assert (here.name, here.scheduler.kind, here.slots, here.gpus) == ("my-site", "local", 3, 0)
    assert here.policy.allow_functions
    assert "unknown scheduler 'none'" in output
    assert "'0' is not a number from 1" in output
    _, output = at_terminal(tmp_path / "asked", typed="")
    assert "Scheduler of this machine" not in output, "asked again"
    far, output = at_terminal(tmp_path / "far", "--scheduler", "slurm", "--name", "far", typed="debug\nphysics\n\n\n")
    assert (far.scheduler.default_queue, far.scheduler.default_project) == ("debug", "physics")
    assert (far.run_jobs, "Name at" in output) == (False, False)
    run("init", tmp_path / "quiet", token=user.token, url=world.url, home=tmp_path / "home")
    assert SiteFolder(tmp_path / "quiet").load().name.startswith("quiet@")


def test_memory_of_an_idle_agent(desk, site):
    site.start()
    desk.ended(desk.job(desk.app("one")))

    def resident(pid):
        return int(Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()[0]) / 1024

    assert resident(site.pid) < 60
    assert resident(site.launcher) < 20


def test_the_agent_says_how_it_is(desk, site, user):
    site.start()
    eventually(lambda: user.get(f"/sites/{site.site_id}")["agent_status"].get("free_disk_mb"))
    said = user.get(f"/sites/{site.site_id}")["agent_status"]
    assert said["version"]
    assert said["unreported"] == 0
