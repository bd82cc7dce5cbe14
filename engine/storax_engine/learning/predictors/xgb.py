"""XGBoost, with histograms; saved as its own binary JSON."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from storax_engine.learning.predictors.base import SEED, Floats, Matrix, held_out, patience, shares

KINDS = {"XGBoostRegressor": xgboost.XGBRegressor, "XGBoostClassifier": xgboost.XGBClassifier}
_RENAMED = {"min_child_weights": "min_child_weight"}
_DROPPED = {"silent", "early_stopping_rounds"}
_OBJECTIVES = {"reg:linear": "reg:squarederror"}
# Shallow trees that learn slowly: what is known of relational features is little and noisy.
_DEFAULTS = {
    "tree_method": "hist",
    "n_estimators": 100,
    "max_depth": 3,
    "learning_rate": 0.1,
    "n_jobs": 1,
    "random_state": SEED,
}
FILE = "model.ubj"


class XGBoost:
    """One model. A single thread unless ``n_jobs`` says otherwise: its threads spin where cores are shared."""

    def __init__(self, kind: str, parameters: Mapping[str, Any]) -> None:
        known = {_RENAMED.get(k, k): v for k, v in parameters.items() if k not in _DROPPED and v is not None}
        if "objective" in known:
            known["objective"] = _OBJECTIVES.get(known["objective"], known["objective"])
        self._model = KINDS[kind](**{**_DEFAULTS, **known})
        self._patience = patience(parameters)

    def fit(self, x: Matrix, y: Floats, *, cancelled: Callable[[], bool]) -> None:
        classes = isinstance(self._model, xgboost.XGBClassifier)
        out = held_out(y, classes=classes) if self._patience else None
        callbacks: list[Any] = [_Stop(cancelled)]
        if out is not None:
            callbacks.append(xgboost.callback.EarlyStopping(rounds=self._patience, save_best=True))
        self._model.set_params(callbacks=callbacks)
        if out is None:
            self._model.fit(x, y)
        else:
            self._model.fit(x[~out], y[~out], eval_set=[(x[out], y[out])], verbose=False)
        self._model.set_params(callbacks=None)

    def predict(self, x: Matrix) -> Floats:
        if isinstance(self._model, xgboost.XGBClassifier):
            return np.asarray(self._model.predict_proba(x)[:, 1], np.float64)
        return np.asarray(self._model.predict(x), np.float64)

    def importances(self) -> Floats:
        booster = self._model.get_booster()
        gains = booster.get_score(importance_type="total_gain")
        return shares([gains.get(f"f{i}", 0.0) for i in range(booster.num_features())])

    def save(self, folder: Path) -> None:
        # Written here: the library's own writing does not tell of a disk that is full at the last bytes.
        (folder / FILE).write_bytes(self._model.get_booster().save_raw("ubj"))


def make(kind: str, parameters: Mapping[str, Any]) -> XGBoost:
    """A model that has learned nothing."""
    return XGBoost(kind, parameters)


def load(kind: str, folder: Path) -> XGBoost:
    """Load the predictor that ``save`` wrote."""
    model = XGBoost(kind, {})
    model._model.load_model(folder / FILE)
    return model


class _Stop(xgboost.callback.TrainingCallback):
    def __init__(self, cancelled: Callable[[], bool]) -> None:
        super().__init__()
        self._cancelled = cancelled

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002
        """True ends the training."""
        return self._cancelled()
