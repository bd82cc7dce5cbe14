"""Scikit-learn: linear models by name, and any estimator of it by its path; saved by skops, which runs no code."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import skops.io
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from storax_engine.learning.errors import BadData, BadPlan, Cancelled
from storax_engine.learning.predictors.base import SEED, Floats, Matrix, shares

KINDS = ("LinearRegression", "LogisticRegression", "SklearnEstimator")
FILE = "model.skops"
REG_LAMBDA = 1e-3
_CLEANING_UP = frozenset({"__exit__", "__del__", "release"})


class Sklearn:
    """A pipeline that first puts 0 for what is missing; linear models also scale."""

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline

    def fit(self, x: Matrix, y: Floats, *, cancelled: Callable[[], bool]) -> None:
        with _stopped_once(cancelled):
            self._pipeline.fit(x.astype(np.float64), y)

    def predict(self, x: Matrix) -> Floats:
        wide = x.astype(np.float64)
        if not is_classifier(self._pipeline):
            return np.asarray(self._pipeline.predict(wide), np.float64)
        if hasattr(self._pipeline, "predict_proba"):
            return np.asarray(self._pipeline.predict_proba(wide)[:, 1], np.float64)
        return np.asarray(self._pipeline.predict(wide), np.float64)

    def importances(self) -> Floats:
        last = self._pipeline[-1]
        for name in ("feature_importances_", "coef_"):
            if (weights := getattr(last, name, None)) is not None:
                return shares(np.ravel(weights))
        return np.zeros(self._pipeline.n_features_in_)

    def save(self, folder: Path) -> None:
        skops.io.dump(self._pipeline, folder / FILE)


def make(kind: str, parameters: Mapping[str, Any]) -> Sklearn:
    """An estimator that has learned nothing."""
    used = _used(parameters)
    if kind == "SklearnEstimator":
        return Sklearn(make_pipeline(_zeros(), _estimator(used)))
    penalty = float(used.get("reg_lambda", REG_LAMBDA))
    linear = (
        Ridge(penalty) if kind == "LinearRegression" else LogisticRegression(C=1 / max(penalty, 1e-9), max_iter=200)
    )
    return Sklearn(make_pipeline(_zeros(), StandardScaler(), linear))


def classifies(parameters: Mapping[str, Any]) -> bool:
    """Return whether a ``SklearnEstimator`` with these parameters is a classifier, as scikit-learn itself says."""
    return bool(is_classifier(_estimator(_used(parameters))))


def _used(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in parameters.items() if v is not None and k != "learning_rate"}


def load(kind: str, folder: Path) -> Sklearn:  # noqa: ARG001
    """What ``save`` wrote. Only classes of numpy and scikit-learn are let in: functions would be called."""
    file = folder / FILE
    types = skops.io.get_untrusted_types(file=file)
    strange = [name for name in types if not _is_class(name)]
    if strange:
        raise BadData(f"the saved predictor holds {strange[0]}, which is no part of scikit-learn; it was not read")
    pipeline = skops.io.load(file, trusted=types)
    if not isinstance(pipeline, Pipeline):
        raise BadData("the saved predictor is no pipeline of scikit-learn; it was not read")
    return Sklearn(pipeline)


def _is_class(name: str) -> bool:
    module, _, word = name.rpartition(".")
    if module.partition(".")[0] not in {"sklearn", "numpy", "scipy"}:
        return False
    try:
        return isinstance(getattr(import_module(module), word, None), type)
    except ImportError:
        return False


@contextmanager
def _stopped_once(cancelled: Callable[[], bool]) -> Iterator[None]:
    """Raise ``Cancelled`` at the next call of a Python function in the block, in this thread, once it was cancelled.

    Estimators have no callbacks in common; between two calls of their Python code nothing can stop them. What cleans up
    is finished: it may release a lock that all threads need, such as that of a module which is imported.
    """

    def stop(frame: Any, event: str, _arg: Any) -> None:
        if event == "call" and cancelled() and not _cleans_up(frame):
            raise Cancelled("the caller asked to stop")

    before = sys.getprofile()
    sys.setprofile(stop)
    try:
        yield
    finally:
        sys.setprofile(before)


def _cleans_up(frame: Any) -> bool:
    """Return whether a frame is, or was called by, a function that must end: it releases something."""
    while frame is not None:
        if frame.f_code.co_name in _CLEANING_UP:
            return True
        frame = frame.f_back
    return False


def _zeros() -> SimpleImputer:
    return SimpleImputer(strategy="constant", fill_value=0.0, keep_empty_features=True)


def _estimator(description: Mapping[str, Any]) -> Any:
    """The estimator at an import path such as ``sklearn.ensemble.ExtraTreesRegressor``; nothing else is imported."""
    path, parameters = str(description.get("path", "")), {k: v for k, v in description.items() if k != "path"}
    module, _, name = path.rpartition(".")
    if not module.startswith("sklearn."):
        raise BadPlan(f"estimator {path!r}: only those of scikit-learn, by a path such as sklearn.linear_model.Lasso")
    try:
        kind = getattr(import_module(module), name)
        if not (isinstance(kind, type) and issubclass(kind, BaseEstimator)):
            raise BadPlan(f"{path!r} is no estimator of scikit-learn")
        estimator = kind(**parameters)
        learns = is_classifier(estimator) or is_regressor(estimator)
    except (ImportError, AttributeError, TypeError) as error:
        raise BadPlan(f"estimator {path!r} cannot be made: {error}") from error
    if not learns:
        raise BadPlan(f"{path!r} is neither a classifier nor a regressor")
    if "random_state" in estimator.get_params() and "random_state" not in parameters:
        estimator.set_params(random_state=SEED)
    return estimator
