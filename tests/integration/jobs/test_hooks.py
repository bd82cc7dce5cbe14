"""Hooks of Apps through the whole platform: each in its own state, in the job's workdir, by the site's warm workers."""

import pytest

from fakes.processes import alive
from fakes.site import RunningSite
from storax import App, Client, EventLog, Job
from waiting import LIMIT, eventually


class Careful(App):
    """All four hooks around a command."""

    site = "test"
    command_template = "sh -c 'cat seed; exit $1' sh {{ code }}"
    parameters = {"code": {"required": False, "default": 0}}

    def preprocess(self):
        from pathlib import Path

        print("preparing", self.job.id)
        Path("seed").write_text("7")
        self.job.tags = {**self.job.tags, "prepared": "yes"}

    def postprocess(self):
        from pathlib import Path

        self.job.data = {"seen": Path("job.out").read_text()}

    def handle_error(self):
        self.job.parameters = {"code": 0}
        self.job.state = "RESTART_READY"


class Hungry(App):
    """Asks for more memory after each failure."""

    site = "test"
    command_template = "false"
    max_attempts = 2

    def handle_error(self):
        self.job.mem_per_node_mb = 2 * self.job.mem_per_node_mb


class Broken(App):
    site = "test"
    command_template = "true"

    def preprocess(self):
        raise RuntimeError("no input")


class Plain(App):
    site = "test"
    command_template = "true"


class Parent(App):
    site = "test"
    command_template = "true"

    def postprocess(self):
        for n in range(3):
            self.create_job("Plain", f"children/{n}", tags={"of": str(self.job.id)})


class WrongParent(App):
    site = "test"
    command_template = "true"

    def postprocess(self):
        self.create_job("NoSuchApp", "children/x")


class Patient(App):
    site = "test"
    command_template = "sleep 60"

    def handle_timeout(self):
        self.job.state = "FAILED"

    def handle_error(self):
        print("nothing to say")


class Endless(App):
    site = "test"
    command_template = "true"

    def postprocess(self):
        import os
        import time
        from pathlib import Path

        Path("pid").write_text(str(os.getpid()))
        time.sleep(60)


@pytest.fixture
def site(tmp_path, world):
    user = world.user()
    site = RunningSite(tmp_path / "site", world.url, token=user.token)
    site.folder.add_policy("allow_functions = true\n")
    with Client(world.url, user.token):
        yield site
        site.close()


def moves(job):
    return [e.to_state for e in job.history() if e.to_state]


def test_each_hook_runs_in_its_own_state(site):
    Careful.sync()
    site.start()
    job = Careful.submit("a").wait(60)
    assert moves(job) == [
        *("STAGED_IN", "PREPROCESSED", "RUNNING", "RUN_DONE", "POSTPROCESSED", "JOB_FINISHED"),
    ]
    assert job.tags == {"prepared": "yes"}
    assert job.data == {"seen": "7"}
    log = site.read("a/hooks.log")
    assert log.startswith(f"--- preprocess of job {job.id}\npreparing {job.id}\n")
    assert f"--- postprocess of job {job.id}\n" in log


def test_handle_error_may_ask_for_more_memory(site):
    Hungry.sync()
    site.start()
    job = Hungry.submit("a", mem_per_node_mb=50).wait(60)
    assert (job.attempt, job.mem_per_node_mb) == (2, 200)


def test_an_app_without_hooks_skips_their_states(site):
    Plain.sync()
    site.start()
    assert moves(Plain.submit("a").wait(60)) == ["PREPROCESSED", "RUNNING", "RUN_DONE", "JOB_FINISHED"]


def test_handle_error_mends_its_job_and_has_it_run_again(site):
    Careful.sync()
    site.start()
    job = Careful.submit("a", code=4).wait(60)
    assert moves(job)[2:] == [
        "RUNNING",
        "RUN_ERROR",
        "RESTART_READY",
        "RUNNING",
        "RUN_DONE",
        "POSTPROCESSED",
        "JOB_FINISHED",
    ]
    assert (job.attempt, job.return_code) == (2, 0)
    (again,) = EventLog.objects.filter(job_id=job.id, to_state="RESTART_READY")
    assert (again.data["hook"], again.data["message"]) == ("handle_error", "handle_error set it")


def test_a_hook_that_raises_fails_its_job_with_the_reason(site):
    Broken.sync()
    site.start()
    job = Broken.submit("a")
    with pytest.raises(Job.Failed, match="preprocess failed: RuntimeError: no input") as failed:
        job.result(timeout=60)
    assert failed.value.exception == "RuntimeError"
    assert 'raise RuntimeError("no input")' in failed.value.traceback_tail
    assert moves(job) == ["STAGED_IN", "FAILED"]
    Job.objects.filter(id=job.id).update(state="RESTART_READY")
    job.wait(60)
    assert moves(job)[2:] == ["RESTART_READY", "STAGED_IN", "FAILED"], "what was never prepared is prepared first"


