"""ConditionBoost: aggregations over rows that meet conditions, which are learned from the target."""

import json
import re
import warnings
from dataclasses import fields, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from threadpoolctl import threadpool_limits

from benchmarks.condition_boost import FASTPROP, LEARNERS, WORLDS, description, threshold
from learning.parity import assert_parity
from learning.test_learning_cancelled import CancelledAt
from learning.worlds import DAY, HOUR, MARKET_ROLES, MARKET_UNITS, SHOP_ROLES, join, market, shop, spec, towns
from storax.feature_learning import ConditionBoost
from storax_engine import learning
from storax_engine.learning import BadData, BadPlan, buckets, plan
from storax_engine.learning.boosting import bins, condition_boost, rounds, search, seen_rows
from storax_engine.learning.features import filters
from storax_engine.learning.features.filters import ABOVE, IN, UP_TO, Filter
from storax_engine.learning.plan import Part
from storax_engine.learning.tables.cache import Cache
from storax_engine.learning.tables.workspace import Workspace

BOOST = {"kind": "ConditionBoost", "min_samples_leaf": 5, "n_rounds": 8}
CUSTOMERS = 800


def boosted(joins, roles, **more):
    """A pipeline whose features are all learned by conditions."""
    return {**spec(joins, roles, predictor=None, **more), "feature_learners": [BOOST]}


def spending(tables, *, above=11.0, kinds=("tea", "jam")):
    """The tables of a shop, whose target is the earlier orders of some kinds above a price."""
    people, orders = tables["population"].to_pylist(), tables["orders"].to_pylist()
    of = {}
    for order in orders:
        if order["kind"] in kinds and order["price"] is not None and order["price"] > above and order["ts"] is not None:
            of.setdefault(order["id"], []).append(order["ts"])
    spent = [float(sum(ts <= one["at"] for ts in of.get(one["id"], []))) for one in people]
    return {**tables, "population": tables["population"].set_column(3, "spent", pa.array(spent))}


def conditional(trained):
    return [feature for feature in trained.state.features if feature.where]


@pytest.mark.parametrize("name", WORLDS)
def test_a_target_that_depends_on_conditions_is_predicted_better_than_by_plain_aggregations(name):
    make, predictor, metric = WORLDS[name]
    train, test = make(1, 1500), make(2, 1500)
    plain, more = (
        learning.fit(description(LEARNERS[title], predictor), train).score(test)[metric]
        for title in ("FastProp", "FastProp and ConditionBoost")
    )
    assert more > plain + 0.12, (plain, more)


def test_the_condition_behind_a_target_is_what_is_found_first():
    trained = learning.fit(description([{"kind": "ConditionBoost"}], None), threshold(1, CUSTOMERS))
    first = trained.state.features[0]
    learned = {one.column: one for one in first.where}
    assert learned["category"].categories == ("a", "d")
    assert 23 < learned["amount"].limit < 27
    assert "where_amount_above_" in first.name
    assert first.name.endswith("_and_category_in_a_or_d")


def test_the_same_seed_finds_the_same_features_and_a_loaded_pipeline_has_the_same_numbers(tmp_path):
    tables = threshold(3, CUSTOMERS)
    first, again, other = (
        learning.fit(description([{"kind": "ConditionBoost", "random_state": seed}], None), tables)
        for seed in (7, 7, 8)
    )
    assert first.state.features == again.state.features
    assert first.transform(tables).equals(again.transform(tables))
    assert first.state.features != other.state.features
    first.save(tmp_path / "trained")
    loaded = learning.load(tmp_path / "trained")
    assert loaded.state.features == first.state.features
    assert loaded.transform(tables).equals(first.transform(tables))
    assert loaded.to_sql() == first.to_sql()
    assert json.loads((tmp_path / "trained" / "learned.json").read_text())["features"][0]["where"]


