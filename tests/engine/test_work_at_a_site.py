"""Fits and scores as jobs at a site, run by its agent: kept once, cancelled whole, taken up after a kill."""

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import storax
from fakes.star_schema import pipeline, star
from storax import App, EventLog, Job, PipelineRecord, errors
from storax._engine import session
from waiting import eventually

SITE = "test"


@pytest.fixture
def schema(project, site):
    return star()


@pytest.fixture
def held(user):
    """A site without an agent: its jobs stay where they are."""
    name = f"held{time.monotonic_ns()}"
    return name, user.site(name)


def runs(home, project):
    return list((home.folder.projects / project / "orders").iterdir())


def known_app(schema, site):
    """The site's App for pipelines, which the first work there makes."""
    pipeline(schema, name="first", feature_learners=[]).fit(schema.train, site=SITE).delete()
    return App.objects.get(name="storax_pipeline", site_id=site.site_id)


def slow(schema):
    """A pipeline whose fit takes seconds, whatever the machine."""
    return pipeline(schema, predictors=[storax.predictors.XGBoostRegressor(n_estimators=20000)])


@pytest.mark.slow("fits and scores in the engine and as jobs")
def test_a_fit_and_a_score_at_a_site_are_those_of_the_engine_itself(home, project, schema):
    here, there = pipeline(schema, name="here").fit(schema.train), pipeline(schema, name="there", tags=["far"])
    there.fit(schema.train, site=SITE, job={"threads_per_rank": 2})
    assert np.array_equal(here.predict(schema.test), there.predict(schema.test))
    assert np.array_equal(there.predict(schema.test.population), there.predict(schema.test)), (
        "with the tables of the fit"
    )
    assert here.score(schema.test) == there.score(schema.test, site=SITE)
    assert (there.name, there.edition, there.tags, there.frames) == ("there", 1, ["far"], here.frames)
    row = PipelineRecord.objects.get(id=int(there.id))
    job = Job.objects.get(id=row.job_id)
    assert (job.state, job.threads_per_rank, job.app_name) == ("JOB_FINISHED", 2, "storax_pipeline")
    assert (job.tags["project"], job.tags["pipeline"], job.tags["work"]) == (project, "there", "fit")
    events = list(EventLog.objects.filter(entity="pipeline", entity_id=row.id).order_by("position"))
    assert events[0].data["last_change"] == {"action": "fitted", "job_id": job.id}
    assert Job.objects.get(id=events[1].data["last_change"]["job_id"]).tags["work"] == "score"
    assert runs(home, project) == []
    assert App.objects.filter(name="storax_pipeline", site_id=job.site_id).count() == 1


def test_what_the_data_make_fail_is_an_error_here_and_the_reason_of_the_job(home, project, schema):
    storax.data.DataFrame("people").refresh().add([None] * 300, "y", role="target")
    with pytest.raises(errors.InvalidInput, match="y") as caught:
        pipeline(schema).fit(schema["full"], site=SITE)
    assert storax.pipeline.list_pipelines() == []
    job = Job.objects.filter(state="FAILED", tags={"project": project}).get()
    assert f"storax job explain {job.id}" in caught.value.hint
    event_data = job.history().filter(to_state="RUN_ERROR").get().data
    assert event_data["stderr_tail"].strip() == caught.value.message
    assert job.return_code == os.EX_DATAERR


@pytest.mark.slow("four jobs at a site import what they learn with")
def test_a_failed_job_that_is_run_again_ends_in_one_pipeline(home, project, schema, site):
    app = known_app(schema, site)
    flag = site.folder.path / "broken"
    flag.write_text("")
    shim = site.folder.path / "shim"
    shim.write_text(f'#!/bin/sh\n[ -e {flag} ] && {{ echo "no luck" >&2; exit 3; }}\nexec {sys.executable} "$@"\n')
    shim.chmod(0o700)
    app.python_exe = str(shim)
    app.save()
    try:
        pipe = pipeline(schema, name="again")
        with pytest.raises(errors.JobFailed, match="exit code 3: no luck"):
            pipe.fit(schema.train, site=SITE)
        assert len(runs(home, project)) == 1, "what the next attempt needs is gone"
        flag.unlink()
        job = Job.objects.filter(state="FAILED", tags={"pipeline": "again", "project": project}).get()
        Job.objects.filter(id=job.id).update(state="RESTART_READY")
        eventually(lambda: storax.pipeline.exists("again"))
        assert (len(storax.pipeline.list_pipelines()), Job.objects.get(id=job.id).attempt) == (1, 2)
        assert PipelineRecord.objects.get(id=int(storax.pipeline.load("again").id)).job_id == job.id
        eventually(lambda: runs(home, project) == [])
    finally:
        app.python_exe = None
        app.save()


