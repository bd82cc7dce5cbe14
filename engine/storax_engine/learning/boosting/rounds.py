"""The rounds: each draws rows, searches all joins, and keeps a feature that the rows that were not drawn confirm."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from storax_engine.learning.boosting import bins
from storax_engine.learning.boosting.bins import Bins
from storax_engine.learning.boosting.condition_boost import ConditionBoost
from storax_engine.learning.boosting.search import BETTER, Candidate, Search
from storax_engine.learning.boosting.seen_rows import Drawn
from storax_engine.learning.features import fastprop
from storax_engine.learning.features.fastprop import ZERO
from storax_engine.learning.features.feature import Feature, name_of
from storax_engine.learning.plan import Join
from storax_engine.learning.tables.columns import Floats, Ints
from storax_engine.learning.tables.frame import CATEGORICAL, Frame
from storax_engine.learning.tables.index import Index

Compute = Callable[[Sequence[Feature]], Floats]
_TIMED = frozenset({"LAST", "TREND"})


@dataclass(frozen=True)
class _Searched:
    """A join, the columns that are aggregated, those that conditions are on, and the learner as the join allows it."""

    drawn: Drawn
    columns: list[str]
    bins: list[Bins]
    learner: ConditionBoost


@dataclass(frozen=True)
class _Chosen:
    """A round's feature: by how much it lowers the loss, its values, and what it explains of each row."""

    feature: Feature
    gain: float
    values: Floats
    fitted: Floats


class Boosting:
    """Learns the features of one learner.

    Args:
        learner: its parameters.
        joins: those of the population that aggregate, with their sorted rows.
        population: its rows.
        compute: gives a row of values for each feature.
        tick: called before each pass over the rows; it may raise.
    """

    def __init__(
        self,
        learner: ConditionBoost,
        joins: Sequence[tuple[Join, Index]],
        population: Frame,
        compute: Compute,
        tick: Callable[[], None],
    ) -> None:
        self._learner, self._compute, self._tick = learner, compute, tick
        self._rows = population.rows
        self._draws = np.random.default_rng(int(learner.random_state))
        self._joins = [self._prepared(join, population, index) for join, index in joins]
        self.kept: dict[Feature, Floats] = {}

    def run(self, y: Floats) -> dict[Feature, Floats]:
        """Return the features and their values, in the order in which they were learned."""
        gains: dict[Feature, float] = {}
        with np.errstate(over="ignore", invalid="ignore"):  # of values whose squares are infinite nothing is learned
            for target in y.T:
                if len(target) and target.min() < target.max():
                    for feature, gain in self._boost(target):
                        gains[feature] = gains.get(feature, 0.0) + gain
        best = sorted(gains, key=lambda feature: -gains[feature])[: self._learner.num_features]
        return {feature: values for feature, values in self.kept.items() if feature in best}

    def _prepared(self, join: Join, population: Frame, index: Index) -> _Searched:
        drawn = Drawn(join, population, index)
        columns = [c.name for c in fastprop.inputs(join, index.frame) if c.kind != CATEGORICAL]
        seen = drawn.draw(self._bag()[0], np.zeros(self._rows), self._draws, self._tick)
        ages = np.empty(0) if seen is None else seen.ages
        binned = list[Bins]()
        for column in bins.columns(join, index, ages, self._learner.max_bins):
            self._tick()
            binned.append(column)
        return _Searched(drawn, columns, binned, _usable(self._learner, join))

    def _bag(self) -> tuple[Ints, Ints]:
        """Return the rows that a round learns from, and the others."""
        order = self._draws.permutation(self._rows)
        n = self._learner.drawn(self._rows)
        return np.sort(order[:n]), np.sort(order[n:])

    def _boost(self, target: Floats) -> Iterator[tuple[Feature, float]]:
        """Yield features, and the share of the target's loss by which each lowers it."""
        left, in_vain = target - target.mean(), 0
        loss = _product(left, left)
        for _ in range(self._learner.n_rounds):
            chosen = self._round(left, *self._bag())
            if chosen is None:
                in_vain += 1
                if in_vain == self._learner.n_iter_no_change:
                    return
                continue
            in_vain = 0
            self.kept[chosen.feature] = chosen.values
            yield chosen.feature, chosen.gain / loss
            left = left - self._learner.learning_rate * chosen.fitted

    def _round(self, left: Floats, bag: Ints, rest: Ints) -> _Chosen | None:
        """Return the feature of a round; None if it explains nothing of the rows that it was not learned from."""
        chosen = None
        for feature in self._path(left, bag):
            values = self.kept[feature] if feature in self.kept else self._compute([feature])[0]
            fitted = _line(values, left, bag)
            before, after = left[rest], left[rest] - fitted[rest]
            gain = _product(before, before) - _product(after, after)
            if gain > (BETTER * chosen.gain if chosen else 0.0):
                chosen = _Chosen(feature, gain, values, fitted)
        return chosen

    def _path(self, left: Floats, bag: Ints) -> list[Feature]:
        """Return the feature that explains most in any join, after those with fewer of its conditions."""
        best, path = 0.0, list[Feature]()
        for one in self._joins:
            seen = one.drawn.draw(bag, left, self._draws, self._tick)
            if seen is None:
                continue
            for candidates in Search(seen, one.columns, one.bins, one.learner, self._tick).paths(self._draws):
                if candidates[-1].gain > BETTER * best:
                    best = candidates[-1].gain
                    path = [self._feature(one.drawn.join, step) for step in candidates]
        return path

    def _feature(self, join: Join, one: Candidate) -> Feature:
        node, where, window = join.right.name, one.conditions.where, one.conditions.window
        name = name_of(node, one.aggregation, one.column, window, where=where)
        zero = self._learner.empty == ZERO
        return Feature(name, node, one.aggregation, one.column, window, zero=zero, where=where)


def _usable(learner: ConditionBoost, join: Join) -> ConditionBoost:
    if join.time_stamps is not None:
        return learner
    return replace(learner, aggregation=tuple(name for name in learner.aggregation if name not in _TIMED))


def _line(values: Floats, left: Floats, bag: Ints) -> Floats:
    """Return the least-squares line through (value, what is left) of some rows, for all rows.

    Rows without a value get what is left of those on average.
    """
    known, out = np.isfinite(values), np.zeros(len(values))
    for mask in (known, ~known):
        some = bag[mask[bag]]
        if not len(some):
            continue
        mean = left[some].mean()
        out[mask] = mean
        x = values[some] - values[some].mean() if mask is known else np.zeros(len(some))
        if (square := _product(x, x)) > 0:
            out[mask] += (values[mask] - values[some].mean()) * _product(x, left[some]) / square
    return out


def _product(one: Floats, other: Floats) -> float:
    """Return the inner product, the same with any number of threads, of which that of BLAS depends."""
    return float(np.sum(one * other))
