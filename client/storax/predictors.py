"""Predictors and feature selectors. A parameter that is None is the library's own default."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from storax._engine.declaration import Declaration

__all__ = [
    "LightGBMClassifier",
    "LightGBMRegressor",
    "LinearRegression",
    "LogisticRegression",
    "ScaleGBMClassifier",
    "ScaleGBMRegressor",
    "SklearnEstimator",
    "XGBoostClassifier",
    "XGBoostRegressor",
]


@dataclass(frozen=True)
class LinearRegression(Declaration):
    """Least squares on scaled features with a ridge penalty ``reg_lambda``, default 0.001; missing is 0."""

    learning_rate: float | None = None
    reg_lambda: float = 1e-3


@dataclass(frozen=True)
class LogisticRegression(Declaration):
    """The probability of a class, on scaled features, with a penalty ``reg_lambda``, default 0.001."""

    learning_rate: float | None = None
    reg_lambda: float = 1e-3


@dataclass(frozen=True)
class _XGBoost(Declaration):
    """Gradient-boosted trees by XGBoost, grown from histograms, on ``n_jobs`` threads (default 1).

    Args:
        early_stopping_rounds: keep the number of trees that predicts a fifth of the rows best, which is held out by
            chance, and stop once it has not been predicted better for so many trees. Default None: ``n_estimators``
            trees, from all rows.
    """

    n_estimators: int = 100
    max_depth: int = 3
    learning_rate: float = 0.1
    reg_alpha: float = 0.0
    reg_lambda: float = 1.0
    gamma: float = 0.0
    min_child_weights: float = 1.0
    subsample: float = 1.0
    colsample_bytree: float = 1.0
    colsample_bylevel: float = 1.0
    max_delta_step: float = 0.0
    num_parallel_tree: int = 1
    n_jobs: int = 1
    early_stopping_rounds: int | None = None
    booster: str | None = None
    objective: str | None = None
    silent: bool | None = None


@dataclass(frozen=True)
class XGBoostRegressor(_XGBoost):
    """Gradient-boosted trees by XGBoost that predict a number."""


@dataclass(frozen=True)
class XGBoostClassifier(_XGBoost):
    """Gradient-boosted trees by XGBoost that predict the probability of class 1."""


@dataclass(frozen=True)
class _LightGBM(Declaration):
    """Gradient-boosted trees by LightGBM on ``n_jobs`` threads (default 1).

    Args:
        early_stopping_rounds: as of XGBoost. Default None.
    """

    n_estimators: int = 100
    num_leaves: int = 31
    learning_rate: float = 0.1
    max_depth: int = -1
    min_child_samples: int = 20
    reg_alpha: float = 0.0
    reg_lambda: float = 0.0
    subsample: float = 1.0
    colsample_bytree: float = 1.0
    n_jobs: int = 1
    early_stopping_rounds: int | None = None


@dataclass(frozen=True)
class LightGBMRegressor(_LightGBM):
    """Gradient-boosted trees by LightGBM that predict a number."""


@dataclass(frozen=True)
class LightGBMClassifier(_LightGBM):
    """Gradient-boosted trees by LightGBM that predict the probability of class 1."""


@dataclass(frozen=True)
class ScaleGBMRegressor(_LightGBM):
    """Another name of ``LightGBMRegressor``, for scripts that use it."""


@dataclass(frozen=True)
class ScaleGBMClassifier(_LightGBM):
    """Another name of ``LightGBMClassifier``, for scripts that use it."""


@dataclass(frozen=True)
class SklearnEstimator(Declaration):
    """Any classifier or regressor of scikit-learn, by its path: ``SklearnEstimator("sklearn.linear_model.Lasso")``.

    Args:
        path: where it is imported from, in the engine; only paths that begin with ``sklearn.`` are.
        parameters: its constructor's arguments.
    """

    path: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def to_spec(self) -> dict[str, Any]:
        """Return the declaration as JSON."""
        return {"kind": "SklearnEstimator", "path": self.path, "parameters": dict(self.parameters)}
