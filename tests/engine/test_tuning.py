"""Tunings: trials as jobs, the same for the same seed whatever happens meanwhile; the best becomes a pipeline."""

import os
import signal
import sys
import threading

import numpy as np
import optuna
import pytest

import storax
from fakes.star_schema import pipeline, star
from storax import App, Job, PipelineRecord, errors
from storax.models.job_rules import FINAL
from storax.pipeline import tune
from storax.predictors import LightGBMRegressor, LinearRegression, SklearnEstimator, XGBoostRegressor
from storax_engine.command_progress import Cancelled, Work
from storax_engine.tuning.search import Search
from storax_engine.tuning.tuning import Tuning
from waiting import eventually

SPACE = {"predictors.reg_lambda": (1e-3, 1e3, "log"), "feature_learners.num_features": (1, 30)}
SITE = "test"
SPACE_OF_ONE = {"predictors.reg_lambda": (1e-3, 1e3, "log")}


@pytest.fixture
def schema(project):
    return star()


def params(tuning):
    return [trial["params"] for trial in tuning.trials]


def jobs(project):
    return Job.objects.filter(tags={"project": project, "work": "trial"}).order_by("id")


def in_thread(call):
    caught = []

    def run():
        try:
            caught.append(call())
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, caught


@pytest.mark.slow("an engine and its trials, each a job")
def test_the_best_trial_becomes_a_pipeline_and_each_trial_is_a_job(home, project, schema):
    pipe = pipeline(schema, name="sums", tags=["tuned"])
    result = tune(pipe, SPACE, schema.train, schema.test, n_trials=4, seed=1)
    assert [trial["state"] for trial in result.trials] == ["COMPLETE"] * 4
    assert result.best_value == min(trial["value"] for trial in result.trials)
    points = result.to_vega_lite()["data"]["values"]
    assert [point["value"] for point in points if point["best"]] == [result.best_value]
    assert [point["trial"] for point in points] == [trial["number"] for trial in result.trials]
    best = result.best_pipeline
    assert (best.name, best.edition, best.tags, pipe.fitted) == ("sums", 1, ["tuned"], False)
    assert best.scores[-1]["rmse"] == result.best_value == pytest.approx(best.score(schema.test)["rmse"])
    np.testing.assert_array_equal(best.predict(schema.test.population), best.predict(schema.test))
    assert best._row["params"]["predictors"][0]["reg_lambda"] == result.best_params["predictors.reg_lambda"]
    trial_jobs = list(jobs(project))
    assert sorted(int(job.tags["trial"]) for job in trial_jobs) == list(range(4))
    assert {job.state for job in trial_jobs} == {"JOB_FINISHED"}
    assert PipelineRecord.objects.get(id=int(best.id)).job_id == result.best_trial["job_id"]
    left = {entry.name for entry in (home.folder.projects / project / "tunings" / result.name).iterdir()}
    assert {name for name in left if not name.endswith(".json")} == {f"trial-{result.best_trial['number']}"}


@pytest.mark.parametrize("sampler", ["tpe", "random", "latin_hypercube"])
def test_the_same_seed_gives_the_same_trials(schema, sampler):
    pipe = pipeline(schema, feature_learners=[])
    options = {"n_trials": 12 if sampler == "tpe" else 3, "sampler": sampler}  # TPE looks back from the tenth on
    one, two = (tune(pipe, SPACE_OF_ONE, schema.train, schema.test, seed=5, **options) for _ in range(2))
    assert params(one) == params(two)
    other = tune(pipe, SPACE_OF_ONE, schema.train, schema.test, seed=6, **{**options, "n_trials": 3})
    assert params(other) != params(one)[:3]
    assert len({trial["value"] for trial in one.trials}) > 2


@pytest.mark.slow("two engines and eight trials")
def test_a_tuning_that_was_killed_goes_on_as_if_it_had_not_been(own_home):
    storax.engine.set_project("torn")
    schema = star()
    storax.project.data_frames.save_all()
    options = {"seed": 3, "n_trials": 12, "retries": 0}
    space = {**SPACE, "predictors.n_estimators": (100, 300)}
    space.pop("predictors.reg_lambda")
    pipe = pipeline(schema, predictors=[XGBoostRegressor()])
    whole = tune(pipe, space, schema.train, schema.test, name="whole", **options)
    before = jobs("torn").count()
    thread, caught = in_thread(lambda: tune(pipe, space, schema.train, schema.test, name="torn", **options))
    eventually(lambda: jobs("torn").filter(state="JOB_FINISHED").count() >= before + 4)
    own_home.kill()
    thread.join(60)
    assert isinstance(caught[0], errors.EngineDown)
    storax.engine.set_project("torn")
    storax.project.data_frames.load_all()
    again = tune(pipe, space, schema.train, schema.test, name="torn", **options)
    assert params(again) == params(whole)
    assert [trial["value"] for trial in again.trials] == [trial["value"] for trial in whole.trials]
    more = tune(pipe, space, schema.train, schema.test, name="torn", **{**options, "n_trials": 14})
    assert params(more)[:12] == params(whole)
    assert len(PipelineRecord.objects.filter(name=again.best_pipeline.name)) <= 2
    with pytest.raises(errors.Conflict, match="another seed"):
        tune(pipe, space, schema.train, schema.test, name="torn", n_trials=14, seed=4)
    people, orders = (storax.data.load_data_frame(name) for name in ("people", "orders"))
    later = storax.data.StarSchema(people, "people", split=schema.split)
    later.join(orders, on="k", time_stamps="t")
    same = tune(pipe, space, later.train, later.test, name="torn", **{**options, "n_trials": 14})
    assert params(same) == params(more), "a script that is run again makes its container anew"


