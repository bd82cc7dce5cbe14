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
    from storax.pipeline import dialect, metrics
    from storax.pipeline.columns import Columns
    from storax.pipeline.features import Features
    from storax.pipeline.features import Importances as Tables
    from storax.pipeline.handle import Pipeline
    from storax.pipeline.lifecycle import delete, exists, list_pipelines, load
    from storax.pipeline.pipelines import Pipelines
    from storax.pipeline.results.plots import Plots
    from storax.pipeline.results.scores import Scores
    from storax.pipeline.results.sql_code import SqlCode
    from storax.pipeline.results.sql_code import SqlCode as SQLCode
    from storax.pipeline.submitted import Submitted
    from storax.pipeline.tuning import Tuning, tune

_HOMES = {
    "Columns": "columns",
    "Features": "features",
    "Plots": "results.plots",
    "SQLCode": "results.sql_code",
    "Scores": "results.scores",
    "SqlCode": "results.sql_code",
    "Tables": "features",
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

_OWN_NAMES = {"SQLCode": "SqlCode", "Tables": "Importances"}  # names of getML, and ours
_MODULES = ("dialect", "metrics")

__all__ = [
    "Columns", "Features", "Pipeline", "Pipelines", "Plots", "SQLCode", "Scores", "SqlCode", "Submitted", "Tables",
    "Tuning", "delete", "dialect", "exists", "list_pipelines", "load", "metrics", "tune",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    # Imported at first use, as in ``storax`` itself.
    if name in _MODULES:
        return import_module(f"storax.pipeline.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'storax.pipeline' has no attribute {name!r}")
    value = getattr(import_module(f"storax.pipeline.{_HOMES[name]}"), _OWN_NAMES.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
