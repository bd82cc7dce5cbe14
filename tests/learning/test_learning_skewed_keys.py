"""A key that most rows have: order- and set-based aggregations slide over its rows, and give the numbers of a sort."""

import os
import time

import numpy as np
import pytest

from storax_engine.learning.aggregations import ranks
from storax_engine.learning.aggregations.declaration import Inputs
from storax_engine.learning.kernels import slices, sliding, sorting
from storax_engine.learning.kernels.parts import in_parts
from storax_engine.learning.tables.index import Slices

ROUNDS = 40
QUANTILES = np.array(ranks.QUANTILES)


@pytest.fixture
def draw():
    seed = int(os.environ.get("STORAX_SEED", time.time_ns() % 10**9))
    print(f"STORAX_SEED={seed}")
    return np.random.default_rng(seed)


def world(draw, points, rows, *, memory=None, keys=4, resolution=1.0):
    """Slices of reference points whose first key has nearly all rows, their moments, and the rows' times."""

    def some_keys(n):
        return np.where(draw.random(n) < 0.9, 0, draw.integers(0, keys, n))

    def some_times(n):
        return 1.6e9 + np.floor(draw.uniform(0, 4 * rows, n) / resolution) * resolution

    order, starts = sorting.by_key(some_keys(rows), np.ones(rows, bool), keys)
    times = sorting.by_time(order, starts, some_times(rows))
    left, begins = sorting.by_key(some_keys(points), np.ones(points, bool), keys)
    points_at = sorting.by_time(left, begins, some_times(points))
    _, key, moments = sorting.distinct(left, begins, points_at, points)
    after = np.full(len(moments), -np.inf) if memory is None else moments - memory
    return Slices(None, *slices.find(starts, times, key, after, moments), times), moments  # type: ignore[arg-type]


def columns(draw, times):
    """Columns of every kind: (values, whether they are time stamps)."""
    n = len(times)
    holes = np.where(draw.random(n) < 0.1, np.nan, draw.normal(size=n))
    rare = np.where(draw.random(n) < 0.01, draw.choice([np.inf, -np.inf, 0.0, -0.0], n), holes)
    later = times + np.floor(draw.uniform(-50, n, n))  # many are not yet known at the moment of their slice
    return {
        "ties": (draw.integers(0, 5, n).astype(float), False),
        "different": (draw.normal(size=n), False),
        "unknown and infinite": (rare, False),
        "all unknown": (np.full(n, np.nan), False),
        "times": (np.where(draw.random(n) < 0.1, np.nan, later), True),
        "times that round to equal ages": (times + draw.uniform(0, 1, n) * 1e-7, True),
        "times of long ago": (draw.uniform(0, 1e-3, n), True),
    }


def sliding_and_sorted(sliced, moments, values, is_time, tick=lambda: None):
    """All numbers of ``ranks`` in both ways."""
    inputs = Inputs(values, sliced, moments, 0.0, is_time, tick)
    slid, one_by_one = inputs.room(len(ranks.AGGREGATIONS)), inputs.room(len(ranks.AGGREGATIONS))
    ranks._Ranks(inputs, True, slid, slides_from=0).fill()
    ranks.ranks(values, sliced.lo, sliced.hi, moments, is_time, True, one_by_one)
    return slid, one_by_one


def by_definition(values, moment, is_time):
    """The numbers of one slice, written plainly; None where nothing is known."""
    known = moment - values[values <= moment] if is_time else values[~np.isnan(values)]
    if not known.size:
        return None
    different, counts = np.unique(known, return_counts=True)
    n, ordered = known.size, np.sort(known)
    places = QUANTILES * (n - 1)
    low = places.astype(int)
    high = np.minimum(low + 1, n - 1)
    with np.errstate(invalid="ignore"):
        quantiles = ordered[low] + (places - low) * (ordered[high] - ordered[low])
        median = 0.5 * (ordered[(n - 1) // 2] + ordered[n // 2])
    first = [different.size, n - different.size, different.size / n, median, different[np.argmax(counts)]]
    return np.array([*first, *quantiles])


def test_sliding_gives_the_numbers_of_the_definition_bit_for_bit(draw):
    for _ in range(ROUNDS):
        memory = draw.choice([None, 10.0, 300.0, 3000.0])
        size = (int(draw.integers(0, 400)), int(draw.integers(0, 600)))
        sliced, moments = world(draw, *size, memory=memory, resolution=draw.choice([1.0, 60.0, 1e-6]))
        for name, (values, is_time) in columns(draw, sliced.times).items():
            slid, one_by_one = sliding_and_sorted(sliced, moments, values, is_time)
            assert np.array_equal(slid, one_by_one, equal_nan=True), (name, size, memory)
            for i in draw.integers(0, len(moments), 3) if len(moments) else ():
                expected = by_definition(values[sliced.lo[i] : sliced.hi[i]], moments[i], is_time)
                if expected is None:
                    assert (slid[i, :2] == 0).all()
                    assert np.isnan(slid[i, 2:]).all()
                else:
                    assert np.array_equal(slid[i], expected, equal_nan=True), (name, size, memory, i)


def test_a_run_of_several_calls_gives_the_same_and_ticks_between_them(draw):
    sliced, moments = world(draw, 200_000, 120_000)
    wide = np.flatnonzero(sliced.hi - sliced.lo > 50_000)
    assert len(wide) > 50_000, "most slices have half of all rows"
    ticks = []
    values = np.where(draw.random(120_000) < 0.1, np.nan, draw.normal(size=120_000))
    for column, is_time in ((values, False), (sliced.times + np.floor(draw.uniform(0, 1e5, 120_000)), True)):
        ticks.clear()
        whole = Inputs(column, sliced, moments, 0.0, is_time, lambda: ticks.append(1))
        out = whole.room(len(ranks.AGGREGATIONS))
        ranks._Ranks(whole, True, out).fill()
        assert len(ticks) > 3
        for i in draw.choice(wide, 50):
            assert np.array_equal(out[i], by_definition(column[sliced.lo[i] : sliced.hi[i]], moments[i], is_time))


def test_stamps_whose_ages_round_to_equal_numbers_do_not_slide():
    negated = -np.array([3e-8, 2e-8, 1e-8])
    assert sliding.stay_different(negated, 1.0)
    assert not sliding.stay_different(negated, 1.6e9)
    assert not sliding.stay_different(np.array([-1.0, np.inf]), 1.6e9)


def test_parts_hold_each_element_once_and_no_more_than_they_may(draw):
    for _ in range(ROUNDS):
        sizes = draw.integers(0, 30, int(draw.integers(0, 50)))
        ticks = []
        parts = list(in_parts(sizes, 40, lambda ticks=ticks: ticks.append(1)))
        assert [i for part in parts for i in range(part.start, part.stop)] == list(range(len(sizes)))
        assert all(sizes[part].sum() <= 40 for part in parts)
        assert len(ticks) == len(parts)