@pytest.mark.slow("trials as jobs at a site")
def test_trials_run_at_a_site_several_at_once(home, project, schema, site):
    pipe = pipeline(schema, feature_learners=[])
    far = tune(pipe, SPACE_OF_ONE, schema.train, schema.test, n_trials=2, seed=5, site="test")
    assert {job.site_id for job in jobs(project)} == {site.site_id}
    near = tune(pipe, SPACE_OF_ONE, schema.train, schema.test, n_trials=2, seed=5)
    assert [trial["scores"] for trial in far.trials] == [trial["scores"] for trial in near.trials]
    assert far.best_pipeline.score(schema.test) == near.best_pipeline.score(schema.test)
    places = home.folder.projects / project
    assert list((places / "orders").iterdir()) == []
    assert not (places / "tunings" / far.name / "tables").exists()


@pytest.mark.slow("trials as jobs at a site")
def test_a_trial_whose_job_failed_is_tried_again(project, schema, site, tmp_path):
    pipe, shim, once = pipeline(schema, feature_learners=[]), tmp_path / "shim", tmp_path / "once"
    shim.write_text(f'#!/bin/sh\nmkdir {once} 2>/dev/null && exit 3\nexec {sys.executable} "$@"\n')
    shim.chmod(0o700)
    pipe.fit(schema.train).score(schema.test, site="test")
    app = App.objects.get(name="storax_pipeline", site_id=site.site_id)
    app.python_exe = str(shim)
    app.save()
    try:
        result = tune(pipe, SPACE_OF_ONE, schema.train, schema.test, n_trials=1, site="test")
    finally:
        app.python_exe = None
        app.save()
    assert [job.state for job in jobs(project)] == ["FAILED", "JOB_FINISHED"]
    assert result.best_trial["job_id"] == jobs(project).last().id


def test_a_trial_that_cannot_work_is_reported_and_the_others_go_on(project, schema):
    pipe = pipeline(schema, predictors=[SklearnEstimator("sklearn.linear_model.Ridge")], feature_learners=[])
    space = {"predictors.alpha": [1.0, -1.0, "much", 2.0]}
    result = tune(pipe, space, schema.train, schema.test, n_trials=8, seed=1, sampler="random", retries=1)
    failed = [trial for trial in result.trials if trial["state"] == "FAIL"]
    assert failed
    assert {trial["params"]["predictors.alpha"] for trial in failed} <= {-1.0, "much"}
    assert all(trial["reason"] for trial in failed)
    assert result.best_trial["state"] == "COMPLETE"
    assert jobs(project).filter(state="FAILED").count() >= len(failed)
    with pytest.raises(errors.JobFailed, match="Every trial"):
        tune(pipe, {"predictors.alpha": ["much", "more"]}, schema.train, schema.test, n_trials=2)
    assert len(storax.pipeline.list_pipelines()) == 1


def test_ctrl_c_ends_the_trials_and_the_tuning_can_go_on(project, schema, interruptible):
    pipe = pipeline(schema, predictors=[XGBoostRegressor(n_estimators=2000)], feature_learners=[])

    def go(n_trials):
        return tune(pipe, {"predictors.gamma": (0.0, 1.0)}, schema.train, schema.test, n_trials=n_trials, name="t")

    client = storax.current_client()

    def interrupt():
        with client:
            eventually(lambda: jobs(project).filter(state="RUNNING").exists())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        go(100)
    eventually(lambda: not jobs(project).exclude(state=FINAL).exists())
    cancelled = jobs(project).filter(state="CANCELLED").first()
    assert cancelled.history().last().data["message"] == "cancelled"
    assert storax.pipeline.list_pipelines() == []
    states = [trial["state"] for trial in go(4).trials]
    assert len(states) >= 4
    assert set(states) == {"COMPLETE"}


