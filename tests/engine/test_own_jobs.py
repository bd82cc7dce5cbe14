"""A fit or a score in the engine's process is a job: it has an end with its reason, and can be cancelled."""

import os
import subprocess
import sys
import threading
from contextlib import contextmanager

import numpy as np
import pandas as pd
import psutil
import pytest

import storax
from fakes.star_schema import pipeline, star
from storax import App, Job, Site, errors
from storax._engine import session
from storax.data import DataFrame, StarSchema
from storax.feature_learning import FastProp
from waiting import LIMIT, eventually


@pytest.fixture
def schema(project):
    return star()


def slow(schema):
    return pipeline(schema, predictors=[storax.predictors.XGBoostRegressor(n_estimators=20000)])


def jobs(project):
    return Job.objects.filter(tags={"project": project}).order_by("id")


def in_thread(call):
    caught = []

    def run():
        try:
            call()
        except errors.StoraxError as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, caught


def test_a_failed_fit_leaves_a_failed_job_with_its_reason(project, schema):
    storax.data.DataFrame("orders").delete()
    with pytest.raises(errors.StoraxError, match="orders") as caught:
        pipeline(schema, name="sums").fit(schema.train)
    job = jobs(project).get()
    assert (job.state, job.tags) == ("FAILED", {"project": project, "pipeline": "sums", "work": "fit"})
    with pytest.raises(Job.Failed, match="orders") as failure:
        job.result(timeout=60)
    assert failure.value.reason == caught.value.message.rstrip(".")
    argv = [sys.executable, "-c", "from storax.cli import main; main()", "job", "explain", str(job.id)]
    client = storax.current_client()
    env = {"STORAX_URL": client.url, "STORAX_TOKEN": client._token}
    assert "It failed: " in subprocess.run(argv, env=env, capture_output=True, text=True, check=True).stdout


def test_a_cancelled_fit_is_a_cancelled_job_and_leaves_nothing(home, project, schema):
    thread, caught = in_thread(lambda: slow(schema).fit(schema.train))
    eventually(lambda: jobs(project).filter(state="RUNNING").exists())
    assert jobs(project).get().cancel()
    thread.join(60)
    assert isinstance(caught[0], errors.JobCancelled)
    job = jobs(project).get()
    assert (job.state, job.history().last().data["message"]) == ("CANCELLED", "cancelled")
    assert storax.pipeline.list_pipelines() == []
    assert not list((home.folder.projects / project / "pipelines").iterdir())


FADING = FastProp(aggregation=[f"EWMA_{n}H" for n in range(1, 200)])  # one pass over one column, of an hour or more


def frame_of_one_key(name, n, column, role):
    draw, begin = np.random.default_rng(7), pd.Timestamp("2020-01-01")
    times = begin + pd.to_timedelta(np.sort(draw.uniform(0, 1e7, n)), "s")
    content = pd.DataFrame({"k": np.zeros(n, int), "t": times, column: draw.normal(size=n)})
    return DataFrame.from_pandas(content, name, roles={"join_key": ["k"], "time_stamp": ["t"], role: [column]})


def one_key(points, rows):
    """A schema whose only key has all rows."""
    schema = StarSchema(train=frame_of_one_key("asked", points, "y", "target"), alias="asked")
    schema.join(frame_of_one_key("events", rows, "v", "numerical"), on="k", time_stamps="t")
    return schema


def test_a_fit_is_cancelled_inside_a_step_and_the_engine_goes_on(project, schema, monkeypatch):
    texts = []

    @contextmanager
    def parts(_label):
        yield lambda _part, text: texts.append(text)

    monkeypatch.setattr(session, "parts", parts)
    endless = one_key(20_000, 200_000)
    fit = pipeline(endless, feature_learners=[FADING])
    thread, caught = in_thread(lambda: fit.fit(endless.train))
    eventually(lambda: "features" in texts)
    assert jobs(project).get().cancel()
    eventually(lambda: jobs(project).get().state == "CANCELLED")
    thread.join(LIMIT)
    assert isinstance(caught[0], errors.JobCancelled)
    assert "selecting features" not in texts
    assert storax.pipeline.list_pipelines() == []
    sums = pipeline(schema, feature_learners=[FastProp(aggregation=["SUM"])])
    assert sums.fit(schema.train).score(schema.test)["rsquared"] > 0.9


SCRIPT = """
import storax
from fakes.star_schema import pipeline, star
storax.engine.set_project({project!r})
schema = star()
endless = storax.predictors.XGBoostRegressor(n_estimators=10**8)
pipeline(schema, predictors=[endless]).fit(schema.train)
"""