def test_a_release_that_knows_no_conditions_refuses_a_pipeline_or_buckets_with_some_and_reads_all_others(tmp_path):
    """It knows version 1 alone, and would leave the conditions out."""
    tables = threshold(3, 200)
    versions = {}
    for name, learner in (("plain", FASTPROP), ("conditional", BOOST)):
        described = description([learner], None)
        learning.fit(described, tables).save(tmp_path / name)
        buckets.prepare_fit(described, tables, tmp_path / f"{name} split", buckets=1)
        files = tmp_path / name / "learned.json", tmp_path / f"{name} split" / "work.json"
        versions[name] = [json.loads(file.read_text())["version"] for file in files]
    assert versions == {"plain": [1, 1], "conditional": [2, 2]}
    file = tmp_path / "conditional" / "learned.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "version": 3}))
    with pytest.raises(BadData, match="another version of the engine"):
        learning.load(tmp_path / "conditional")


def test_a_pipeline_of_a_release_without_conditions_gives_the_same_numbers(tmp_path):
    tables = threshold(3, 200)
    trained = learning.fit(description([FASTPROP], "LinearRegression"), tables)
    trained.save(tmp_path)
    kept = json.loads((tmp_path / "learned.json").read_text())
    for feature in kept["features"]:
        del feature["where"]
    (tmp_path / "learned.json").write_text(json.dumps(kept))
    loaded = learning.load(tmp_path)
    assert loaded.transform(tables).equals(trained.transform(tables))
    assert np.array_equal(loaded.predict(tables), trained.predict(tables))


