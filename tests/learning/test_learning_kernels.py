"""The kernels: sorting, slices, and that only the first process compiles them."""

import os
import subprocess
import sys

import numpy as np
import pytest

from storax_engine.learning.kernels import slices, sorting

CODE = """
import numpy as np
from storax_engine.learning.kernels.sorting import by_key
by_key(np.zeros(3, np.int64), np.ones(3, np.bool_), 1)
print(sum(by_key.stats.cache_hits.values()), sum(by_key.stats.cache_misses.values()))
"""


def test_a_second_process_finds_the_machine_code_of_the_first(tmp_path):
    env = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    runs = [
        subprocess.run([sys.executable, "-c", CODE], env=env, capture_output=True, text=True, check=True).stdout.split()
        for _ in range(2)
    ]
    assert runs == [["0", "1"], ["1", "0"]]


@pytest.mark.parametrize("seed", range(20))
def test_rows_are_sorted_by_key_and_time_and_keep_their_order_where_both_are_equal(seed):
    rng = np.random.default_rng(seed)
    n, keys = int(rng.integers(0, 400)), int(rng.integers(1, 9))
    codes, times = rng.integers(-1, keys, n), rng.integers(0, 20, n).astype(float)
    valid = rng.random(n) < 0.9
    order, starts = sorting.by_key(codes, valid, keys)
    ordered = sorting.by_time(order, starts, times)
    kept = np.flatnonzero(valid & (codes >= 0))
    expected = kept[np.lexsort((kept, times[kept], codes[kept]))]
    assert (order == expected).all()
    assert (ordered == times[expected]).all()
    assert (np.diff(starts) == np.bincount(codes[kept], minlength=keys)).all()


@pytest.mark.parametrize("seed", range(20))
def test_a_slice_holds_exactly_the_rows_of_its_key_and_window(seed):
    rng = np.random.default_rng(seed)
    codes, times = rng.integers(0, 5, 200), rng.integers(0, 30, 200).astype(float)
    order, starts = sorting.by_key(codes, np.ones(200, bool), 5)
    ordered = sorting.by_time(order, starts, times)
    keys, until = rng.integers(-1, 5, 50), rng.integers(-3, 35, 50).astype(float)
    after = until - rng.integers(0, 9, 50)
    lo, hi = slices.find(starts, ordered, keys, after, until)
    for i in range(50):
        seen = set(order[lo[i] : hi[i]])
        assert seen == set(np.flatnonzero((codes == keys[i]) & (times > after[i]) & (times <= until[i])))
