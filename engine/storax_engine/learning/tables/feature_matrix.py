"""The matrix of features, one contiguous row per feature, and the choice of the best among many."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from storax_engine.learning.boosting.condition_boost import ConditionBoost
from storax_engine.learning.boosting.learners import Learner
from storax_engine.learning.boosting.rounds import Boosting
from storax_engine.learning.features.evaluate import Evaluator
from storax_engine.learning.features.fastprop import FastProp
from storax_engine.learning.features.feature import Feature
from storax_engine.learning.kernels.correlation import correlations
from storax_engine.learning.kernels.parts import ROWS_AT_ONCE, in_parts
from storax_engine.learning.plan import MANY_TO_MANY, Join
from storax_engine.learning.tables import columns
from storax_engine.learning.tables.columns import Floats
from storax_engine.learning.tables.frame import CATEGORICAL, NUMERICAL, Frame
from storax_engine.learning.tables.subroles import PREDICTORS
from storax_engine.learning.tables.workspace import Workspace

BATCH = 256
Vocabularies = Mapping[str, list[str]]


class Features:
    """Computes features for the population of one call."""

    def __init__(self, workspace: Workspace, population: Frame) -> None:
        self.population = population
        self._workspace = workspace
        self._joins = {j.right.name: j for j in workspace.plan.population.joins if j.relationship == MANY_TO_MANY}
        self._evaluators: dict[str, Evaluator] = {}

    def own(self, *, categorical: bool) -> list[Feature]:
        """Return the population's own columns as features, with those that many-to-one joins added."""
        kinds = (NUMERICAL, CATEGORICAL) if categorical else (NUMERICAL,)
        node = self._workspace.plan.population.name
        return [Feature(c.name, node, column=c.name) for c in self.population.of_kind(*kinds, use=PREDICTORS)]

    def propose(self, learner: FastProp) -> Iterator[Feature]:
        """Yield all features that a learner can derive from the joins."""
        for join in self._joins.values():
            yield from learner.propose(join, self.population, self._index_frame(join))

    def compute(self, features: Sequence[Feature], vocabularies: Vocabularies) -> Floats:
        """Return an array whose row i is ``features[i]`` for every row of the population; NaN means missing."""
        out = np.empty((len(features), self.population.rows))
        for name, join in self._joins.items():
            wanted = [i for i, f in enumerate(features) if f.node == name and f.aggregation]
            if wanted:
                self._evaluator(join).run([features[i] for i in wanted], [out[i] for i in wanted])
        for i, feature in enumerate(features):
            if feature.aggregation is None:
                out[i] = self._own(feature, vocabularies)
        return out

    def best(self, learner: Learner, y: Floats) -> tuple[list[Feature], Floats]:
        """Return a learner's features and their values.

        Of FastProp those with the highest correlation with any target, in the order of proposal: at most a batch more
        than these are in memory, and a feature that never varies is left out.
        """
        if isinstance(learner, ConditionBoost):
            return self._boosted(learner, y)
        proposed = list(self.propose(learner))
        kept, values, ranks = list[Feature](), np.empty((0, self.population.rows)), np.empty(0)
        for start in range(0, len(proposed), BATCH):
            batch = proposed[start : start + BATCH]
            computed = self.compute(batch, {})
            strength = strongest(correlate(computed, y, self._workspace.tick))
            kept, values, ranks = [*kept, *batch], np.concatenate([values, computed]), np.concatenate([ranks, strength])
            at = indices_of_best(ranks, learner.num_features)
            if len(at) < len(kept):
                kept, values, ranks = [kept[i] for i in at], values[at], ranks[at]
        return kept, values

    def note_levels(self) -> None:
        """Note in the workspace how far each join comes, also one of which no feature is computed."""
        for join in self._joins.values():
            self._evaluator(join)

    def _boosted(self, learner: ConditionBoost, y: Floats) -> tuple[list[Feature], Floats]:
        self.note_levels()
        joins = [(join, self._workspace.index(join)) for join in self._joins.values()]
        compute = partial(self.compute, vocabularies={})
        learned = Boosting(learner, joins, self.population, compute, self._workspace.tick).run(y)
        return list(learned), np.array([*learned.values()]).reshape(len(learned), self.population.rows)

    def _own(self, feature: Feature, vocabularies: Vocabularies) -> Floats:
        name = feature.column or ""
        if self.population.columns[name].kind != CATEGORICAL:
            return self.population.numbers(name)
        known = pa.array(vocabularies[name], pa.string())
        places = columns.lookup(self.population.strings(name), known)
        return np.where(places < 0, np.nan, places)

    def _evaluator(self, join: Join) -> Evaluator:
        name = join.right.name
        if name not in self._evaluators:
            self._evaluators[name] = self._workspace.evaluator(join, self.population)
        return self._evaluators[name]

    def _index_frame(self, join: Join) -> Frame:
        return self._workspace.index(join).frame


def correlate(values: Floats, y: Floats, tick: Callable[[], None] = lambda: None) -> Floats:
    """Return Pearson's correlation of each feature (row) with each target (column of ``y``); NaN if one is constant.

    ``tick`` is called now and then; it may raise.
    """
    out = np.empty((len(values), y.shape[1]))
    sizes = np.full(len(values), len(y) + 1)
    for t in range(y.shape[1]):
        target = np.ascontiguousarray(y[:, t])
        for p in in_parts(sizes, ROWS_AT_ONCE, tick):
            out[p, t] = correlations(values[p], target)
    return out


def strongest(correlation: Floats) -> Floats:
    """Return each feature's largest absolute correlation with any target, -1 if all of them are NaN."""
    return np.asarray(np.max(np.where(np.isnan(correlation), -1.0, np.abs(correlation)), axis=1, initial=-1.0))


def predictor_input(values: Floats, features: Sequence[Feature]) -> npt.NDArray[np.float32]:
    """Return the input of predictors: float32, one row per population row; infinite values count as missing.

    Missing becomes 0 where ``feature.zero``, else NaN.
    """
    x = np.ascontiguousarray(values.T, np.float32)
    fill = np.array([0.0 if f.zero else np.nan for f in features], np.float32)
    np.copyto(x, fill, where=~np.isfinite(x))
    return x


def indices_of_best(ranks: Floats, n: int) -> npt.NDArray[np.int64]:
    """Return the indices of the ``n`` highest ranks, ascending; ranks below 0 are left out."""
    by = np.argsort(-ranks, kind="stable")[:n]
    return np.sort(by[ranks[by] >= 0])
