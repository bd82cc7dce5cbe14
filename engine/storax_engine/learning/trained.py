"""A trained pipeline: transform, predict, score, and what it has learned."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from storax_engine.learning import persistence, scores, targets
from storax_engine.learning.errors import BadPlan, never, stop_if
from storax_engine.learning.features.feature import Feature
from storax_engine.learning.plan import Plan
from storax_engine.learning.preparation import Preparation
from storax_engine.learning.state import State
from storax_engine.learning.tables import feature_matrix
from storax_engine.learning.tables.cache import Cache
from storax_engine.learning.tables.columns import Floats
from storax_engine.learning.tables.feature_matrix import Features
from storax_engine.learning.tables.workspace import Workspace

Tables = Mapping[str, pa.Table]
Keys = list[tuple[str, ...]]
COMPLETE = ("databricks", "duckdb", "postgres", "snowflake")


class Trained:
    """Made by ``fit`` or ``load``. All methods take the tables by name of placeholder, as ``fit`` did.

    A right table that is the same Arrow object as in an earlier call is not sorted again. Methods that compute features
    ask ``cancelled`` now and then, and raise ``Cancelled`` once it is true.
    """

    def __init__(self, plan: Plan, preparation: Preparation, state: State, cache: Cache | None = None) -> None:
        self.plan, self.preparation, self.state = plan, preparation, state
        self._cache = cache if cache is not None else Cache()
        self._statements: dict[str, dict[str, str]] = {}

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the targets, in the order of the columns that ``predict`` gives."""
        return self.plan.targets

    @property
    def warnings(self) -> list[str]:
        """What looked wrong in the joins while it learned, as sentences."""
        return list(self.state.warnings)

    def transform(self, tables: Tables, *, cancelled: Callable[[], bool] = never) -> pa.Table:
        """Return one float64 column per feature, one row per population row; null means missing."""
        values = self._values(tables, cancelled)
        arrays = [pa.array(v, from_pandas=True) for v in values]
        return pa.table(arrays, names=[f.name for f in self.state.features])

    def predict(self, tables: Tables, *, cancelled: Callable[[], bool] = never) -> Floats:
        """Return one column per target: values, or probabilities of class 1; the average of several predictors."""
        self._need_models()
        x = feature_matrix.predictor_input(self._values(tables, cancelled), self.state.features)
        out = np.empty((x.shape[0], len(self.targets)))
        for t, target in enumerate(self.targets):
            models = self.state.models[target]
            out[:, t] = sum(m.predict(x) for _, m in models) / len(models) if x.shape[0] else 0.0
        return out

    def score(self, tables: Tables, *, cancelled: Callable[[], bool] = never) -> dict[str, float]:
        """Regression: mae, rmse, rsquared. Classification: accuracy, auc, cross_entropy. See ``scores.score``."""
        truth = self._truth(tables)
        return scores.score(self.plan.task, self.targets, truth, self.predict(tables, cancelled=cancelled))

    def plots(self, tables: Tables, *, cancelled: Callable[[], bool] = never) -> dict[str, Any]:
        """Points of the ROC, precision-recall and lift curves of each target. Classification alone."""
        if self.plan.task != "classification":
            raise BadPlan("plots of a regression do not exist: they show how well classes are told apart")
        truth, predicted = self._truth(tables), self.predict(tables, cancelled=cancelled)
        return {t: scores.curves(truth[:, i], predicted[:, i]) for i, t in enumerate(self.targets)}

    def importances(self, target: str) -> Floats:
        """Each feature's share in the predictions of a target; they add up to 1. The average over the predictors."""
        models = self.state.models.get(target, [])
        if not models:
            return np.zeros(len(self.state.features))
        return np.asarray(np.mean([m.importances() for _, m in models], axis=0))

    def features(self, *, dialect: str | None = None) -> list[dict[str, Any]]:
        """One entry per feature and target: name, target, importance, correlation, and where it comes from.

        With a dialect each also has its statement, ``sql``; writing one for the first time takes some 25 ms.
        """
        statements = self.to_sql(dialect) if dialect else {}
        rows = []
        for t, target in enumerate(self.targets):
            weights = self.importances(target)
            for i, feature in enumerate(self.state.features):
                known = {"importance": float(weights[i]), "correlation": float(self.state.correlations[i, t])}
                rows.append({"name": feature.name, "target": target, **known, **_origin(feature)})
                if dialect:
                    rows[-1]["sql"] = statements[feature.name]
        return rows

    def columns(self) -> list[dict[str, Any]]:
        """Importance of each column of each table, by target, the most important first.

        Two columns that are compared share the importance of the comparison, and those of learned conditions theirs.
        """
        return self._shares(self._columns_of, ("table", "name"))

    def tables(self) -> list[dict[str, Any]]:
        """Importance of each table, by target, the most important first."""
        return self._shares(lambda f: [(f.node,)], ("name",))

    def to_sql(self, dialect: str = "duckdb") -> dict[str, str]:
        """One statement per feature by its name; see ``sql.write``. Raises ``BadPlan`` for an unknown dialect.

        They are written once for each dialect.
        """
        from storax_engine.learning.sql import write

        engine = write.engine(dialect)
        if engine not in self._statements:
            self._statements[engine] = self._written(dialect, portable=engine not in COMPLETE)
        return dict(self._statements[engine])

    def save(self, folder: Path | str) -> None:
        """Write the pipeline into a folder; ``load`` gives one that predicts the same numbers bit for bit."""
        persistence.write(folder, self.plan, self.preparation, self.state)

    def _written(self, dialect: str, *, portable: bool) -> dict[str, str]:
        from storax_engine.learning.sql import write
        from storax_engine.learning.sql.tables import Tables

        state = self.state
        tables = Tables(self.plan, state.schemas, state.kinds, self.preparation.states, portable=portable)
        return write.statements(tables, state.features, dialect)

    def _columns_of(self, feature: Feature) -> Keys:
        own = [(self.plan.population.name, feature.compared[1])] if feature.compared else []
        conditional = dict.fromkeys((feature.node, one.column) for one in feature.where)
        return list(dict.fromkeys([(feature.node, feature.column or "*"), *own, *conditional]))

    def _shares(self, parts: Callable[[Feature], Keys], names: tuple[str, ...]) -> list[dict[str, Any]]:
        rows = []
        for target in self.targets:
            sums: dict[tuple[str, ...], float] = {}
            for feature, weight in zip(self.state.features, self.importances(target), strict=True):
                keys = parts(feature)
                for key in keys:
                    sums[key] = sums.get(key, 0.0) + float(weight) / len(keys)
            for of, weight in sorted(sums.items(), key=lambda item: -item[1]):
                rows.append({**dict(zip(names, of, strict=True)), "target": target, "importance": weight})
        return rows

    def _values(self, tables: Tables, cancelled: Callable[[], bool]) -> Floats:
        prepared = self.preparation
        workspace = Workspace(
            self.plan, tables, prepared.apply, self._cache, partial(stop_if, cancelled), prepared.owner
        )
        population = workspace.population()
        self.preparation.apply_population(population)
        return Features(workspace, population).compute(self.state.features, self.state.vocabularies)

    def _truth(self, tables: Tables) -> Floats:
        table = targets.population(self.plan, tables, to_fit=False)
        return targets.read(self.plan, table, to_fit=False)

    def _need_models(self) -> None:
        if not self.state.models:
            raise BadPlan("this pipeline has no predictors: it can transform, but not predict")


def _origin(feature: Feature) -> dict[str, Any]:
    return {"table": feature.node, "column": feature.column, "aggregation": feature.aggregation}


def load(folder: Path | str, cache: Cache | None = None) -> Trained:
    """The pipeline that ``Trained.save`` wrote; it predicts the same numbers bit for bit.

    With ``cache`` it shares sorted tables with others.
    Raises ``BadData`` where the folder holds no pipeline, or one of another version.
    """
    return Trained(*persistence.read(folder), cache)
