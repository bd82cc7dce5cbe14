"""Subroles: a part of a pipeline leaves out the columns that it is told to, and every other part uses them."""

import numpy as np
import pyarrow as pa
import pytest

from learning.worlds import DAY, fit, join, spec
from storax_engine.learning import buckets

PREPROCESSORS = [
    {"kind": "EmailDomain"},
    {"kind": "Imputation", "add_dummies": True},
    {"kind": "Seasonal", "disable_month": True, "disable_hour": True, "disable_minute": True},
    {"kind": "Substring", "begin": 0, "length": 2},
    {"kind": "TextFieldSplitter", "vocab_size": 1},
    {"kind": "CategoryTrimmer", "min_freq": 40},
    {"kind": "Mapping"},
]
ROLES = {
    "population": {
        "categorical": ["plan"], "text": ["mail"], "numerical": ["age"], "time_stamp": ["at"], "join_key": ["id"],
        "target": ["y"],
    },
    "orders": {"numerical": ["price"], "categorical": ["kind"], "join_key": ["id"]},
    "people": {"numerical": ["size"], "categorical": ["shirt"], "join_key": ["id"]},
}  # fmt: skip

_ENDS = ("avg", "count_distinct", "avg__where_kind_jam", "avg__where_kind__0_2_ja")
OF_PRICE = {f"orders__price__{end}" for end in _ENDS}


@pytest.fixture(scope="module")
def tables():
    draw = np.random.default_rng(3)
    n, days = 120, (1_600_000_000 + np.arange(120) * DAY).astype(np.int64)
    population = pa.table(
        {
            "plan": ["free"] * 70 + ["paid"] * 45 + ["gold"] * 5, "mail": [f"one.two@{d}.org" for d in "abc" * 40],
            "age": pa.array(draw.normal(size=n), mask=np.arange(n) % 9 == 0), "id": np.arange(n),
            "at": pa.array(days).cast(pa.timestamp("s")), "y": draw.normal(size=n),
        }
    )  # fmt: skip
    orders = {"id": draw.integers(0, n, 500), "price": draw.normal(size=500), "kind": ["tea", "jam"] * 250}
    people = {"id": np.arange(n), "size": draw.normal(size=n), "shirt": ["red", "blue"] * 60}
    return {"population": population, "orders": pa.table(orders), "people": pa.table(people)}


def described(**subroles):
    joins = [join("orders", "id"), join("people", "id", relationship="many_to_one")]
    more = {"preprocessors": PREPROCESSORS, "include_categorical": True, "subroles": subroles}
    learner = {"aggregation": ["AVG", "COUNT", "COUNT_DISTINCT"], "n_most_frequent": 1}
    return spec(joins, ROLES, predictor=None, learner=learner, **more)


def named(trained):
    return {feature.name for feature in trained.state.features}


@pytest.fixture(scope="module")
def plain(tables):
    return named(fit(described(), tables))


@pytest.mark.parametrize(
    ("table", "column", "subrole", "gone"),
    [
        ("population", "plan", "exclude mapping", {"plan__mean_y"}),
        ("population", "plan", "exclude predictors", {"plan"}),
        ("population", "plan", "exclude preprocessors", {"plan__mean_y", "plan__0_2", "plan__0_2__mean_y"}),
        ("population", "age", "exclude imputation", {"age__missing"}),
        ("population", "age", "exclude predictors", {"age"}),
        ("population", "at", "exclude seasonal", {"at__weekday"}),
        ("population", "mail", "exclude text field splitter", {"mail__has_one"}),
        ("population", "mail", "only email", {"mail__has_one", "mail__0_2", "mail__0_2__mean_y"}),
        ("population", "age", "exclude fastprop", set()),
        ("orders", "price", "exclude fastprop", OF_PRICE),
        (
            "orders", "kind", "exclude feature learners",
            {
                "orders__kind__count_distinct", "orders__count__where_kind_jam", "orders__price__avg__where_kind_jam",
            },
        ),
        ("orders", "price", "exclude predictors", set()),
        ("people", "size", "exclude predictors", {"people__size"}),
        ("people", "shirt", "exclude mapping", {"people__shirt__mean_y"}),
    ],
)  # fmt: skip
def test_a_part_leaves_out_a_column_and_all_others_use_it(tables, plain, table, column, subrole, gone):
    marked = named(fit(described(**{table: {column: [subrole]}}), tables))
    assert (plain - marked, marked - plain) == (gone, set())


def test_a_preprocessor_that_is_asked_for_uses_these_columns_alone(tables, plain):
    marked = named(fit(described(people={"shirt": ["include substring"]}), tables))
    assert {name for name in marked if "__0_2" in name} == {"people__shirt__0_2", "people__shirt__0_2__mean_y"}
    assert {"people__shirt", "people__shirt__mean_y"} <= marked
    only = named(fit(described(people={"shirt": ["only substring"]}), tables))
    assert marked - only == {"people__shirt", "people__shirt__mean_y"}
    assert only <= plain


def test_a_mark_in_a_table_that_no_join_uses_narrows_no_preprocessor(tables, plain):
    spare = {"spare": {"note": ["include substring", "only email"]}}
    more = {**tables, "spare": pa.table({"note": ["a@b.org"]})}
    assert named(fit(described(**spare), more)) == plain


def test_mail_addresses_are_taken_where_a_column_asks_for_it_though_most_values_are_none(tables):
    few = pa.array([m if i < 9 else "nobody" for i, m in enumerate(tables["population"]["mail"].to_pylist())])
    at = tables["population"].column_names.index("mail")
    sparse = {**tables, "population": tables["population"].set_column(at, "mail", few)}
    assert "mail__domain" not in named(fit(described(), sparse))
    assert {"mail__domain", "mail__0_2"} <= named(fit(described(population={"mail": ["include email"]}), sparse))


def test_rare_categories_stay_where_the_trimmer_is_to_leave_a_column_out(tables):
    kept = {"population": {"plan": ["exclude category trimmer"]}}
    assert fit(described(), tables).state.vocabularies["plan"] == ["free", "paid", "(trimmed)"]
    assert fit(described(**kept), tables).state.vocabularies["plan"] == ["free", "paid", "gold"]


def test_fits_that_share_what_they_learned_heed_the_subroles_of_each(tables, plain):
    from storax_engine.learning.tables.cache import Cache

    cache = Cache()
    marked = described(orders={"price": ["exclude fastprop"]}, population={"plan": ["exclude mapping"]})
    without = plain - OF_PRICE - {"plan__mean_y"}
    for description, expected in ((described(), plain), (marked, without), (described(), plain)):
        assert named(fit(description, tables, cache=cache)) == expected


def test_buckets_make_the_same_features(tables, tmp_path):
    marks = {
        "population": {"plan": ["exclude mapping"], "mail": ["only email"], "age": ["exclude predictors"]},
        "orders": {"price": ["exclude fastprop"]},
        "people": {"shirt": ["include substring", "exclude category trimmer"], "size": ["exclude imputation"]},
    }
    description = described(**marks)
    buckets.prepare_fit(description, tables, tmp_path, buckets=3)
    for i in range(3):
        buckets.compute(tmp_path, i)
    parts, whole = buckets.fit(tmp_path), fit(description, tables)
    assert [f.name for f in parts.state.features] == [f.name for f in whole.state.features]
    assert parts.transform(tables).equals(whole.transform(tables))
