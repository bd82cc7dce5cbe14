"""Declarations are plain data: what they say as JSON, what they refuse, and that importing them brings no library."""

import json
import subprocess
import sys
import warnings
from datetime import datetime, timedelta

import pytest

from storax import feature_learning, predictors, preprocessors
from storax.data import split, time
from storax.data.container import Container, StarSchema
from storax.data.expressions.columns import Column
from storax.data.model import DataModel, Placeholder, relationship
from storax.data.roles import Roles
from storax.data.source import View
from storax.data.time_series import TimeSeries
from storax.errors import InvalidInput
from storax.pipeline import Pipeline
from storax.pipeline.features import Importances

ROWS_BELOW_5 = {
    "op": "choose",
    "args": [{"op": "less", "args": [{"rows": 1}, {"value": 5}]}, {"value": "a"}, {"value": "b"}],
}


class Handle:
    """Stands for a data frame's handle: all that a declaration looks at is its name and roles."""

    def __init__(self, name):
        self.name, self.roles = name, {"numerical": ["x"], "time_stamp": ["ts"]}

    def nrows(self):
        return 5


def test_a_declaration_brings_no_heavy_library():
    code = """
import sys, time
import storax.feature_learning, storax.predictors, storax.preprocessors
import storax.data.model, storax.data.container, storax.data.time_series, storax.data.split
print(*sorted({n.split('.')[0] for n in sys.modules} & {'numpy', 'pyarrow', 'numba', 'sklearn', 'xgboost', 'duckdb', 'ibis'}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr


@pytest.mark.parametrize("module", [predictors, preprocessors])
def test_every_declaration_is_json_with_its_kind(module):
    for name in module.__all__:
        kind = getattr(module, name)
        needed = {"Substring": (0, 3), "SklearnEstimator": ("sklearn.svm.SVC",)}
        declaration = kind(*needed.get(name, ()))
        assert json.loads(json.dumps(declaration.to_spec()))["kind"] == name
        assert declaration == declaration.__class__(
            **{f: getattr(declaration, f) for f in declaration.__dataclass_fields__}
        )


@pytest.mark.parametrize(("length", "unit"), [(1.5, "h"), (0, "d"), (-2, "s"), (3, "week")])
def test_a_half_life_that_no_name_can_say_is_refused(length, unit):
    for average in (feature_learning.aggregations.ewma, feature_learning.aggregations.ewma_trend):
        with pytest.raises(InvalidInput, match="half-life"):
            average(length, unit)
    assert feature_learning.aggregations.ewma(2.0, "m") == "EWMA_2M"


def test_a_learner_carries_its_parameters():
    learner = feature_learning.FastProp(
        num_features=7,
        aggregation=[
            feature_learning.aggregations.AVG,
            feature_learning.aggregations.ewma(3, "h"),
            feature_learning.aggregations.ewma_trend(3),
        ],
        loss_function=feature_learning.loss_functions.SquareLoss,
    )
    spec = learner.to_spec()
    assert (spec["kind"], spec["num_features"], spec["aggregation"]) == (
        "FastProp",
        7,
        ["AVG", "EWMA_3H", "EWMA_TREND_3D"],
    )
    assert spec["loss_function"] == "SquareLoss"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"num_threads": 4}, "one thread"),
        ({"sampling_factor": 0.5}, "all rows"),
        ({"vocab_size": 100}, "TextFieldSplitter"),
        ({"min_df": 30}, "TextFieldSplitter"),
        ({"num_threads": 0, "sampling_factor": 1, "silent": False, "vocab_size": 0}, ""),
    ],
)
def test_a_known_parameter_that_is_not_heeded_says_what_stands_in_its_place(options, said):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        learner = feature_learning.FastProp(num_features=3, **options)
    assert [one.filename for one in caught] == [__file__] * bool(said)
    assert all(said in str(one.message) and next(iter(options)) in str(one.message) for one in caught)
    assert learner.to_spec() == feature_learning.FastProp(num_features=3).to_spec()


def test_the_year_that_is_always_left_out_cannot_be_asked_for():
    assert preprocessors.Seasonal(disable_year=True).to_spec() == preprocessors.Seasonal().to_spec()
    with pytest.raises(InvalidInput, match="leaves the year out"):
        preprocessors.Seasonal(disable_year=False)


def test_a_data_model_says_its_joins():
    model = DataModel("population")
    model.add(Placeholder("orders"), [Placeholder("lines")])
    model.orders.join(model.lines, on="order_id", relationship=relationship.many_to_one)
    model.population.join(
        model.orders, on=("id", "customer"), time_stamps="ts", horizon=timedelta(hours=1), memory=time.days(7)
    )
    orders = model.to_spec()["joins"][0]
    assert (orders["on"], orders["time_stamps"]) == ([["id", "customer"]], ["ts", "ts"])
    assert (orders["horizon"], orders["memory"]) == (3600.0, 604800.0)
    assert orders["right"]["joins"][0]["relationship"] == "many_to_one"
    with pytest.raises(AttributeError, match="no placeholder 'nothing'"):
        _ = model.nothing


def test_a_table_with_a_name_of_the_models_own_is_joined_by_item_and_nothing_else_is():
    model = DataModel("customers")
    model.add([Placeholder("peripheral"), Placeholder("names")], Placeholder("orders"))
    for wrong in (model.peripheral, model.names, model.add, "orders", None):
        with pytest.raises(InvalidInput, match=r"no placeholder.*model\['peripheral'\]"):
            model.population.join(wrong, on="k")
    model.population.join(model["peripheral"], on="k")
    model["peripheral"].join(model["names"], on="k")
    assert model.to_spec()["joins"][0]["right"]["joins"][0]["right"]["name"] == "names"
    for wrong in (model.population, model["peripheral"]):
        with pytest.raises(InvalidInput, match="in a circle"):
            model["names"].join(wrong, on="k")
    with pytest.raises(InvalidInput, match="cannot be called 'population'"):
        model.add(Placeholder("population"))
    with pytest.raises(InvalidInput, match="'orders' is no placeholder"):
        model.add("orders")
    with pytest.raises(InvalidInput, match="no placeholder 'other'"):
        model["other"]


def test_a_table_that_is_used_twice_has_two_names_and_one_source():
    model = DataModel("population")
    twice = Placeholder("events")
    model.population.join(twice, on="a").join(twice, on="b")
    rights = [j["right"] for j in model.to_spec()["joins"]]
    assert [(r["name"], r["table"]) for r in rights] == [("events", "events"), ("events_2", "events")]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"horizon": 1}, "need time_stamps"),
        ({"time_stamps": "ts", "lagged_targets": True}, "horizon above 0"),
        ({"time_stamps": "ts", "memory": -1}, "memory is -1"),
    ],
)
def test_a_leaky_or_senseless_join_is_refused_at_once(options, text):
    with pytest.raises(InvalidInput, match=text):
        Placeholder("population").join(Placeholder("orders"), on="id", **options)


def test_a_star_schema_is_container_and_model():
    star = StarSchema(train=Handle("a"), test=Handle("b"))
    star.join(Handle("weather"), on="origin", time_stamps="ts", memory=time.hours(24))
    assert star.train.to_spec()["population"] == {"frame": "a"}
    assert star.test.to_spec()["peripheral"] == {"weather": {"frame": "weather"}}
    assert star.data_model.to_spec()["joins"][0]["right"]["name"] == "weather"


def test_a_time_series_sees_the_whole_past_in_every_subset():
    series = TimeSeries(Handle("all"), "ts", split=split.random(), memory=5.0)
    spec = series.test.to_spec()
    assert spec["peripheral"] == {"population_past": {"frame": "all"}}
    assert spec["population"]["steps"][-1]["condition"]["args"][1] == {"value": "test"}
    assert series.data_model.to_spec()["joins"][0]["on"] == []


def test_a_container_refuses_what_contradicts_itself():
    for arguments in ({}, {"population": Handle("p"), "train": Handle("t")}, {"train": Handle("t"), "split": "s"}):
        with pytest.raises(InvalidInput):
            Container(**arguments)
    frozen = Container(train=Handle("t"))
    frozen.freeze()
    with pytest.raises(InvalidInput, match="frozen"):
        frozen.add(Handle("x"))
    with pytest.raises(AttributeError, match="no subset 'test'"):
        _ = frozen.test


def chosen(expression, value):
    """The subset that an expression gives to a value."""
    while "op" in expression:
        condition, yes, no = expression["args"]
        expression = yes if value < condition["args"][1]["value"] else no
    return expression["value"]


def test_notebooks_show_containers_models_and_pipelines_without_running_what_is_in_a_name():
    evil = "<script>alert(1)</script>"
    star = StarSchema(Handle(evil), "customers", split=split.random())
    star.join(Handle("orders"), alias=f"o{evil}", on=[("k", evil)], time_stamps=("a", "b"), memory=86400.0)
    pipe = Pipeline(star.data_model, predictors=[predictors.LinearRegression()], tags=[evil], name=evil)
    for shown in (Container(train=Handle(evil)), star, star.data_model, pipe):
        html = shown._repr_html_()
        assert "<script" not in html
        assert "&lt;script&gt;" in html
    for text in ("LinearRegression", "NOT FITTED", "customers", "86400.0", "many_to_many"):
        assert text in pipe._repr_html_()
    for text in ("train, test", "orders", "k = "):
        assert text in star._repr_html_()
    assert "told by a column" in Container(Handle("p"), split="s")._repr_html_()
    assert DataModel("alone")._repr_html_().count("<table>") == 1
    assert "Pipeline" in Pipeline()._repr_html_()


def test_splits_cut_where_they_should():
    parts = split.random(seed=1, train=6, validation=2, test=2)
    assert [chosen(parts.expression, v) for v in (0.0, 0.59, 0.61, 0.79, 0.81)] == [
        "train",
        "train",
        "validation",
        "validation",
        "test",
    ]
    late = split.time(None, "ts", test=datetime(2020, 1, 1), validation=time.datetime(2019, 1, 1))
    assert [chosen(late.expression, time.datetime(y, 6, 1)) for y in (2018, 2019, 2020)] == [
        "train",
        "validation",
        "test",
    ]
    with pytest.raises(InvalidInput):
        split.random(train=0, test=0)
    with pytest.raises(InvalidInput):
        split.time(None, "ts")


@pytest.mark.parametrize("step", [{"step": "where", "condition": {}}, {"step": "slice", "start": 0, "stop": 9}])
@pytest.mark.parametrize("splitter", [split.random(seed=1), split.Split(ROWS_BELOW_5, ("a", "b"))])
def test_a_split_by_place_goes_with_the_frame_and_not_with_some_of_its_rows(step, splitter):
    whole, part = View("df", []), View("df", [step, {"step": "drop", "names": ["x"]}])
    condition = splitter == splitter.names[0]
    assert whole[condition].to_spec()["steps"] == [{"step": "where", "condition": condition.to_spec()}]
    for combined in (lambda: condition, lambda: ~condition, lambda: condition & (Column(part, {"column": "x"}) > 1)):
        with pytest.raises(InvalidInput, match=r'df\[split == "test"\]'):
            part[combined()]
    by_time = split.time(None, "ts", test=5)
    assert len(part[by_time == "test"].to_spec()["steps"]) == 3, "times are the same in any view"


def test_a_target_that_there_is_not_is_an_error_that_names_those_there_are():
    rows = Importances([{"name": "f", "target": target, "importance": 1.0} for target in ("y", "z")])
    assert rows.importances("z").to_dict() == rows.importances(target="y").to_dict() == {"f": 1.0}
    for typo in (2, "typo"):
        with pytest.raises(InvalidInput, match=f"no target {typo!r}.*y, z"):
            rows.importances(typo)
    assert Importances([]).importances().to_dict() == {}


def test_a_star_schema_names_the_argument_that_gives_a_table_another_name():
    schema = StarSchema(Handle("loans"))
    schema.join(Handle("orders"))
    for name in ("orders", "population"):
        with pytest.raises(InvalidInput, match="alias="):
            schema.join(Handle(name))
    schema.join(Handle("orders"), alias="late_orders")


def test_roles_name_columns():
    roles = Roles(numerical="price", target=["sold"])
    assert list(roles) == ["price", "sold"]
    assert roles.to_mapping() == {"numerical": ["price"], "target": ["sold"]}
