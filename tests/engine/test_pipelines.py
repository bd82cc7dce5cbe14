"""Pipelines as handles: what was learned is in the engine and on its disk; a failed fit leaves nothing."""

import json
import threading
import time

import numpy as np
import pytest

import storax
from fakes.star_schema import ROLES, pipeline, star, tables
from storax import EventLog, Job, PipelineRecord, errors
from storax._engine import protocol, session
from storax.data import DataFrame
from storax.data.model import Placeholder
from storax.feature_learning import FastProp
from storax.loss_functions import SquareLoss
from storax.models.job_rules import FINAL
from storax.predictors import LinearRegression, LogisticRegression, XGBoostRegressor
from storax.preprocessors import Seasonal
from waiting import eventually


@pytest.fixture
def schema(project):
    return star()


def test_g27_a_pipeline_is_hyperparameters_until_it_is_fitted(schema):
    pipe = pipeline(schema)
    assert (pipe.id, pipe.name, pipe.fitted, pipe.edition) == ("NOT FITTED", "NOT FITTED", False, 0)
    assert storax.pipeline.list_pipelines() == []
    for call in (
        lambda: pipe.predict(schema.test),
        lambda: pipe.score(schema.test),
        lambda: pipe.features,
        pipe.refresh,
    ):
        with pytest.raises(ValueError, match="has not been fitted"):
            call()
    assert pipe.check(schema.train) == []
    assert storax.pipeline.list_pipelines() == []


@pytest.mark.slow("a fit, two lives of the engine")
def test_g28_g32_what_was_learned_is_kept_at_once_and_predicts_the_same_after_a_kill(own_home):
    storax.engine.set_project("p")
    schema = star()
    pipe = pipeline(schema, tags=["first"], name="sums").fit(schema.train)
    pipe.score(schema.test)
    before = pipe.predict(schema.test)
    own_home.kill()
    storax.engine.set_project("p")
    again = storax.pipeline.load("sums")
    assert (again.id, again.tags, again.scores, again.targets) == (pipe.id, ["first"], pipe.scores, ["y"])
    assert np.array_equal(again.predict(star().test), before), "bit for bit"
    with pytest.raises(errors.NotFound, match="'missing'"):
        storax.pipeline.load("missing")


def test_it_learns_scores_predicts_transforms_and_explains(home, project, schema):
    pipe = pipeline(schema).fit(schema.train)
    scores = pipe.score(schema.test)
    assert scores["rsquared"] > 0.9
    assert pipe.scores[-1]["set_used"] == "test"
    predicted = pipe.predict(schema.test)
    flat = pipe.transform(schema.test)
    assert predicted.shape == (flat.num_rows, 1)
    assert set(pipe.features.names) == set(flat.column_names)
    assert sum(pipe.features.importances().values()) == pytest.approx(1)
    best = max(pipe.features.correlations().items(), key=lambda item: abs(item[1]))
    assert "v" in best[0]
    assert pipe.tables.names[0] == "orders"
    assert "v" in pipe.columns.names
    sql = pipe.features.to_sql("duckdb")
    assert len(sql) == len(pipe.features)
    assert "orders" in sql[best[0]]
    kept = home.folder.projects / project / "pipelines"
    (file,) = kept.glob("*/sql-duckdb.json")
    assert json.loads(file.read_text())["statements"] == sql.statements
    file.write_text(file.read_text().replace("SELECT", "SELECT /* kept */"))
    assert "/* kept */" in pipe.features.to_sql("duckdb")[best[0]], "written once"
    file.write_text("damaged")
    assert pipe.features.to_sql("duckdb").statements == sql.statements
    with pytest.raises(errors.InvalidInput, match="dialect"):
        pipe.features.to_sql("../duckdb")
    assert "rsquared" in repr(storax.project.pipelines)


def test_classes_have_curves(schema):
    people = DataFrame("people").refresh().set_role("y", "unused_float").set_role("c", "target")
    pipe = pipeline(schema, predictors=[LogisticRegression()]).fit(schema.train)
    assert pipe.score(schema.test)["auc"] > 0.8
    assert set(pipe.plots(schema.test)["c"]) == {"roc", "precision_recall", "lift"}
    assert people.roles["target"] == ["c"]


