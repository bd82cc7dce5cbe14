"""Pipelines: what turns a container of tables into features and predictions, as handles to what the engine learned.

::

    pipe = storax.pipeline.Pipeline(data_model=schema.data_model, feature_learners=[storax.feature_learning.FastProp()],
                                    predictors=[storax.predictors.XGBoostRegressor()])
    pipe.fit(container.train)
    pipe.score(container.test)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storax.pipeline.handle import Pipeline
    from storax.pipeline.lifecycle import delete, exists, list_pipelines, load
    from storax.pipeline.pipelines import Pipelines
    from storax.pipeline.submitted import Submitted
    from storax.pipeline.tuning import Tuning, tune

_HOMES = {
    "Pipeline": "handle",
    "Pipelines": "pipelines",
    "Submitted": "submitted",
    "Tuning": "tuning",
    "delete": "lifecycle",
    "exists": "lifecycle",
    "list_pipelines": "lifecycle",
    "load": "lifecycle",
    "tune": "tuning",
}

__all__ = ["Pipeline", "Pipelines", "Submitted", "Tuning", "delete", "exists", "list_pipelines", "load", "tune"]


def __getattr__(name: str) -> Any:
    # Imported at first use, as in ``storax`` itself.
    if name not in _HOMES:
        raise AttributeError(f"module 'storax.pipeline' has no attribute {name!r}")
    value = getattr(import_module(f"storax.pipeline.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
