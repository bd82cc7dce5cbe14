"""Values in order, of slices that slide: each row enters once and leaves once, and a tree counts those inside.

A run is a sequence of slices, each of which begins and ends no earlier than the one before and overlaps it, as those of
the reference points of one key do. Values are replaced by their places among all different values of a run. Time stamps
are negated, so that the time since them has their order; one that is later than the moment of its slice waits.
"""

from typing import Any

import numpy as np

from storax_engine.learning.kernels.compile import kernel
from storax_engine.learning.kernels.counted_values import INSIDE, at_rank, change, empty, most_frequent

STATE, TREE = 0, 2  # their places in a window
LOW, HIGH, DIFFERENT = 0, 1, 2  # in its state: the rows that entered, and how many different values are inside


@kernel
def run_of(lo: Any, hi: Any, moment: Any, begin: int) -> Any:
    """Return the end of the run that begins with this slice, and the rows of its slices together."""
    i, total = begin + 1, hi[begin] - lo[begin]
    while i < lo.size and lo[i - 1] <= lo[i] < hi[i - 1] <= hi[i] and moment[i - 1] <= moment[i]:
        total += hi[i] - lo[i]
        i += 1
    return i, total


@kernel
def different_values(values: Any, is_time: bool) -> Any:
    """Return the different known values in ascending order; time stamps negated."""
    ordered, n = np.empty(values.size), 0
    for value in values:
        if value == value:
            ordered[n] = -value if is_time else value
            n += 1
    ordered = ordered[:n]
    ordered.sort()
    kept = min(n, 1)
    for i in range(1, n):
        if ordered[i] != ordered[kept - 1]:
            ordered[kept] = ordered[i]
            kept += 1
    return ordered[:kept]


@kernel
def stay_different(negated: Any, moment: float) -> bool:
    """Return whether times since these stamps, up to a moment, are as different as the stamps, however they round."""
    if negated.size < 2:
        return True
    least = 4.5e-16 * (moment + negated[-1])  # two units in the last place of the longest time
    return bool((negated[1:] - negated[:-1] > least).all())


@kernel
def find_places(values: Any, ordered: Any, is_time: bool, places: Any) -> None:
    """Write each value's place among the different ones, -1 where it is not known."""
    for i in range(values.size):
        value = -values[i] if is_time else values[i]
        places[i] = np.searchsorted(ordered, value) if value == value else -1


@kernel
def begin_run(first: int, n_points: int, n_rows: int, n_different: int, is_time: bool) -> Any:
    """Return the window of a run whose rows begin at ``first``: its state, its list of waiting rows, and its tree."""
    late = np.full(n_points + n_rows if is_time else 0, -1, np.int64)
    return np.array([first, first, 0]), late, empty(n_different)


@kernel
def move(i: int, places: Any, ordered: Any, lo: Any, hi: Any, moment: Any, is_time: bool, window: Any) -> None:
    """Move the window from slice ``i - 1`` of the run to slice ``i``."""
    first, (state, late, tree) = lo[0], window
    for j in range(state[LOW], lo[i]):
        place = places[j - first]
        if place >= 0 and (not is_time or -ordered[place] <= moment[i - 1]):
            state[DIFFERENT] -= change(tree, place, -1) == 0
    state[LOW] = lo[i]
    enter(i, hi[i], places, ordered, first, moment, is_time, window)
    if is_time:
        waiting = late[i]
        while waiting >= 0:
            if waiting >= lo[i] - first:
                state[DIFFERENT] += change(tree, places[waiting], 1) == 1
            waiting = late[lo.size + waiting]


@kernel
def enter(i: int, until: int, places: Any, ordered: Any, first: int, moment: Any, is_time: bool, window: Any) -> None:
    """Add the rows of slice ``i`` before ``until`` that are not there yet."""
    state, late, tree = window
    for j in range(state[HIGH], until):
        place = places[j - first]
        if place >= 0 and is_time and -ordered[place] > moment[i]:
            _wait(j - first, i + np.searchsorted(moment[i:], -ordered[place]), moment.size, late)
        elif place >= 0:
            state[DIFFERENT] += change(tree, place, 1) == 1
    state[HIGH] = until


@kernel
def _wait(row: int, until: int, n_points: int, late: Any) -> None:
    """Have a row wait for a slice; one for each slice is the first, and each row knows the next."""
    if until < n_points:
        late[n_points + row] = late[until]
        late[until] = row


@kernel
def value_at(rank: int, ordered: Any, moment: float, is_time: bool, window: Any) -> Any:
    """Return the value at a rank among those inside, from 0."""
    value = ordered[at_rank(window[TREE], rank)]
    return moment + value if is_time else value


@kernel
def mode(ordered: Any, moment: float, is_time: bool, window: Any) -> Any:
    """Return the value that is inside most often; the smallest of several."""
    value = ordered[most_frequent(window[TREE])]
    return moment + value if is_time else value


@kernel
def numbers(window: Any) -> Any:
    """Return how many values are inside, and how many different ones."""
    return window[TREE][INSIDE, 1], window[STATE][DIFFERENT]