def test_g29_a_refit_is_the_next_edition_of_one_name(schema):
    pipe = pipeline(schema, name="sums").fit(schema.train)
    first = pipe.id
    pipe.fit(schema.train)
    assert (pipe.name, pipe.edition, pipe.id != first) == ("sums", 2, True)
    assert storax.pipeline.list_pipelines() == [first, pipe.id]
    assert storax.pipeline.load("sums").edition == 2
    assert storax.pipeline.load(first).edition == 1


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda s: DataFrame("people").refresh().set_role("y", "unused_float"), "target"),
        (lambda s: DataFrame("people").refresh().add([float("inf")] * 300, "y", role="target"), "y"),
        (lambda s: DataFrame("people").refresh().add([None] * 300, "y", role="target"), "y"),
        (lambda s: DataFrame("orders").refresh().remove("k"), "k"),
        (lambda s: DataFrame("orders").delete(), "orders"),
        (lambda s: DataFrame.from_pandas(tables()[0][:0], "people", roles={**ROLES, "target": ["y"]}), "no rows"),
    ],
)
def test_g30_a_failed_fit_names_its_reason_and_leaves_nothing(home, project, schema, spoil, said):
    spoil(schema)
    with pytest.raises(errors.StoraxError, match=said):
        pipeline(schema).fit(schema["full"])
    assert storax.pipeline.list_pipelines() == []
    assert not list((home.folder.projects / project / "pipelines").iterdir())


def test_one_class_alone_is_refused(schema):
    DataFrame("people").refresh().remove("y").add(1, "c", role="target")
    with pytest.raises(errors.InvalidInput, match="c"):
        pipeline(schema, predictors=[LogisticRegression()]).fit(schema.train)
    assert storax.pipeline.list_pipelines() == []


def test_g31_the_container_goes_by_position_name_id_and_slice(schema):
    for name in ("b", "a", "c"):
        pipeline(schema, name=name, feature_learners=[], tags=[name]).fit(schema.train)
    pipes = storax.project.pipelines
    assert pipes.names == ["b", "a", "c"]
    assert (pipes[0].name, pipes[-1].name, pipes["a"].id, pipes[pipes.ids[2]].name) == ("b", "c", pipes.ids[1], "c")
    assert pipes[:2].names == ["b", "a"]
    assert pipes.filter(lambda p: "c" in p.tags).names == ["c"]
    assert pipes.sort(lambda p: p.name, descending=True).names == ["c", "b", "a"]
    with pytest.raises(AttributeError, match="no pipeline 'x'"):
        pipes["x"]
    assert "<td>b</td>" in pipes._repr_html_()


def test_g33_list_exists_and_delete(home, project, schema):
    pipe = pipeline(schema, name="sums", feature_learners=[]).fit(schema.train)
    assert storax.pipeline.exists("sums")
    assert storax.pipeline.exists(pipe.id)
    pipe.delete()
    assert (pipe.id, storax.pipeline.list_pipelines(), storax.pipeline.exists("sums")) == ("NOT FITTED", [], False)
    assert not list((home.folder.projects / project / "pipelines").iterdir())
    storax.project.restart()
    assert storax.pipeline.list_pipelines() == []


def test_g34_refresh_discards_local_edits(schema):
    pipe = pipeline(schema, tags=["kept"], preprocessors=[Seasonal()], name="p").fit(schema.train)
    before, own = pipe._spec(), pipe.data_model
    assert pipe.refresh().data_model is own, "and what was not edited stays the schema's"
    pipe.tags.append("local")
    pipe.preprocessors, pipe.feature_learners, pipe.feature_selectors = [], [], [LinearRegression()]
    pipe.predictors.append(LinearRegression(reg_lambda=7.0))
    pipe.loss_function, pipe.include_categorical, pipe.share_selected_features = SquareLoss(), True, 0.1
    pipe.data_model.population.join(Placeholder("more"), on="k")
    assert pipe.refresh().tags == ["kept"]
    assert pipe._spec() == before
    assert pipe.fit(schema.train).predict(schema.test).shape[1] == 1


