"""LightGBM; saved as its own text."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from storax_engine.learning.predictors.base import SEED, Bools, Floats, Matrix, held_out, patience, shares

KINDS = {
    "LightGBMRegressor": "regression",
    "LightGBMClassifier": "binary",
    "ScaleGBMRegressor": "regression",
    "ScaleGBMClassifier": "binary",
}
FILE = "model.txt"
ROUNDS = 100
_QUIET = {"verbosity": -1}


class LightGBM:
    """One booster. A single thread unless ``n_jobs`` says otherwise."""

    def __init__(self, kind: str, parameters: Mapping[str, Any], booster: lightgbm.Booster | None = None) -> None:
        known = {k: v for k, v in parameters.items() if v is not None and k != "early_stopping_rounds"}
        self._patience = patience(parameters)
        self._rounds = int(known.pop("n_estimators", ROUNDS))
        fixed = {"objective": KINDS[kind], "verbosity": -1, "seed": SEED, "deterministic": True, "force_row_wise": True}
        self._settings = {**fixed, "num_threads": int(known.pop("n_jobs", 1)), **known}
        self._booster = booster

    def fit(self, x: Matrix, y: Floats, *, cancelled: Callable[[], bool]) -> None:
        def stop(env: Any) -> None:
            if cancelled():
                raise lightgbm.callback.EarlyStopException(env.iteration, [])

        out = held_out(y, classes=self._settings["objective"] == "binary") if self._patience else None
        try:
            trained, rounds = self._train(x, y, out, stop)
        except lightgbm.basic.LightGBMError as error:
            raise ValueError(str(error)) from error
        # Read back from the text that is saved, so that predictions before and after a restart cannot differ.
        self._booster = lightgbm.Booster(model_str=trained.model_to_string(num_iteration=rounds))

    def _train(self, x: Matrix, y: Floats, out: Bools | None, stop: Callable[[Any], None]) -> tuple[Any, int]:
        """Return the booster and how many of its trees are kept; -1: all."""
        if out is None:
            data = lightgbm.Dataset(x, y, params=_QUIET)
            return lightgbm.train(self._settings, data, num_boost_round=self._rounds, callbacks=[stop]), -1
        data = lightgbm.Dataset(x[~out], y[~out], params=_QUIET)
        judged = lightgbm.Dataset(x[out], y[out], params=_QUIET, reference=data)
        early = lightgbm.early_stopping(self._patience or 0, verbose=False)
        trained = lightgbm.train(
            self._settings, data, num_boost_round=self._rounds, valid_sets=[judged], callbacks=[stop, early]
        )
        return trained, trained.best_iteration

    def predict(self, x: Matrix) -> Floats:
        return np.asarray(self._trained().predict(x, num_threads=1), np.float64)

    def importances(self) -> Floats:
        return shares(self._trained().feature_importance("gain"))

    def save(self, folder: Path) -> None:
        self._trained().save_model(folder / FILE, num_iteration=-1)

    def _trained(self) -> lightgbm.Booster:
        if self._booster is None:
            raise RuntimeError("the booster has learned nothing yet")
        return self._booster


def make(kind: str, parameters: Mapping[str, Any]) -> LightGBM:
    """A booster that has learned nothing."""
    return LightGBM(kind, parameters)


def load(kind: str, folder: Path) -> LightGBM:
    """Load the predictor that ``save`` wrote."""
    return LightGBM(kind, {}, lightgbm.Booster(model_file=str(folder / FILE)))
