"""A round's search in one join: the aggregation, and the conditions on its rows, that explain most of the rest."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from storax_engine.learning.boosting.bins import Bins, Conditions, Places
from storax_engine.learning.boosting.condition_boost import ConditionBoost
from storax_engine.learning.boosting.seen_rows import Seen
from storax_engine.learning.features.fastprop import ZERO
from storax_engine.learning.kernels.condition_gains import AGGREGATIONS, SUMS, split_sums
from storax_engine.learning.tables.columns import Floats, Ints
from storax_engine.learning.tables.frame import TIME_STAMP

COMBINATIONS = 64
"""Pairs of an aggregated column and a column of a condition that one round tries in a join."""
PATHS = 3  # conditions to begin with
BETTER = 1.05  # by which factor a further condition explains more
ALL_ROWS = Bins(None, None)


@dataclass(frozen=True)
class Candidate:
    """An aggregation of a column over the rows that meet conditions. ``gain``: by how much it lowers the squared loss.

    The last condition is on ``bins``, of which it keeps ``kept``: the ``last`` ones in their order, or the first.
    """

    gain: float
    aggregation: str
    column: str | None
    conditions: Conditions
    bins: Bins = ALL_ROWS
    kept: tuple[int, ...] = (0,)


class Search:
    """Searches one join for one round."""

    def __init__(
        self, seen: Seen, columns: list[str], bins: list[Bins], learner: ConditionBoost, tick: Callable[[], None]
    ) -> None:
        self._seen, self._bins, self._learner, self._tick = seen, bins, learner, tick
        self._columns: list[str | None] = [None, *columns] if "COUNT" in learner.aggregation else [*columns]
        self._left = seen.left()
        self._ages = seen.ages / max(float(seen.ages.max(initial=0.0)), 1.0)
        mean = seen.targets.sum() / max(seen.weights.sum(), 1.0)
        self._targets = seen.targets - mean * seen.weights
        self._places: dict[str | None, Places] = {}
        self._values: tuple[str | None, Floats] | None = None

    def paths(self, draw: np.random.Generator) -> Iterator[list[Candidate]]:
        """Yield the best features, each as the path to it: without conditions, with the first one, and so on."""
        whole = [candidate for column in self._columns for candidate in self._without(column)]
        plain = {(candidate.aggregation, candidate.column): candidate for candidate in whole}
        if whole:
            yield [max(whole, key=lambda candidate: candidate.gain)]
        first = [candidate for column, bins in self._combinations(draw) for candidate in self._splits(column, bins)]
        for candidate in sorted(first, key=lambda candidate: -candidate.gain)[:PATHS]:
            path = [plain[key]] if (key := (candidate.aggregation, candidate.column)) in plain else []
            yield [*path, *self._refined(candidate)]

    def _combinations(self, draw: np.random.Generator) -> list[tuple[str | None, Bins]]:
        n, width = len(self._columns) * len(self._bins), len(self._bins)
        some = range(n) if n <= COMBINATIONS else np.sort(draw.choice(n, COMBINATIONS, replace=False)).tolist()
        return [(self._columns[i // width], self._bins[i % width]) for i in some]

    def _without(self, column: str | None) -> list[Candidate]:
        everywhere = Conditions()
        return list(self._best(column, self._wanted(column), ALL_ROWS, self._of_rows(ALL_ROWS), everywhere))

    def _splits(self, column: str | None, bins: Bins) -> Iterator[Candidate]:
        yield from self._best(column, self._wanted(column), bins, self._of_rows(bins), Conditions())

    def _refined(self, candidate: Candidate) -> Iterator[Candidate]:
        """Yield a feature with further conditions, as long as each explains more."""
        yield candidate
        allowed = np.ones(len(self._left), np.bool_)
        for _ in range(1, self._learner.max_depth):
            allowed &= np.isin(self._of_rows(candidate.bins), candidate.kept)
            better = list[Candidate]()
            for bins in self._bins[:COMBINATIONS]:
                rows = np.where(allowed, self._of_rows(bins), -1)
                better += self._best(candidate.column, [candidate.aggregation], bins, rows, candidate.conditions)
            best = max(better, key=lambda one: one.gain, default=candidate)
            if best.gain < BETTER * candidate.gain:
                return
            candidate = best
            yield candidate

    def _wanted(self, column: str | None) -> list[str]:
        """Return the aggregations of a column; the trend of a time says nothing."""
        is_time = column is not None and self._seen.index.frame.columns[column].kind == TIME_STAMP
        names = [name for name in self._learner.aggregation if (name == "COUNT") == (column is None)]
        return [name for name in names if not (is_time and name == "TREND")]

    def _best(
        self, column: str | None, names: list[str], bins: Bins, of_rows: Places, so_far: Conditions
    ) -> Iterator[Candidate]:
        """Yield for each aggregation the best split of the bins."""
        if not names:
            return
        self._tick()
        values, n = self._of_column(column), bins.n
        ranking = self._ordered(bins, of_rows, values, column) if bins.categories else np.arange(n)
        place = np.append(np.argsort(ranking), -1)  # the last is that of bin -1
        gains = self._gains(place[of_rows], n, values, names)
        for name in names:
            of_name = gains[AGGREGATIONS.index(name)]
            last, split = divmod(int(np.argmax(of_name)), of_name.shape[1])
            if of_name[last, split] > 0:
                candidate = Candidate(float(of_name[last, split]), name, column, so_far)
                if n == 1:
                    yield candidate
                    continue
                kept = ranking[n - 1 - split :] if last else ranking[: split + 1]
                narrow = bins.narrow(so_far, bool(last), kept)
                yield replace(candidate, conditions=narrow, bins=bins, kept=tuple(int(k) for k in kept))

    def _gains(self, of_rows: Ints, n: int, values: Floats, names: list[str]) -> Floats:
        """Return by how much a line through (feature, target) lowers the squared loss; -1 where too few rows count."""
        seen, wanted = self._seen, np.array([name in names for name in AGGREGATIONS])
        out = np.zeros((len(AGGREGATIONS), 2, max(n - 1, 1), SUMS))
        first = np.full((len(AGGREGATIONS), 2), np.nan)
        empty = 0.0 if self._learner.empty == ZERO else np.nan
        rows = seen.lo, seen.hi, seen.weights, self._targets
        split_sums(of_rows, n, values, self._ages, *rows, wanted, empty, out, first)
        least, needed = self._learner.min_samples_leaf, self._learner.needed()
        with np.errstate(all="ignore"):
            weight, f, ff, product, target, filled = np.moveaxis(np.cumsum(out, axis=2), -1, 0)
            covariance, variance = product - f * target / weight, ff - f * f / weight
            varies = (variance > 1e-10 * ff) & (variance > 1e-16 * first[:, :, None] ** 2 * weight)
            counts = (filled >= least) & (weight >= needed) & varies
            return np.where(counts, covariance**2 / variance, -1.0)

    def _ordered(self, bins: Bins, of_rows: Places, values: Floats, column: str | None) -> Ints:
        """Return the categories in the order of what their rows contribute to the target on average."""
        signal = self._left if column is None else self._left * np.where(np.isfinite(values), values, 0.0)
        inside = of_rows >= 0
        n = np.bincount(of_rows[inside], minlength=bins.n)
        sums = np.bincount(of_rows[inside], signal[inside], minlength=bins.n)
        return np.argsort(sums / np.maximum(n, 1), kind="stable")

    def _of_rows(self, bins: Bins) -> Places:
        if bins.rows is None and not bins.limits:
            return np.zeros(len(self._left), np.int16)
        if bins.column not in self._places:
            seen = self._seen
            self._places[bins.column] = bins.of_ages(seen.ages) if bins.rows is None else bins.rows[seen.places]
        return self._places[bins.column]

    def _of_column(self, column: str | None) -> Floats:
        if self._values is None or self._values[0] != column:
            self._values = column, self._seen.values(column)
        return self._values[1]
