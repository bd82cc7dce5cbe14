"""The source of a fit whose features are in buckets: reads a column of all buckets where the fit needs all rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from storax_engine.learning.boosting import learners
from storax_engine.learning.boosting.condition_boost import ConditionBoost
from storax_engine.learning.boosting.learners import Learner
from storax_engine.learning.buckets.combined_matrix import Matrix
from storax_engine.learning.buckets.empty_frames import Skeleton
from storax_engine.learning.features import fastprop
from storax_engine.learning.features.feature import Feature
from storax_engine.learning.plan import Plan
from storax_engine.learning.preparation import WITH_TARGETS, Preparation
from storax_engine.learning.tables import columns, feature_matrix
from storax_engine.learning.tables.cache import Cache
from storax_engine.learning.tables.columns import Floats
from storax_engine.learning.tables.frame import CATEGORICAL, Column, Frame
from storax_engine.learning.training import VOCABULARY, Learned

AT_ONCE = 16


class FromBuckets:
    """A ``training.Source`` over buckets that have been computed."""

    def __init__(
        self,
        plan: Plan,
        preparation: Preparation,
        skeleton: Skeleton,
        features: Sequence[Feature],
        proposed: Sequence[Sequence[int]],
        values: Matrix,
        y: Floats,
    ) -> None:
        self.preparation, self.cache = preparation, Cache()
        self.kinds, self.schemas = skeleton.kinds, skeleton.schemas
        self._plan, self._skeleton, self._matrix, self._y = plan, skeleton, values, y
        self._features = _BucketFeatures(plan, features, proposed, values)

    def learned(self, learn: Callable[[], Learned]) -> Learned:
        """Always anew: the jobs of the buckets have computed what costs."""
        return learn()

    def targets(self, *, needed: bool) -> Floats:  # noqa: ARG002  (they were read then)
        """As they were when the buckets were prepared."""
        return self._y

    def prepare(self, y: Floats, tick: Callable[[], None]) -> None:
        """The targets' means: for training rows from the other folds, of all rows and so of all buckets."""
        states = self.preparation.states[WITH_TARGETS] = [{} for _ in self.preparation.means]
        for name in self._skeleton.categories() if states else ():
            frame = Frame(self._plan.population.name, self._matrix.rows)
            marks = self._skeleton.population.columns[name].subroles
            frame.add(Column(name, CATEGORICAL, self._matrix.category(name), subroles=marks))
            for step, state in zip(self.preparation.means, states, strict=True):
                tick()
                means = step.fit(frame, y, self._plan.targets)
                step.train(frame, means, y, self._plan.targets)
                state.update(means)
                self._features.mapped |= {column: frame.numbers(column) for column in means}
        # Now that the means are known, the skeleton has their columns too.
        self._features.skeleton = Skeleton(self._plan, self._skeleton.schemas, self.preparation)

    def features(self) -> "_BucketFeatures":
        """Those of the buckets, and the targets' means."""
        return self._features

    def vocabularies(self) -> dict[str, list[str]]:
        """Counted over all rows."""
        frequent = {}
        for name in self._skeleton.categories():
            frame = Frame(self._plan.population.name, self._matrix.rows)
            frame.add(Column(name, CATEGORICAL, self._matrix.category(name)))
            frequent[name] = fastprop.most_frequent(frame, name, VOCABULARY)
        return frequent

    def rows(self) -> Mapping[str, int]:
        """Unknown: the tables are in buckets."""
        return {}

    def levels(self) -> Mapping[str, int]:
        """Of all buckets."""
        return self._matrix.levels()


class _BucketFeatures:
    """Features of all rows. ``mapped`` are the columns of the targets' means."""

    skeleton: Skeleton

    def __init__(
        self, plan: Plan, features: Sequence[Feature], proposed: Sequence[Sequence[int]], values: Matrix
    ) -> None:
        self._matrix, self._features, self.mapped = values, features, dict[str, Floats]()
        self._place = {f: i for i, f in enumerate(features)}
        self._proposed: dict[Learner, Sequence[int]] = dict(zip(learners.of(plan), proposed, strict=True))

    def own(self, *, categorical: bool) -> list[Feature]:
        """The population's own columns, and those that many-to-one joins brought in."""
        return self.skeleton.own(categorical=categorical)

    def compute(self, features: Sequence[Feature], vocabularies: Mapping[str, list[str]]) -> Floats:
        """Read what is in the buckets; what is not, is a category or a target's mean."""
        out = np.empty((len(features), self._matrix.rows))
        for i, feature in enumerate(features):
            if feature.aggregation is None and feature.column in self.mapped:
                out[i] = self.mapped[feature.column]
            elif feature not in self._place:
                known = pa.array(vocabularies[feature.column or ""], pa.string())
                places = columns.lookup(self._matrix.category(feature.column or ""), known)
                out[i] = np.where(places < 0, np.nan, places)
        stored = [i for i, f in enumerate(features) if f in self._place and f.column not in self.mapped]
        for start in range(0, len(stored), AT_ONCE):
            at = stored[start : start + AT_ONCE]
            out[at] = self._matrix.columns([self._place[features[i]] for i in at])
        return out

    def best(self, learner: Learner, y: Floats) -> tuple[list[Feature], Floats]:
        """As ``Features.best``: of FastProp the highest correlations of all, a few columns in memory at a time."""
        proposed = self._proposed[learner]
        if isinstance(learner, ConditionBoost):
            return self._of(learner, proposed)
        ranks = np.empty(len(proposed))
        for start in range(0, len(proposed), AT_ONCE):
            values = self._matrix.columns(proposed[start : start + AT_ONCE])
            ranks[start : start + AT_ONCE] = feature_matrix.strongest(feature_matrix.correlate(values, y))
        return self._of(learner, [proposed[i] for i in feature_matrix.indices_of_best(ranks, learner.num_features)])

    def _of(self, learner: Learner, places: Sequence[int]) -> tuple[list[Feature], Floats]:
        """Return features as a learner has them: one that several propose is stored once."""
        features = [replace(self._features[place], zero=learner.empty == fastprop.ZERO) for place in places]
        return features, self.compute(features, {})
