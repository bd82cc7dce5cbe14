"""A fit that finds nothing tells why: one sentence for each cause, and none for what is not the cause."""

import numpy as np
import pyarrow as pa
import pytest

from learning.worlds import join, spec
from storax_engine import learning
from storax_engine.learning.errors import BadData

N = 40
ROLES = {
    "population": {"join_key": ["k"], "time_stamp": ["t"], "target": ["y"]},
    "orders": {"join_key": ["k"], "time_stamp": ["t"], "numerical": ["v"]},
}
CAUSES = ("has no rows", "finds nothing", "the same value in all rows", "has one row", "add a join and a learner")


def tables(n=N, **changed):
    draw = np.random.default_rng(1)
    people = {"k": np.arange(n), "t": np.full(n, 2.0), "y": draw.normal(size=n)}
    orders = {"k": np.arange(4 * N) % N, "t": draw.random(4 * N), "v": draw.normal(size=4 * N)}
    for name, values in changed.items():
        side, column = name.split("_")
        (people if side == "people" else orders)[column] = values
    return {"population": pa.table(people), "orders": pa.table(orders)}


def fit(data, joins=("orders",), roles=ROLES):
    description = spec([join(name, "k", ("t", "t")) for name in joins], roles, predictor="LinearRegression")
    return learning.fit(description, data)


EMPTY = dict(tables(), orders=tables()["orders"].slice(0, 0))


@pytest.mark.parametrize(
    ("data", "cause", "message"),
    [
        (EMPTY, "has no rows", "table 'orders' has no rows"),
        (tables(orders_k=np.arange(4 * N) + 1000), "finds nothing", "no key of one side is on the other"),
        (tables(orders_t=np.full(4 * N, 9.0)), "finds nothing", "no row is seen in time"),
        (
            tables(orders_k=[f"k{i}" for i in range(4 * N)]),
            "finds nothing",
            "compares 'k', which is a number, with 'k'",
        ),
        (tables(people_y=np.full(N, 3.0)), "the same value in all rows", "target 'y' has the same value in all rows"),
        (tables(1), "has one row", "table 'population' has one row"),
    ],
)
def test_what_made_a_fit_find_nothing_is_told_and_nothing_else(data, cause, message):
    with pytest.raises(BadData, match=message) as caught:
        fit(data)
    assert [known for known in CAUSES if known in str(caught.value)] == [cause]


def test_what_a_description_lacks_is_told():
    with pytest.raises(BadData, match="add a join and a learner"):
        fit(tables(), joins=())


def test_a_constant_target_is_a_warning_where_there_is_something_to_predict_from():
    roles = {**ROLES, "population": {**ROLES["population"], "numerical": ["x"]}}
    data = tables(people_x=np.arange(N, dtype=float), people_y=np.full(N, 3.0))
    assert fit(data, roles=roles).warnings == [
        "target 'y' has the same value in all rows, so that nothing can be learned of it"
    ]
    assert fit(tables()).warnings == []
