"""Which file offers which predictor. A library is imported when a predictor of it is first asked for."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from storax_engine.learning.errors import BadPlan, LearningError
from storax_engine.learning.plan import Part
from storax_engine.learning.predictors.base import Family, Predictor

_HOME = "storax_engine.learning.predictors."
_WHERE: Mapping[str, str] = {
    "LinearRegression": "sk",
    "LogisticRegression": "sk",
    "SklearnEstimator": "sk",
    "XGBoostRegressor": "xgb",
    "XGBoostClassifier": "xgb",
    "LightGBMRegressor": "lgbm",
    "LightGBMClassifier": "lgbm",
    "ScaleGBMRegressor": "lgbm",
    "ScaleGBMClassifier": "lgbm",
}


def make(part: Part) -> Predictor:
    """The predictor a description names, untrained. Raises ``BadPlan`` for an unknown one or wrong parameters."""
    try:
        return _family(part.kind).make(part.kind, part.parameters)
    except LearningError:
        raise
    except (TypeError, ValueError) as error:
        raise BadPlan(f"predictor {part.kind}: {error}") from error


def load(kind: str, folder: Path) -> Predictor:
    """A predictor saved in a folder."""
    return _family(kind).load(kind, folder)


def _family(kind: str) -> Family:
    if kind not in _WHERE:
        raise BadPlan(f"predictor {kind!r} is unknown; one of {', '.join(_WHERE)}")
    family: Any = import_module(_HOME + _WHERE[kind])
    return family  # type: ignore[no-any-return]