def test_the_trial_that_is_waited_for_is_cancelled_as_the_others_are(tmp_path):
    begun, seen, work = threading.Barrier(3), [], Work()

    class BothAtWork(Tuning):
        def _in_process(self, trial, work):
            begun.wait(60)
            seen.append((trial["number"], work.cancelled.wait(60)))
            raise Cancelled("It was cancelled.")

    settings = {
        "spec": {"predictors": [{"reg_lambda": 1.0}]},
        "space": {"predictors.reg_lambda": {"low": 0.0, "high": 1.0}},
    }
    search = Search(tmp_path / "t", {**settings, "score": "rmse", "sampler": "random", "seed": 1, "n_trials": 2})
    tuning = BothAtWork(None, None, "t", search, tmp_path / "t", {}, {}, "t", site=None, job={}, retries=0)
    threading.Thread(target=lambda: (begun.wait(60), work.cancel())).start()
    with pytest.raises(Cancelled):
        tuning.run(work, in_flight=2, n_trials=2)
    assert sorted(seen) == [(0, True), (1, True)]


def test_the_known_searches(schema):
    pipe = pipeline(schema, predictors=[LinearRegression(), LightGBMRegressor(n_estimators=5)], feature_learners=[])
    space = {"predictors": [{"reg_lambda": [0.0, 10.0]}, {"num_leaves": [4, 16], "subsample": [0.5, 0.7, 1.0]}]}
    for kind in ("RandomSearch", "LatinHypercubeSearch", "GaussianHyperparameterSearch"):
        search = getattr(storax.hyperopt, kind)(space, pipe, score="rsquared", n_iter=2)
        with pytest.raises(errors.InvalidInput, match="fit"):
            _ = search.best_pipeline
        search.fit(schema, validation="test")
        assert search.best_pipeline.fitted
        (one, _) = params(search.tuning)
        assert 0 <= one["predictors.0.reg_lambda"] <= 10
        assert one["predictors.1.num_leaves"] in range(4, 17)
        assert one["predictors.1.subsample"] in (0.5, 0.7, 1.0)


def test_what_is_wrong_with_a_search_is_said_at_once(project, schema):
    pipe = pipeline(schema)
    for space, said in (
        ({"predictors.max_dept": (1, 2)}, "max_dept"),
        ({"predictors.3.reg_lambda": (1, 2)}, "only 1 predictors"),
        ({"predictor.reg_lambda": (1, 2)}, "Did you mean 'predictors'"),
        ({"predictors": (1, 2)}, "predictors"),
        ({"predictors.kind": ["x"]}, "kind"),
        ({"predictors.reg_lambda": (2, 1)}, "reg_lambda"),
        ({"predictors.reg_lambda": (0, 1, "log")}, "reg_lambda"),
        ({"predictors.reg_lambda": 3}, "reg_lambda"),
        ({"predictors.reg_lambda.x": (1, 2)}, "no parameter"),
        ({}, "search space"),
    ):
        with pytest.raises(errors.InvalidInput, match=said):
            tune(pipe, space, schema.train, schema.test)
    for wrong in ({"score": "auk"}, {"sampler": "tree"}, {"n_trials": 0}, {"site": "nowhere"}):
        with pytest.raises(errors.InvalidInput):
            tune(pipe, SPACE, schema.train, schema.test, **{"n_trials": 1, **wrong})
    distribution = {"predictors.reg_lambda": optuna.distributions.FloatDistribution(0.1, 1, step=0.1)}
    assert tune(pipe, distribution, schema.train, schema.test, n_trials=1).best_params
    assert not jobs(project).filter(state="FAILED").exists()


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"n_trials": "3"}, "n_trials is '3'"), ({"n_trials": 1.5}, "n_trials is 1.5"), ({"n_trials": 0}, "n_trials is 0"),
        ({"in_flight": None}, "in_flight"), ({"retries": -1}, "retries"), ({"seed": -1}, "seed"), ({"seed": "a"}, "seed"),
        ({"search_space": [1]}, "search space"), ({"job": {"threads_per_rank": 2}}, "site="), ({"score": "auc"}, "none of a regression"),
        ({"site": SITE, "job": "x"}, "job is 'x'"), ({"site": SITE, "job": {"tags": "x"}}, "tags"),
    ],
)  # fmt: skip
def test_an_argument_that_cannot_be_is_named_and_no_trial_is_made(project, schema, site, wrong, reason):
    arguments = {"search_space": SPACE, "n_trials": 1, "retries": 0, **wrong}
    with pytest.raises(errors.InvalidInput, match=reason) as caught:
        tune(pipeline(schema), train=schema.train, validation=schema.test, **arguments)
    assert "did not expect" not in str(caught.value)
    assert not jobs(project).exists()


@pytest.mark.parametrize("name", ["..", ".", "é" * 100, "a/../../b"])
def test_a_tuning_of_any_name_has_a_folder_of_its_own(home, project, schema, name):
    folder = home.folder.projects / project
    storax.engine.set_project(project)
    before = {entry.name for entry in folder.iterdir()} | {"tunings"}
    space = {"feature_learners.num_features": [0]}
    for _ in range(2):
        with pytest.raises(errors.JobFailed, match="num_features is 0"):
            tune(pipeline(schema), space, schema.train, schema.test, n_trials=1, name=name, seed=1)
    assert {entry.name for entry in folder.iterdir()} == before
    assert [entry.is_dir() for entry in (folder / "tunings").iterdir()] == [True]
