"""What a fit tells while it learns."""

import json
import os
import subprocess
import sys

import pytest

WORLD = """
import json
from learning.worlds import SHOP_ROLES, join, shop, spec
from storax_engine import learning
told = []
given = spec([join("orders", "id", ["at", "ts"])], SHOP_ROLES, learner={"aggregation": ["AVG"]})
getattr(learning, WHAT)(given, shop(1), progress=lambda share, text: told.append([share, text]))
print(json.dumps(told))
"""
COMPILING = "Compiling kernels, once on this machine"


def told_by(what, folder):
    """What ``learning.fit`` or ``check`` tells in a process of its own, with its compiled kernels in this folder."""
    done = subprocess.run(
        [sys.executable, "-c", f"WHAT = {what!r}\n{WORLD}"], capture_output=True, text=True, check=True,
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder), "PYTHONPATH": "tests"},
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.mark.slow("kernels are compiled twice from nothing")
def test_the_first_on_a_machine_says_that_it_compiles_and_then_what_it_does_again(tmp_path):
    checked = told_by("check", tmp_path)
    assert [0.0, COMPILING] in checked
    assert checked[-1] == [0.0, ""]
    assert told_by("check", tmp_path) == [], "the kernels are there: nothing is compiled"
    fitted = told_by("fit", tmp_path)
    at = fitted.index([0.1, COMPILING])
    assert fitted[at - 1] == fitted[at + 1] == [0.1, "features"]
    shares = [share for share, _ in fitted]
    assert shares == sorted(shares), "the bar never goes back"
    assert COMPILING not in {text for _, text in told_by("fit", tmp_path)}
