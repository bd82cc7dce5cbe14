"""Fit: from a description and tables to a trained pipeline."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from storax_engine.learning import plan, targets
from storax_engine.learning.boosting import learners
from storax_engine.learning.boosting.learners import Learner
from storax_engine.learning.errors import BadData, BadPlan, LearningError, never, stop_if
from storax_engine.learning.features import comparisons, fastprop, joins_checked, why_nothing
from storax_engine.learning.features.feature import Feature
from storax_engine.learning.kernels.compile import report_compilation
from storax_engine.learning.plan import Part, Plan
from storax_engine.learning.predictors import registry as predictors
from storax_engine.learning.predictors.base import Predictor
from storax_engine.learning.preparation import Preparation
from storax_engine.learning.state import State
from storax_engine.learning.tables import feature_matrix
from storax_engine.learning.tables.cache import Cache
from storax_engine.learning.tables.columns import Floats
from storax_engine.learning.tables.feature_matrix import Features
from storax_engine.learning.tables.frame import CATEGORICAL
from storax_engine.learning.tables.workspace import Workspace
from storax_engine.learning.trained import Trained

VOCABULARY = 1000
Origin = tuple[pa.Table, str]  # a table, and what was done to it; the same of the same table gives the same rows
_LEARNED_BY = ("data_model", "roles", "subroles", "units", "preprocessors", "feature_learners", "include_categorical")


def fit(
    spec: Mapping[str, Any],
    tables: Mapping[str, pa.Table],
    *,
    progress: Callable[[float, str], None] = lambda _share, _text: None,
    cancelled: Callable[[], bool] = never,
    cache: Cache | None = None,
    origins: Mapping[str, Origin] | None = None,
) -> Trained:
    """Learn features and predictors from the tables, by name of placeholder.

    With ``cache``, sorted tables and learned features are shared with all fits that have it: a fit that only predicts
    in another way computes no feature again. ``origins`` tell of tables that were made anew what they were made from.
    ``progress`` is called with a share from 0 to 1 and words; the first fit on a machine compiles, and says so.
    ``cancelled`` is asked between steps and within them, several times a second where nothing compiles.
    Raises ``BadPlan``, ``BadData`` or ``Cancelled``.
    """
    read = plan.read(spec)
    with report_compilation(progress) as report:
        return Fit(read, InMemory(read, tables, cache, origins or {}), report, cancelled).run()


class RowFeatures(Protocol):
    """Features of all rows of the population, as ``feature_matrix.Features`` computes them."""

    def own(self, *, categorical: bool) -> list[Feature]:
        """The population's own columns."""

    def compute(self, features: Sequence[Feature], vocabularies: Mapping[str, list[str]]) -> Floats:
        """A row of values for each feature."""

    def best(self, learner: Learner, y: Floats) -> tuple[list[Feature], Floats]:
        """A learner's features that are kept, and their values."""


@dataclass(frozen=True)
class Learned:
    """What a fit knows before it selects features and predicts. Nothing of it changes later."""

    features: list[Feature]
    values: Floats
    vocabularies: dict[str, list[str]]
    preparation: Preparation
    kinds: dict[str, dict[str, str]]
    schemas: dict[str, pa.Schema]
    levels: Mapping[str, int]

    @property
    def nbytes(self) -> int:
        """Bytes of the values."""
        return int(self.values.nbytes)


class Source(Protocol):
    """Where a fit has its numbers from. ``kinds``, ``schemas`` and ``preparation`` are complete after ``prepare``."""

    preparation: Preparation
    cache: Cache
    kinds: dict[str, dict[str, str]]
    schemas: dict[str, pa.Schema]

    def learned(self, learn: Callable[[], Learned]) -> Learned:
        """What ``learn`` returns, or returned for the same input before."""

    def targets(self, *, needed: bool) -> Floats:
        """One column per target."""

    def prepare(self, y: Floats, tick: Callable[[], None]) -> None:
        """Learn what the preprocessors must know."""

    def features(self) -> RowFeatures:
        """What can be computed."""

    def vocabularies(self) -> dict[str, list[str]]:
        """The most frequent values of the population's categories, by column."""

    def levels(self) -> Mapping[str, int]:
        """How far each join came that was used; see ``finding``."""

    def rows(self) -> Mapping[str, int]:
        """Rows by placeholder, of those whose rows are known."""