def test_a_hook_creates_jobs_once_and_all_of_them(site):
    Parent.sync(), Plain.sync()
    site.start()
    job = Parent.submit("a").wait(60)
    children = Job.objects.filter(tags={"of": str(job.id)})
    assert children.count() == 3
    done, rest = Job.objects.wait(list(children), timeout=60)
    assert not rest
    assert {one.state for one in done} == {"JOB_FINISHED"}


def test_a_hook_that_names_no_app_fails_its_job_and_creates_nothing(site):
    WrongParent.sync()
    site.start()
    with pytest.raises(Job.Failed, match="its hook's jobs were refused: there is no App 'NoSuchApp' at this site"):
        WrongParent.submit("a").result(timeout=60)
    assert Job.objects.count() == 1


def test_handle_timeout_decides_what_follows(site):
    Patient.sync()
    site.start()
    job = Job(app=Patient, workdir="a", max_attempts=5)
    job.save()
    eventually(lambda: Job.objects.get(id=job.id).state == "RUNNING")
    site.environment = {"STORAX_AGENT_STOP_JOBS": "1"}
    site.signal(10)  # SIGUSR1 ends the jobs too
    eventually(lambda: Job.objects.get(id=job.id).state == "RUN_TIMEOUT")
    site.environment = {}
    site.start()
    assert job.wait(60).state == "FAILED"
    assert moves(job)[-2:] == ["RUN_TIMEOUT", "FAILED"]


def test_cancelling_a_job_in_its_hook_ends_it_once_and_leaves_no_process(site):
    Endless.sync()
    site.start()
    job = Endless.submit("a")
    pid = int(eventually(lambda: site.read("a/pid")))
    job.cancel()
    assert job.wait(60).state == "CANCELLED"
    eventually(lambda: not alive(pid))
    assert moves(job).count("CANCELLED") == 1


def test_a_staged_job_that_is_cancelled_before_its_hook_never_runs_it(site):
    Careful.sync()
    job = Careful.submit("a")
    assert job.state == "STAGED_IN"
    job.cancel()
    assert moves(job.wait(60)) == ["STAGED_IN", "CANCELLED"]
    site.start()
    other = Careful.submit("b").wait(60)
    assert (other.state, site.read("a/hooks.log")) == ("JOB_FINISHED", "")


def test_a_site_that_runs_no_jobs_still_runs_their_hooks(tmp_path, world):
    user = world.user()
    site = RunningSite(tmp_path / "site", world.url, token=user.token, run_jobs=False)
    site.folder.add_policy("allow_functions = true\n")
    try:
        with Client(world.url, user.token):
            Careful.sync()
            site.start()
            jobs = [Careful.submit(f"w/{n}") for n in range(3)]
            eventually(lambda: {Job.objects.get(id=job.id).state for job in jobs} == {"PREPROCESSED"})
            assert all(site.read(f"w/{n}/seed") == "7" for n in range(3))
            assert not Job.objects.filter(state="RUNNING").count()
            session = user.session(site.site_id)  # as an allocation's runner does
            for held in user.acquire(session, 3):
                user.report(session, held, "RUNNING", "RUN_ERROR", return_code=1)
            eventually(lambda: {Job.objects.get(id=job.id).state for job in jobs} == {"RESTART_READY"})
            assert user.get(f"/sites/{site.site_id}")["node_size"] == {}
    finally:
        site.close()


def test_a_killed_agent_runs_its_hooks_to_the_end(site):
    Careful.sync()
    site.start()
    jobs = Job.objects.bulk_create([Job(app=Careful, workdir=f"w/{n}") for n in range(40)])
    for _ in range(3):
        eventually(lambda: any(site.folder.data.glob("w/*/seed")))
        site.kill()
        site.start()
    done, rest = Job.objects.wait(jobs, timeout=LIMIT)
    assert not rest
    assert {job.state for job in done} == {"JOB_FINISHED"}
    finished = [e.entity_id for e in EventLog.objects.filter(entity="job", to_state="JOB_FINISHED")]
    assert len(finished) == len(set(finished)) == 40


def test_a_site_without_a_word_for_functions_refuses_hooks(tmp_path, world):
    user = world.user()
    site = RunningSite(tmp_path / "site", world.url, token=user.token)
    try:
        with Client(world.url, user.token):
            Broken.sync()
            site.start()
            with pytest.raises(Job.Failed, match=r"has hooks .preprocess., and this site runs no Python functions"):
                Broken.submit("a").result(timeout=60)
    finally:
        site.close()