@pytest.mark.parametrize("load", [lambda: storax.pipeline.load("p"), lambda: storax.project.pipelines["p"]])
def test_a_loaded_pipeline_has_what_it_was_fitted_with_and_what_is_edited_is_fitted(schema, load):
    first = pipeline(schema, name="p", include_categorical=True).fit(schema.train)
    pipe = load()
    assert pipe._spec() == first._spec()
    assert (pipe.feature_learners, pipe.predictors) == (first.feature_learners, first.predictors)
    pipe.feature_learners, pipe.predictors, pipe.tags = [FastProp(num_features=1)], LinearRegression(9.0), ["edited"]
    pipe.score(schema.test)
    row = PipelineRecord.objects.get(id=int(pipe.fit(schema.train).id))
    assert (row.edition, row.tags) == (2, ["edited"])
    assert row.params["predictors"][0]["learning_rate"] == 9.0
    assert len(pipe.features) == 2, "x, and the one that the learner may keep"


def test_the_log_tells_who_trained_what_on_which_edition(home, project, schema):
    people = DataFrame("people").refresh()
    pipe = pipeline(schema, feature_learners=[]).fit(schema.train)
    pipe.score(schema.test)
    row = PipelineRecord.objects.get(id=int(pipe.id))
    jobs = list(Job.objects.filter(tags={"project": project, "pipeline": row.name}).order_by("id"))
    assert [(job.tags["work"], job.state) for job in jobs] == [("fit", "JOB_FINISHED"), ("score", "JOB_FINISHED")]
    assert row.frames == {"people": people.edition, "orders": 1}
    assert row.job_id == jobs[0].id
    pipe.delete()
    events = list(EventLog.objects.filter(entity="pipeline", entity_id=row.id).order_by("position"))
    assert [e.type for e in events] == ["pipeline.created", "pipeline.updated", "pipeline.deleted"]
    assert [e.actor for e in events] == [f"user:{home.user.id}"] * 3
    assert events[0].data["frames"] == row.frames
    assert events[1].data["last_change"] == {"action": "scored", "set_used": "test", "job_id": jobs[1].id}


@pytest.mark.filterwarnings("error::storax.errors.StoraxWarning")
def test_a_fit_over_keys_that_match_nothing_warns_and_its_job_says_so(schema):
    pipeline(schema).fit(schema.train)
    keys = DataFrame("orders").refresh()
    keys.add(keys["k"] + 1000, "k", role="join_key")
    pipe = pipeline(schema)
    with pytest.warns(errors.StoraxWarning, match="'people' and 'orders' finds nothing: no key") as warned:
        pipe.fit(schema.train)
    assert warned[0].filename == __file__
    assert [str(one.message) for one in warned] == pipe.warnings
    assert storax.pipeline.load(pipe.name).warnings == pipe.warnings
    job = Job.objects.get(id=PipelineRecord.objects.get(id=int(pipe.id)).job_id)
    assert job.return_value["warnings"] == pipe.warnings
    with pytest.warns(errors.StoraxWarning) as warned:
        pipe.fit(schema.train, check=True)
    said = [str(one.message) for one in warned]
    assert [message for message in said if "finds nothing" in message] == pipe.warnings, "and none twice"
    keys.add(keys["k"].as_str(), "k", role="categorical")
    with pytest.warns(errors.StoraxWarning) as warned:
        pipe.fit(schema.train)
    assert "with 'k', which is text" in str(warned[0].message)


def test_a_container_with_copies_of_its_own_is_not_reached_by_later_changes(project):
    first = star()
    people, orders = DataFrame("people").refresh(), DataFrame("orders").refresh()
    own = storax.data.StarSchema(people, "people", split=first.split, deep_copy=True)
    own.join(orders, on="k", time_stamps="t")
    pipe = pipeline(own).fit(own.train)
    before = pipe.predict(own.test)
    people.add(people["x"] + 5, "x", role="numerical")
    orders.add(0.0, "v", role="numerical")
    assert np.array_equal(pipe.predict(own.test), before)
    assert not np.array_equal(pipe.predict(first.test), before)
    assert pipe.frames == {f"people_{own.id}": 1, f"orders_{own.id}": 1}
    assert own.data_model.names == ["people", "orders"]
    halves = storax.data.Container(train=people[:200], test=people[200:], deep_copy=True)
    people.add(1, "late")
    assert [halves[name].population.shape for name in ("train", "test")] == [(200, 5), (100, 5)]