def test_the_fit_of_a_killed_script_is_cancelled_and_says_why(home, project):
    env = {**home.environment, "PYTHONPATH": os.pathsep.join(sys.path)}
    script = subprocess.Popen([sys.executable, "-c", SCRIPT.format(project=project)], env=env)
    try:
        eventually(lambda: jobs(project).filter(state="RUNNING").exists())
    finally:
        script.kill()
        script.wait()
    eventually(lambda: jobs(project).get().state == "CANCELLED")
    message = jobs(project).get().history().last().data["message"]
    assert message == "cancelled; its script has ended, or was interrupted"
    assert storax.pipeline.list_pipelines() == []


READER = """
import storax
from storax.data import DataFrame
storax.engine.set_project({project!r})
pipe = storax.pipeline.load("fading")
print("ready", flush=True)
pipe.transform(DataFrame("many"), {{"events": DataFrame("events")}})
"""


def test_what_a_killed_script_had_computed_without_a_job_ends_and_its_pipeline_answers(home, project):
    endless = one_key(20, 20_000)
    pipe = pipeline(endless, name="fading", feature_learners=[FADING]).fit(endless.train)
    frame_of_one_key("many", 200_000, "y", "target")
    env = {**home.environment, "PYTHONPATH": os.pathsep.join(sys.path)}
    code = READER.format(project=project)
    script = subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert script.stdout.readline() == "ready\n"
        engine = psutil.Process(home.pid)
        before = engine.cpu_times().user
        eventually(lambda: engine.cpu_times().user > before + 0.5)
    finally:
        script.kill()
        script.communicate()
    asking = threading.Thread(target=lambda: len(pipe.columns), daemon=True)
    asking.start()
    asking.join(LIMIT)
    assert not asking.is_alive()


def test_reading_makes_no_jobs_and_a_fit_finishes_one(project, schema):
    pipe = pipeline(schema).fit(schema.train)
    pipe.predict(schema.test)
    pipe.transform(schema.test)
    pipe.check(schema.train)
    job = jobs(project).get()
    assert (job.state, job.return_value) == ("JOB_FINISHED", {"pipeline_id": int(pipe.id), "edition": 1})
    assert job.app_name == "storax_pipeline"


def test_what_a_killed_engine_had_at_work_fails_at_its_next_start(own_home):
    storax.engine.set_project("killed")
    schema = star()
    thread, caught = in_thread(lambda: slow(schema).fit(schema.train))
    eventually(lambda: jobs("killed").filter(state="RUNNING").exists())
    own_home.kill()
    thread.join(60)
    assert isinstance(caught[0], errors.EngineDown)
    storax.engine.set_project("killed")
    eventually(lambda: jobs("killed").get().state == "FAILED")
    assert "the engine ended" in jobs("killed").get().history().last().data["message"]


def test_a_stopped_engine_says_what_it_had_at_work(own_home):
    storax.engine.set_project("stopped")
    schema = star()
    thread, _ = in_thread(lambda: slow(schema).fit(schema.train))
    eventually(lambda: jobs("stopped").filter(state="RUNNING").exists())
    storax.engine.shutdown()
    thread.join(60)
    job = jobs("stopped").get()
    assert (job.state, "the engine ended" in job.history().last().data["message"]) == ("FAILED", True)


def test_a_job_of_the_engine_that_is_run_again_fails_with_the_way_out(project, schema):
    storax.data.DataFrame("orders").remove("k")
    with pytest.raises(errors.StoraxError):
        pipeline(schema).fit(schema.train)
    job = jobs(project).get()
    Job.objects.filter(id=job.id).update(state="RESTART_READY")
    with pytest.raises(errors.StoraxError):
        pipeline(schema).fit(schema.train)
    job.refresh_from_db()
    assert (job.state, "call fit()" in job.history().last().data["message"]) == ("FAILED", True)
    assert len(storax.pipeline.list_pipelines()) == 0


def test_many_fits_at_once_have_a_job_each(project, schema):
    pipes = [pipeline(schema, name=f"p{i}", feature_learners=[]) for i in range(6)]
    threads = [in_thread(lambda pipe=pipe: pipe.fit(schema.train)) for pipe in pipes]
    for thread, caught in threads:
        thread.join(60)
        assert caught == []
    assert {job.state for job in jobs(project)} == {"JOB_FINISHED"}
    assert {job.return_value["pipeline_id"] for job in jobs(project)} == {int(pipe.id) for pipe in pipes}


def test_an_app_or_site_that_was_deleted_comes_back(own_home):
    storax.engine.set_project("moved")
    schema = star()
    pipe = pipeline(schema, feature_learners=[]).fit(schema.train)
    app = Job.objects.filter(tags={"project": "moved"}).get().app
    jobs("moved").delete()
    App.objects.filter(id=app.id).delete()
    site = app.site_id
    pipe.fit(schema.train)
    assert pipe.edition == 2
    assert Site.objects.filter(id=site).exists()
