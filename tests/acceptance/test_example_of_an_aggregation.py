"""CONTRIBUTING.md's example of an aggregation: one file, and its kernel, its SQL and its name agree."""

import os
import re

import pytest

from acceptance.worked_examples import apply, examples, python
from house.repository import FOLDERS, copy_to

CHECK = """
from learning.parity import assert_parity
from learning.worlds import SHOP_ROLES, fit, join, shop, spec
from storax.feature_learning import aggregations
from storax_engine.learning import __file__ as place

tables = shop(1, n=60, orders=600)
joins, learner = [join("orders", "id", ("at", "ts"))], {"aggregation": [aggregations.RANGE]}
trained = fit(spec(joins, SHOP_ROLES, predictor=None, learner=learner), tables)
assert_parity(trained, tables, least=5)
print(place)
print(*sorted(feature.name for feature in trained.state.features if feature.aggregation))
print(aggregations.RANGE in aggregations.all, "MAX(" in trained.to_sql("mysql")["orders__price__range"])
"""


@pytest.mark.slow("a kernel of a copy of the repository is compiled")
def test_the_feature_is_the_number_that_its_sql_gives(tmp_path):
    copy_to(tmp_path)
    (diff,) = examples()["add an aggregation"]
    assert len(re.findall(r"^--- ", diff, re.MULTILINE)) == 1, "the example promises one file"
    apply(tmp_path, diff)
    assert python(tmp_path, "-m", "tools.codegen").splitlines() == ["client/storax/models/aggregations.py: written"]
    folders = os.pathsep.join(str(tmp_path / name) for name in (*FOLDERS, "tests"))
    cache = str(tmp_path / "numba")
    place, features, facts = python(tmp_path, "-c", CHECK, PYTHONPATH=folders, NUMBA_CACHE_DIR=cache).splitlines()
    assert place.startswith(str(tmp_path))
    assert features.split() == [f"orders__{column}__range" for column in ("paid", "pieces", "price", "ts")]
    assert facts == "True True"