def test_a_fit_uses_the_roles_of_its_own_moment_and_not_those_of_the_join(schema):
    orders = DataFrame("orders").refresh()
    orders.add(orders["v"] * 2, "later", role="numerical").set_role("v", "unused_float")
    schema.sync()
    used = [column.name for column in pipeline(schema).fit(schema.train).columns if column.table == "orders"]
    assert "v" not in used
    assert "later" in used


def test_a_time_series_is_learned_with_the_roles_of_the_fit(project):
    n = np.arange(100.0)
    roles = {"time_stamp": ["t"], "numerical": ["x", "z"], "target": ["y"]}
    frame = DataFrame.from_dict({"t": n, "x": n % 7, "z": n % 3, "y": n % 5}, "series", roles=roles)
    series = storax.data.TimeSeries(frame, "t", split=storax.data.split.time(frame, "t", test=80.0), memory=5.0)
    frame.set_role("x", "unused_float")
    names = pipeline(series).fit(series.train).features.names
    assert any(name.startswith("population_past__z__") for name in names)
    assert not [name for name in names if name == "x" or "__x__" in name]


def test_a_fit_that_nobody_waits_for_leaves_nothing(home, project, schema):
    running = home.folder.read()
    pipe = pipeline(schema, predictors=[XGBoostRegressor(n_estimators=20000)])  # takes seconds, whatever the machine
    body = {"project": project, "spec": pipe._spec(), "subset": schema.train.to_spec()}
    jobs = Job.objects.filter(tags={"project": project})
    for pause in (0.0, 0.01, 0.05):
        connection = protocol.Connection(running.socket)
        connection.request(
            "POST", "/v1/do/fit_pipeline", protocol.dumps_command(body), {"authorization": f"Bearer {running.secret}"}
        )
        time.sleep(pause)
        connection.close()
    time.sleep(1)
    eventually(lambda: not jobs.exclude(state=FINAL).exists())
    assert storax.pipeline.list_pipelines() == [], "a fit that was hung up on was finished"
    assert list((home.folder.projects / project / "pipelines").iterdir()) == []


def test_others_are_answered_while_one_fits(schema, project):
    done = threading.Event()
    fit = threading.Thread(target=lambda: (pipeline(schema).fit(schema.train), done.set()))
    fit.start()
    answered = 0
    while not done.is_set() and answered < 1000:
        session.call("list_frames")
        answered += not done.is_set()
    fit.join(60)
    assert answered > 0


def test_a_project_in_a_file_has_its_pipelines(schema, project, tmp_path):
    pipe = pipeline(schema, name="sums").fit(schema.train)
    pipe.score(schema.test)
    storax.project.data_frames.save_all()
    predicted = pipe.predict(schema.test)
    storax.project.load(storax.project.save(tmp_path / "p.storax"), name=f"{project} copy")
    storax.project.data_frames.load_all()
    copy = storax.pipeline.load("sums")
    assert copy.id != pipe.id
    assert copy.scores == pipe.scores
    assert np.array_equal(copy.predict(schema.test), predicted)
    storax.project.restart()
    assert storax.pipeline.load("sums").id == copy.id
    storax.project.delete()


@pytest.mark.slow("kernels are compiled from nothing")
def test_the_first_check_on_a_machine_tells_the_caller_that_it_compiles(own_home, tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "kernels"))
    storax.engine.set_project("p")
    schema = star()
    arguments = {"spec": pipeline(schema)._spec(), "subset": schema.train.to_spec()}
    place, running = session._here()
    messages = []
    protocol.command(
        running, "check_pipeline", {"project": place, **arguments}, progress=lambda _, message: messages.append(message)
    )
    assert "Compiling kernels, once on this machine" in messages


@pytest.mark.parametrize("part", ["FastProp", None, 5])
def test_what_is_no_part_of_a_pipeline_is_named(schema, part):
    for word in ("preprocessors", "feature_learners", "feature_selectors", "predictors"):
        with pytest.raises(errors.InvalidInput, match=f"Among the {word} is {part!r}"):
            pipeline(schema, **{word: [part]}).fit(schema.train)
    assert pipeline(schema, tags="one").tags == ["one"]
