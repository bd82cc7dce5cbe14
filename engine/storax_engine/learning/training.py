"""Fit: from a description and tables to a trained pipeline."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from storax_engine.learning import fastprop, matrix, plan, targets
from storax_engine.learning.columns import Floats
from storax_engine.learning.errors import BadData, Cancelled
from storax_engine.learning.feature import Feature
from storax_engine.learning.frame import CATEGORICAL, Frame
from storax_engine.learning.matrix import Features
from storax_engine.learning.plan import Part, Plan
from storax_engine.learning.predictors import registry as predictors
from storax_engine.learning.predictors.base import Predictor
from storax_engine.learning.preparation import Preparation
from storax_engine.learning.state import State
from storax_engine.learning.trained import Trained
from storax_engine.learning.workspace import Cache, Workspace

VOCABULARY = 1000


def fit(
    spec: Mapping[str, Any],
    tables: Mapping[str, pa.Table],
    *,
    progress: Callable[[float, str], None] = lambda _share, _text: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Trained:
    """Learn features and predictors from the tables, by name of placeholder.

    ``progress`` is called with a share from 0 to 1 and a word; ``cancelled`` is asked between steps.
    Raises ``BadPlan``, ``BadData`` or ``Cancelled``.
    """
    return _Fit(plan.read(spec), tables, progress, cancelled).run()


class _Fit:
    def __init__(
        self,
        read: Plan,
        tables: Mapping[str, pa.Table],
        progress: Callable[[float, str], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self.plan, self.tables, self.cache = read, tables, Cache()
        self._progress, self._cancelled = progress, cancelled

    def run(self) -> Trained:
        self._step(0.0, "reading")
        learners = [fastprop.read(p) for p in self.plan.learners]
        untrained = [predictors.make(p) for p in (*self.plan.selectors, *self.plan.predictors)]
        y = self._targets(needed=bool(untrained))
        preparation = Preparation(self.plan)
        workspace = Workspace(self.plan, self.tables, preparation.fit, self.cache, self._tick)
        population = workspace.population()
        preparation.fit_population(population, y)
        self._step(0.1, "features")
        made = Features(workspace, population)
        vocabularies = _vocabularies(population) if self.plan.include_categorical else {}
        features, values = self._learn(made, learners, y, vocabularies)
        self._step(0.5, "selecting features")
        features, values = self._select(features, values, y)
        state = State(
            features=features,
            correlations=matrix.correlate(values, y) if y.size else np.empty((len(features), 0)),
            vocabularies=vocabularies,
            kinds=workspace.kinds,
            schemas={n.name: self.tables[n.table].schema for n in self.plan.population.walk()},
        )
        self._predictors(state, values, y)
        self._step(1.0, "done")
        return Trained(self.plan, preparation, state, self.cache)

    def _targets(self, *, needed: bool) -> Floats:
        table = targets.population(self.plan, self.tables, to_fit=True)
        if needed or self.plan.targets:
            return targets.read(self.plan, table, to_fit=True)
        return np.empty((table.num_rows, 0))

    def _learn(
        self, made: Features, learners: Sequence[fastprop.FastProp], y: Floats, vocabularies: dict[str, list[str]]
    ) -> tuple[list[Feature], Floats]:
        features = made.own(categorical=self.plan.include_categorical)
        parts = [made.compute(features, vocabularies)]
        for learner in learners:
            found, values = made.best(learner, y)
            new = [i for i, f in enumerate(found) if f not in features]
            features += [found[i] for i in new]
            parts.append(values if len(new) == len(found) else values[new])
        if not features:
            raise BadData("there are no features: give columns of the population the role numerical, or add a learner")
        return features, np.concatenate(parts) if len(parts) > 1 else parts[0]

    def _select(self, features: list[Feature], values: Floats, y: Floats) -> tuple[list[Feature], Floats]:
        if not self.plan.selectors or self.plan.share_selected == 0.0:
            return features, values
        x = matrix.narrow(values)
        weights = np.zeros(len(features))
        for part in self.plan.selectors:
            for t in range(y.shape[1]):
                weights += self._trained(part, x, y[:, t]).importances()
        n = max(1, round(self.plan.share_selected * len(features)))
        keep = np.sort(np.argsort(-weights, kind="stable")[:n])
        return [features[i] for i in keep], values[keep]

    def _predictors(self, state: State, values: Floats, y: Floats) -> None:
        x = matrix.narrow(values) if self.plan.predictors else None
        for t, target in enumerate(self.plan.targets):
            for i, part in enumerate(self.plan.predictors):
                done = (t * len(self.plan.predictors) + i) / (len(self.plan.targets) * len(self.plan.predictors))
                self._step(0.6 + 0.4 * done, f"{part.kind} for {target}")
                if x is not None:
                    state.models.setdefault(target, []).append((part.kind, self._trained(part, x, y[:, t])))

    def _trained(self, part: Part, x: Any, y: Floats) -> Predictor:
        model = predictors.make(part)
        model.fit(x, np.ascontiguousarray(y), cancelled=self._cancelled)
        self._tick()
        return model

    def _step(self, share: float, text: str) -> None:
        self._tick()
        self._progress(share, text)

    def _tick(self) -> None:
        if self._cancelled():
            raise Cancelled("the caller asked to stop")


def _vocabularies(population: Frame) -> dict[str, list[str]]:
    return {c.name: fastprop.most_frequent(population, c.name, VOCABULARY) for c in population.of_kind(CATEGORICAL)}