class InMemory:
    """The tables themselves, whole."""

    def __init__(
        self, read: Plan, tables: Mapping[str, pa.Table], cache: Cache | None, origins: Mapping[str, Origin]
    ) -> None:
        self.plan, self.tables = read, tables
        self.cache = cache if cache is not None else Cache()
        self._shared, self._origins = cache, origins
        self.preparation = Preparation(read)
        self.kinds: dict[str, dict[str, str]] = {}
        self.schemas: dict[str, pa.Schema] = {}

    def learned(self, learn: Callable[[], Learned]) -> Learned:
        """From the shared cache, if the same was learned from the same tables."""
        if self._shared is None:
            return learn()
        names = sorted({node.table for node in self.plan.population.walk()} & set(self.tables))
        origins = [self._origins.get(name, (self.tables[name], "")) for name in names]
        by = {part: self.plan.spec.get(part) for part in _LEARNED_BY}
        key = (
            json.dumps(by, sort_keys=True, default=repr),
            *((n, done) for n, (_, done) in zip(names, origins, strict=True)),
        )
        known: Learned = self._shared.get("features", key, [table for table, _ in origins], learn)
        return known

    def targets(self, *, needed: bool) -> Floats:
        """As the population's table has them."""
        return read_targets(self.plan, targets.population(self.plan, self.tables, to_fit=True), needed=needed)

    def prepare(self, y: Floats, tick: Callable[[], None]) -> None:
        """From all tables."""
        prepared = self.preparation
        workspace = Workspace(self.plan, self.tables, prepared.fit, self.cache, tick, prepared.owner)
        self._population, self._levels = workspace.population(), workspace.levels
        self.preparation.fit_population(self._population, y)
        self.kinds = workspace.kinds
        self.schemas = {n.name: self.tables[n.table].schema for n in self.plan.population.walk()}
        self._features = Features(workspace, self._population)

    def features(self) -> Features:
        """Computed from the tables when asked for."""
        return self._features

    def vocabularies(self) -> dict[str, list[str]]:
        """Of the population as prepared."""
        columns = self._population.of_kind(CATEGORICAL)
        return {c.name: fastprop.most_frequent(self._population, c.name, VOCABULARY) for c in columns}

    def levels(self) -> Mapping[str, int]:
        """Of the workspace that learned."""
        return self._levels

    def rows(self) -> Mapping[str, int]:
        """Of all tables."""
        return {node.name: self.tables[node.table].num_rows for node in self.plan.population.walk()}


def read_targets(read: Plan, table: pa.Table, *, needed: bool) -> Floats:
    """The targets of a population to fit on; no column where there are none and none is needed."""
    if needed or read.targets:
        return targets.read(read, table, to_fit=True)
    return np.empty((table.num_rows, 0))