def test_a_site_without_the_engine_says_so(home, project, schema, site, tmp_path):
    bare = tmp_path / "bare"
    hide = 'sys.argv = ["at_site", sys.argv[-1]]; sys.modules["pyarrow"] = None'
    run = 'runpy.run_module("storax_engine.at_site", run_name="__main__")'
    bare.write_text(f"#!{sys.executable}\nimport runpy, sys\n{hide}\n{run}\n")
    bare.chmod(bare.stat().st_mode | stat.S_IXUSR)
    app = known_app(schema, site)
    app.python_exe = str(bare)
    app.save()
    try:
        with pytest.raises(errors.JobFailed, match=r"pip install .*\[engine\]"):
            pipeline(schema).fit(schema.train, site=SITE)
    finally:
        app.python_exe = None
        app.save()


def test_a_fit_whose_job_is_cancelled_leaves_nothing(home, project, schema):
    submission = slow(schema).submit(schema.train, site=SITE)
    eventually(lambda: submission.progress()[0] >= 0.4)
    assert submission.cancel()
    with pytest.raises(errors.JobCancelled, match="cancelled"):
        submission.wait()
    assert storax.pipeline.list_pipelines() == []
    eventually(lambda: runs(home, project) == [])


def test_ctrl_c_cancels_the_job(home, project, schema, interruptible):
    client = storax.current_client()

    def interrupt():
        with client:
            eventually(lambda: Job.objects.filter(tags={"project": project}, state="RUNNING").exists())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        slow(schema).fit(schema.train, site=SITE)
    eventually(lambda: runs(home, project) == [])
    job = Job.objects.filter(tags={"project": project}).get()
    assert (job.state, job.history().filter(to_state="CANCELLED").get().data["message"]) == ("CANCELLED", "cancelled")
    assert storax.pipeline.list_pipelines() == []


@pytest.mark.slow("a fit at a site, between two lives of the engine")
def test_a_result_that_came_while_the_engine_was_dead_is_collected_once(own_home, site):
    storax.engine.set_project("p")
    schema = star()
    submission = pipeline(schema, name="kept").submit(schema.train, site=SITE)
    own_home.kill()
    eventually(submission.done)
    storax.engine.set_project("p")
    eventually(lambda: storax.pipeline.exists("kept"))
    own_home.kill()
    storax.engine.set_project("p")
    assert [row.job_id for row in PipelineRecord.objects.filter(name="kept")] == [submission.job_id]
    assert len(storax.pipeline.list_pipelines()) == 1
    assert submission.wait().name == "kept"
    assert runs(own_home, "p") == []


def test_a_job_that_a_script_waits_for_goes_on_when_the_engine_is_stopped(own_home, held):
    storax.engine.set_project("p")
    schema = star()
    orders = own_home.folder.projects / "p" / "orders"
    with ThreadPoolExecutor(1) as scripts:
        waiting = scripts.submit(pipeline(schema).fit, schema.train, site=held[0])
        (state,) = eventually(lambda: list(orders.glob("*/state.json")))
        storax.engine.shutdown()
        with pytest.raises(errors.EngineDown):
            waiting.result(60)
    assert json.loads(state.read_text())["unwanted"] is False
    storax.engine.set_project("p")
    job = Job.objects.filter(site_id=held[1]).get()
    assert session.call("progress_of_job", {"job_id": job.id}) == [0.0, ""]
    assert (job.state, [place.name for place in orders.iterdir()]) == ("PREPROCESSED", [state.parent.name])