def test_what_fastprop_has_already_is_there_once_and_both_share_columns_importance():
    tables = threshold(4, CUSTOMERS)
    trained = learning.fit(description([FASTPROP, {"kind": "ConditionBoost"}], "LinearRegression"), tables)
    names = [feature.name for feature in trained.state.features]
    assert len(set(names)) == len(names)
    assert "orders__amount__sum" in names
    assert len(conditional(trained)) >= 1
    assert sum(trained.importances("y")) == pytest.approx(1.0)
    columns = {one["name"]: one["importance"] for one in trained.columns()}
    assert columns["category"] > 0.1, "conditions are on it"
    assert sum(columns.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("more", [{}, {"upper_time_stamp": "paid"}, {"horizon": 3 * HOUR, "memory": 20 * DAY}])
def test_conditions_equal_their_sql(more):
    tables = spending(shop(41))
    orders = join("orders", "id", ("at", "ts"), **more)
    roles = {**SHOP_ROLES, "orders": {**SHOP_ROLES["orders"], "time_stamp": ["ts"]}}
    trained = learning.fit(boosted([orders], roles), tables)
    assert conditional(trained)
    assert_parity(trained, tables, within=1e-9)


UNDER = ["AVG", "COUNT", "COUNT_DISTINCT", "EWMA_1D", "FIRST", "LAST", "MEDIAN", "MODE", "STDDEV", "SUM", "TREND"]
OF_SALES = (
    Filter("ts__hour", ABOVE, 5.5),
    Filter("lines__amount__sum", UP_TO, 21.0625),
    Filter("places__people", ABOVE, 10.5),
    Filter("shop", IN, categories=("north", "south")),
)


def test_any_aggregation_under_conditions_on_prepared_nested_and_joined_columns_equals_its_sql():
    tables, joins, roles = towns(42)
    untimed = {**join("all_sales", ("id", "customer")), "right": {"name": "all_sales", "table": "sales"}}
    steps = [{"kind": "Seasonal"}, {"kind": "Imputation"}]
    learner = {"aggregation": UNDER}
    trained = learning.fit(spec([*joins, untimed], roles, predictor=None, preprocessors=steps, learner=learner), tables)
    under = {"sales": (OF_SALES[:1], OF_SALES[1:2], OF_SALES), "all_sales": (OF_SALES[:1], OF_SALES[3:])}
    trained.state.features = [
        replace(feature, where=where, name=f"{feature.name}__{filters.name_of(where)}")
        for feature in trained.state.features
        if feature.column in {None, "lines__amount__sum", "shop"} and feature.node in under
        for where in under[feature.node]
    ]
    assert_parity(trained, tables, least=40, within=1e-9)
    filled = [np.isfinite(column.to_numpy()).mean() for column in trained.transform(tables).columns]
    assert np.median(filled) > 0.2


def test_comparisons_under_conditions_equal_their_sql():
    tables, orders = market(45), join("orders", "id", ("at", "ts"), horizon=3 * HOUR)
    learner = {"aggregation": ["AVG", "MAX", "SUM"]}
    trained = learning.fit(spec([orders], MARKET_ROLES, predictor=None, learner=learner, units=MARKET_UNITS), tables)
    where = (Filter("pieces", ABOVE, 0.5),)
    trained.state.features = [replace(f, where=where) for f in trained.state.features if f.compared]
    assert_parity(trained, tables, least=5, within=1e-9)


@pytest.mark.parametrize("horizon", [0.0, 6 * HOUR])
def test_a_planted_future_value_changes_no_feature_and_no_condition(horizon):
    tables = spending(shop(43))
    orders = join("orders", "id", ("at", "ts"), horizon=horizon)
    trained = learning.fit(boosted([orders], SHOP_ROLES), tables)
    people, known = tables["population"], tables["orders"]
    unique = [i for i, n in enumerate(people["id"].to_pylist()) if people["id"].to_pylist().count(n) == 1]
    later = pc.add(people["at"].cast(pa.int64()), int(1 - horizon))
    future = pa.table(
        {
            "id": people["id"], "ts": later.cast(pa.timestamp("s")), "price": np.full(len(people), 12.5),
            "pieces": np.full(len(people), 2), "kind": ["tea"] * len(people), "paid": later.cast(pa.timestamp("s")),
        }
    )  # fmt: skip
    planted = {**tables, "orders": pa.concat_tables([known, future.cast(known.schema).take(unique)])}
    before, after = trained.transform(tables).take(unique), trained.transform(planted).take(unique)
    assert conditional(trained)
    assert before.equals(after)


def test_a_target_of_noise_finds_next_to_nothing():
    tables = shop(44, n=600, orders=9000)
    trained = learning.fit(spec([], {**SHOP_ROLES, "orders": {}}, predictor=None), tables)
    described = boosted([join("orders", "id", ("at", "ts"))], SHOP_ROLES)
    described["feature_learners"] = [{"kind": "ConditionBoost"}]
    learned = learning.fit(described, tables)
    assert len(learned.state.features) <= len(trained.state.features) + 2, learned.state.features


def test_infinite_huge_constant_and_empty_columns_warn_of_nothing_and_find_the_same_condition():
    tables = threshold(1, CUSTOMERS)
    n = tables["orders"].num_rows
    odd = {"endless": np.where(np.arange(n) % 50 == 0, np.inf, 1.0 * np.arange(n) % 7), "same": np.ones(n)}
    odd["huge"] = np.where(np.arange(n) % 9 == 0, 1.7e308, odd["endless"])
    odd["none"] = pa.nulls(n, pa.float64())
    for name, column in odd.items():
        tables["orders"] = tables["orders"].append_column(name, pa.array(column))
    described = description([{"kind": "ConditionBoost", "n_rounds": 5}], None)
    described["roles"]["orders"]["numerical"] = ["amount", *odd]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained = learning.fit(described, tables)
    assert {one.column for one in trained.state.features[0].where} == {"amount", "category"}


def test_if_nothing_explains_the_target_the_error_says_so():
    described = boosted([join("orders", "id", ("at", "ts"))], {**SHOP_ROLES, "population": {
        **SHOP_ROLES["population"], "numerical": []}})  # fmt: skip
    described["feature_learners"] = [{"kind": "ConditionBoost", "n_rounds": 1, "min_samples_leaf": 75}]
    with pytest.raises(BadData, match="nothing that was computed explains the target"):
        learning.fit(described, shop(47, n=300))
    few = (
        r"ConditionBoost draws 149 of 299 rows of 'population' in a round, but min_samples_leaf=75 needs 150: lower it"
    )
    with pytest.raises(BadData, match=few):
        learning.fit(described, shop(47, n=299))
    described["roles"]["population"]["numerical"] = ["age"]
    (warned,) = learning.fit(described, shop(47, n=299)).warnings
    assert re.fullmatch(few, warned)
    assert warned in learning.check(described, shop(47, n=299))


def test_a_fit_is_cancelled_within_a_round():
    tables, described = threshold(5, 300), description([BOOST], None)
    count = CancelledAt()
    learning.fit(described, tables, cancelled=count)
    assert count.times > 100
    for limit in np.linspace(1, count.times, 9).astype(int):
        with pytest.raises(learning.Cancelled):
            learning.fit(described, tables, cancelled=CancelledAt(limit))


def test_a_round_looks_at_so_many_rows_and_tries_so_many_combinations(monkeypatch):
    passes, whole = [], search.split_sums

    def counted(bins, *rest):
        passes.append(len(bins))
        return whole(bins, *rest)

    monkeypatch.setattr(search, "split_sums", counted)
    monkeypatch.setattr(seen_rows, "MOST", 500)
    monkeypatch.setattr(search, "COMBINATIONS", 2)
    described = description([{**BOOST, "n_rounds": 3, "max_depth": 2}], None)
    learning.fit(described, threshold(6, CUSTOMERS))
    assert passes
    assert max(passes) <= 500
    without, refined = 3, search.PATHS * 2
    assert len(passes) <= 3 * (without + 2 + refined)


def test_buckets_give_the_same_features_and_numbers(tmp_path):
    tables, steps = spending(shop(46)), [{"kind": "Seasonal"}, {"kind": "Mapping", "min_freq": 3}]
    learners = [FASTPROP, BOOST]
    described = spec(
        [join("orders", "id", ("at", "ts"))], SHOP_ROLES, predictor="LinearRegression", preprocessors=steps
    )
    described["feature_learners"] = learners
    trained = learning.fit(described, tables)
    assert conditional(trained)
    buckets.prepare_fit(described, tables, tmp_path / "fit", buckets=3)
    for i in range(3):
        buckets.compute(tmp_path / "fit", i)
    split = buckets.fit(tmp_path / "fit")
    assert split.state.features == trained.state.features
    assert np.array_equal(split.predict(tables), trained.predict(tables))
    buckets.prepare_transform(trained, tables, tmp_path / "transform", buckets=3)
    for i in range(3):
        buckets.compute(tmp_path / "transform", i)
    assert pa.concat_tables(buckets.blocks(tmp_path / "transform")).equals(trained.transform(tables))


def in_buckets(described, tables, folder):
    buckets.prepare_fit(described, tables, folder, buckets=2)
    for i in range(2):
        buckets.compute(folder, i)
    return buckets.fit(folder)


def test_a_feature_that_two_learners_propose_is_empty_in_buckets_as_the_one_that_keeps_it_says(tmp_path):
    tables = threshold(4, CUSTOMERS)
    plain = learning.fit(description([FASTPROP], None), tables).transform(tables)
    n, mean = plain["orders__count"].to_numpy(), np.nan_to_num(plain["orders__amount__avg"].to_numpy())
    y = pa.array(n / n.std() + mean / mean.std())
    tables["population"] = tables["population"].set_column(2, "y", y)
    described = description([{**FASTPROP, "num_features": 1}, {**BOOST, "empty": "missing"}], None)
    both = {"all": learning.fit(described, tables), "split": in_buckets(described, tables, tmp_path / "fit")}
    zeros = {name: {f.name: f.zero for f in trained.state.features} for name, trained in both.items()}
    assert [name for name, zero in zeros["all"].items() if name in plain.column_names and not zero]
    assert zeros["split"] == zeros["all"]


@pytest.mark.parametrize(("column", "reason"), [("id", "no key of one side"), ("ts", "no row is seen in time")])
def test_a_join_that_finds_nothing_is_named_as_it_is_without_conditions(tmp_path, column, reason):
    tables = threshold(1, 100)
    far = pc.add(tables["orders"][column].cast(pa.int64()), 10**9).cast(tables["orders"][column].type)
    tables["orders"] = tables["orders"].set_column(tables["orders"].column_names.index(column), column, far)
    described = description([BOOST], None)
    with pytest.raises(BadData, match=f"the join of 'population' and 'orders' finds nothing: .*{reason}"):
        learning.fit(described, tables)
    tables["population"] = tables["population"].append_column("age", pa.array(np.arange(100.0)))
    described["roles"]["population"]["numerical"] = ["age"]
    warned = learning.fit(described, tables).warnings
    assert [reason in one for one in warned] == [True]
    assert in_buckets(described, tables, tmp_path / "fit").warnings == warned


def test_a_key_with_more_rows_than_a_round_reads_hides_no_other(monkeypatch):
    rows = {"id": [0] * 60 + [1, 2], "ts": [1.0] * 62, "amount": np.arange(62.0)}
    described = description([BOOST], None)
    described["roles"]["orders"]["categorical"] = []
    read = plan.read(described)
    tables = {"population": pa.table({"id": [0, 1, 2], "at": [5.0] * 3}), "orders": pa.table(rows)}
    workspace = Workspace(read, tables, lambda _node, _frame: None, Cache(), lambda: None)
    (join_,), population = read.population.joins, workspace.population()
    drawn = seen_rows.Drawn(join_, population, workspace.index(join_))
    monkeypatch.setattr(seen_rows, "MOST", 50)
    for seed in range(8):
        seen = drawn.draw(np.arange(3), np.zeros(3), np.random.default_rng(seed), lambda: None)
        assert seen.index.column("amount")[seen.places].tolist() == [60.0, 61.0], seed


def test_a_limit_is_so_far_from_all_values_that_sql_may_round_them():
    for low, high in [(1.99999999999, 2.1), (1.9, 2.00000000001), (-7.00000000001, -6.3), (0.1 + 0.2, 0.5)]:
        (limit,) = bins._limits(np.array([low, high]), 8)
        assert min(limit - low, high - limit) > bins.APART * abs(high) / 2, (low, limit, high)


def test_different_conditions_have_different_names():
    sets = [
        ("a", "b", "or_c"), ("a", "b_or", "c"), ("a_or_b", "c"), ("a", "b", "c"), ("a|b", "c", "d", "e", "f"),
        ("a", "b|c", "d", "e", "f"), ('a", "b', "c", "d", "e", "f"), ("a_and_b",), ("",), ("", "a"),
    ]  # fmt: skip
    limits = [12.5, 12.500001, 0.1 + 0.2, 0.3, 1e-300, 0.0]
    where = [Filter("kind", IN, categories=one) for one in sets]
    where += [Filter("price", how, limit) for limit in limits for how in (ABOVE, UP_TO)]
    assert len({filters.name_of([one]) for one in where}) == len(where)
    assert filters.name_of(where[3:4]) == "where_kind_in_a_or_b_or_c"


def test_what_a_feature_explains_is_the_same_with_any_number_of_threads():
    draw = np.random.default_rng(11)
    values, left, bag = draw.normal(size=200_000), draw.normal(size=200_000), np.arange(150_000)
    lines = []
    for threads in (1, 2, 4):
        with threadpool_limits(threads):
            lines.append(rounds._line(values, left, bag))
    assert all(np.array_equal(line, lines[0]) for line in lines)


@pytest.mark.parametrize(
    ("wrong", "requirement"),
    [
        ({"n_rounds": 0}, "n_rounds is 0: a whole number, 1 or more"),
        ({"learning_rate": 0.0}, "a number above 0, up to 1"),
        ({"subsample": 1.0}, "from 0.01 to 0.99"),
        ({"max_depth": True}, "a whole number from 1 to 10"),
        ({"aggregation": ["MEDIAN"]}, "no aggregation 'MEDIAN'; one of AVG"),
        ({"aggregation": "AVG"}, "give a list"),
        ({"empty": "none"}, "it is 'zero' or 'missing'"),
        ({"empty": ["zero"]}, "it is 'zero' or 'missing'"),
    ],
)
def test_a_parameter_that_it_cannot_use_is_named(wrong, requirement):
    with pytest.raises(BadPlan, match=requirement):
        learning.check(description([{**BOOST, **wrong}], None), threshold(8, 50))


def test_the_declaration_has_the_parameters_and_defaults_of_the_learner():
    spec = ConditionBoost(max_depth=2, random_state=7).to_spec()
    learner = condition_boost.read(Part(spec.pop("kind"), spec))
    assert learner == replace(condition_boost.ConditionBoost(), max_depth=2, random_state=7)
    assert set(spec) == {field.name for field in fields(learner)}


def test_without_a_target_it_says_that_it_needs_one():
    described = description([BOOST], None)
    del described["roles"]["population"]["target"]
    for check_or_fit in (learning.check, learning.fit):
        with pytest.raises(BadPlan, match="ConditionBoost learns from a target"):
            check_or_fit(described, threshold(9, 50))