class Fit:
    """One fit, from a source of numbers to a trained pipeline."""

    def __init__(
        self,
        read: Plan,
        source: Source,
        progress: Callable[[float, str], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self.plan, self._source = read, source
        self._progress, self._cancelled = progress, cancelled
        self._tick = partial(stop_if, cancelled)  # no method: the source keeps it, and the fit the source

    def run(self) -> Trained:
        """Learn. Raises ``BadPlan``, ``BadData`` or ``Cancelled``."""
        self._step(0.0, "reading")
        by = learners.of(self.plan)
        untrained = [predictors.make(p) for p in (*self.plan.selectors, *self.plan.predictors)]
        y = self._source.targets(needed=bool(untrained))
        known = self._source.learned(partial(self._learn, by, y))
        self._step(0.5, "selecting features")
        features, values = self._select(list(known.features), known.values, y)
        state = State(
            features=features,
            correlations=feature_matrix.correlate(values, y, self._tick) if y.size else np.empty((len(features), 0)),
            vocabularies=known.vocabularies,
            kinds=known.kinds,
            schemas=known.schemas,
            warnings=[
                *why_nothing.constant_targets(self.plan, y),
                *why_nothing.too_few_rows(self.plan, len(y)),
                *joins_checked.warnings(self.plan, known.levels, known.schemas),
                *comparisons.lonely(self.plan),
                *comparisons.many(self.plan),
            ],
        )
        self._predictors(state, values, y)
        self._step(1.0, "done")
        return Trained(self.plan, known.preparation, state, self._source.cache)

    def _learn(self, by: Sequence[Learner], y: Floats) -> Learned:
        source = self._source
        source.prepare(y, self._tick)
        self._step(0.1, "features")
        row_features = source.features()
        vocabularies = source.vocabularies() if self.plan.include_categorical else {}
        features, values = self._features(row_features, by, y, vocabularies)
        levels = dict(source.levels())
        return Learned(features, values, vocabularies, source.preparation, source.kinds, source.schemas, levels)

    def _features(
        self,
        row_features: RowFeatures,
        by: Sequence[Learner],
        y: Floats,
        vocabularies: dict[str, list[str]],
    ) -> tuple[list[Feature], Floats]:
        features = row_features.own(categorical=self.plan.include_categorical)
        parts = [row_features.compute(features, vocabularies)]
        for learner in by:
            best, values = row_features.best(learner, y)
            new = [i for i, f in enumerate(best) if f not in features]
            features += [best[i] for i in new]
            parts.append(values if len(new) == len(best) else values[new])
        if not features:
            raise BadData(why_nothing.sentence(self.plan, self._source, y))
        return features, np.concatenate(parts) if len(parts) > 1 else parts[0]

    def _select(self, features: list[Feature], values: Floats, y: Floats) -> tuple[list[Feature], Floats]:
        if not self.plan.selectors or self.plan.share_selected == 0.0:
            return features, values
        x = feature_matrix.predictor_input(values, features)
        weights = np.zeros(len(features))
        for part in self.plan.selectors:
            for t in range(y.shape[1]):
                weights += self._trained(part, x, y[:, t]).importances()
        n = max(1, round(self.plan.share_selected * len(features)))
        keep = np.sort(np.argsort(-weights, kind="stable")[:n])
        return [features[i] for i in keep], values[keep]

    def _predictors(self, state: State, values: Floats, y: Floats) -> None:
        x = feature_matrix.predictor_input(values, state.features) if self.plan.predictors else None
        for t, target in enumerate(self.plan.targets):
            for i, part in enumerate(self.plan.predictors):
                done = (t * len(self.plan.predictors) + i) / (len(self.plan.targets) * len(self.plan.predictors))
                self._step(0.6 + 0.4 * done, f"{part.kind} for {target}")
                if x is not None:
                    state.models.setdefault(target, []).append((part.kind, self._trained(part, x, y[:, t])))

    def _trained(self, part: Part, x: Any, y: Floats) -> Predictor:
        model = predictors.make(part)
        try:
            model.fit(x, np.ascontiguousarray(y), cancelled=self._cancelled)
        except LearningError:
            raise
        except (ValueError, TypeError) as error:  # what the libraries raise for a parameter that they cannot use
            raise BadPlan(f"{part.kind} cannot learn with its parameters: {_one_line(error)}") from error
        self._tick()
        return model

    def _step(self, share: float, text: str) -> None:
        self._tick()
        self._progress(share, text)


def _one_line(error: Exception) -> str:
    """What a library says, on one line and without its own stack."""
    message = str(error).partition("Stack trace")[0]
    return " ".join(message.split()).rstrip(".")[:400] or type(error).__name__