@pytest.mark.slow("an engine that is killed at each step")
def test_a_result_is_collected_once_wherever_the_engine_is_killed(own_home, site):
    """The run's folder is put back as it was before its result was collected: as after a kill between the two."""
    import shutil

    storax.engine.set_project("p")
    schema = star()
    submission = pipeline(schema, name="once").submit(schema.train, site=SITE)
    folder = own_home.folder.projects / "p" / "orders"
    (run,) = folder.iterdir()
    own_home.kill()
    eventually(submission.done)
    shutil.copytree(run, own_home.path / "copy")
    storax.engine.set_project("p")
    eventually(lambda: storax.pipeline.exists("once") and not list(folder.iterdir()))
    own_home.kill()
    shutil.copytree(own_home.path / "copy", run)
    storax.engine.set_project("p")
    eventually(lambda: not list(folder.iterdir()))
    assert len(storax.pipeline.list_pipelines()) == 1


def test_a_run_whose_job_was_never_created_is_forgotten(own_home, user, held):
    storax.engine.set_project("p")
    schema = star()
    submission = pipeline(schema).submit(schema.train, site=held[0])
    folder = own_home.folder.projects / "p" / "orders"
    (run,) = folder.iterdir()
    own_home.kill()
    (run / "state.json").unlink()
    storax.engine.set_project("p")
    assert session.call("progress_of_job", {"job_id": submission.job_id}) == [0.0, ""]
    assert [entry.name for entry in folder.iterdir()] == [run.name], "its job is there: it was accepted"
    own_home.kill()
    submission.cancel()
    submission.job.delete()
    (run / "state.json").unlink()
    storax.engine.set_project("p")
    eventually(lambda: list(folder.iterdir()) == [])


def test_deleting_the_project_cancels_its_jobs(own_home, held):
    storax.engine.set_project("gone")
    schema = star()
    submission = pipeline(schema).submit(schema.train, site=held[0])
    storax.engine.delete_project("gone")
    assert submission.job.state == "CANCELLED"


def test_a_wrong_site_or_job_field_is_refused_at_once_and_nothing_is_left(home, project, schema, held):
    pipe = pipeline(schema)
    with pytest.raises(errors.InvalidInput, match=r"no site 'tset'.*'test'"):
        pipe.fit(schema.train, site="tset")
    with pytest.raises(errors.InvalidInput, match="num_cores"):
        pipe.fit(schema.train, site=held[0], job={"num_cores": 4})
    with pytest.raises(errors.InvalidInput, match="the engine's to set"):
        pipe.fit(schema.train, site=held[0], job={"app_id": 4})
    with pytest.raises(errors.InvalidInput, match="site="):
        pipe.fit(schema.train, job={"num_nodes": 4})
    for wrong, text in (({"buckets": "4"}, "buckets is '4'"), ({"buckets": 2.5}, "2.5"), ({"job": "x"}, "job is 'x'")):
        with pytest.raises(errors.InvalidInput, match=text):
            pipe.fit(schema.train, site=held[0], **wrong)
    assert not Job.objects.filter(tags={"project": project}).exists()
    assert runs(home, project) == []


SCRIPT = """
import sys
import storax
from fakes.star_schema import pipeline, star
storax.engine.set_project(sys.argv[1])
schema = star()
regressor = storax.predictors.XGBoostRegressor(n_estimators=20000)
pipeline(schema, predictors=[regressor]).fit(schema.train, site="test")
"""


def test_sigterm_ends_a_script_that_ignores_ctrl_c_and_cancels_its_job(home, project, site):
    """A script that a shell started in the background has SIGINT ignored, so SIGTERM is how its user ends it."""
    environment = {**home.environment, "PYTHONPATH": str(Path(__file__).parents[1])}
    argv = ["/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-c", SCRIPT, project]
    with subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL) as script:
        try:
            eventually(lambda: Job.objects.filter(tags={"project": project}, state="RUNNING").exists(), seconds=120)
            script.send_signal(signal.SIGINT)
            script.send_signal(signal.SIGTERM)
            assert script.wait(60) == -signal.SIGTERM
        finally:
            script.kill()
    job = Job.objects.filter(tags={"project": project}).get()
    job.wait(60)
    job.refresh_from_db()
    assert (job.state, job.history().filter(to_state="CANCELLED").get().data["message"]) == ("CANCELLED", "cancelled")
    eventually(lambda: runs(home, project) == [], seconds=60)
    assert storax.pipeline.list_pipelines() == []
