"""Storax: a Django-like Python API to jobs on clusters, in which every change is an event."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.metadata import version

    from storax import (
        analytics,
        data,
        database,
        engine,
        errors,
        feature_learning,
        hyperopt,
        loss_functions,
        pipeline,
        predictors,
        preprocessors,
        project,
        report,
        utilities,
    )
    from storax.api import (
        UNSET,
        App,
        ApplicationDefinition,
        BatchJob,
        BatchJobState,
        Client,
        DataFrameRecord,
        EventLog,
        Job,
        JobState,
        PipelineRecord,
        ProjectRecord,
        SavedView,
        Session,
        Site,
        TransferItem,
        TransferState,
        Webhook,
        as_completed,
        current_client,
        wait,
    )
    from storax.data.frame import DataFrame
    from storax.engine import set_project
    from storax.errors import StoraxError, StoraxWarning
    from storax.pipeline.handle import Pipeline

    __version__ = version("storax")

__all__ = [
    "UNSET",
    "App",
    "ApplicationDefinition",
    "BatchJob",
    "BatchJobState",
    "Client",
    "DataFrame",
    "DataFrameRecord",
    "EventLog",
    "Job",
    "JobState",
    "Pipeline",
    "PipelineRecord",
    "ProjectRecord",
    "SavedView",
    "Session",
    "Site",
    "StoraxError",
    "StoraxWarning",
    "TransferItem",
    "TransferState",
    "Webhook",
    "__version__",
    "analytics",
    "as_completed",
    "current_client",
    "data",
    "database",
    "engine",
    "errors",
    "feature_learning",
    "hyperopt",
    "loss_functions",
    "pipeline",
    "predictors",
    "preprocessors",
    "project",
    "report",
    "set_project",
    "utilities",
    "wait",
]
_MODULES = frozenset(
    (
        "analytics",
        "data",
        "database",
        "engine",
        "errors",
        "feature_learning",
        "hyperopt",
        "loss_functions",
        "pipeline",
        "predictors",
        "preprocessors",
        "project",
        "report",
        "utilities",
    )
)
# Names of single modules; those of all others are in ``storax.api``.
_HOMES = {
    "DataFrame": "data.frame",
    "Pipeline": "pipeline.handle",
    "StoraxError": "errors",
    "StoraxWarning": "errors",
    "set_project": "engine",
}


def __getattr__(name: str) -> Any:
    # Imported at first use: the command line starts in a third of the time.
    if name not in __all__:
        raise AttributeError(f"module 'storax' has no attribute {name!r}")
    if name in _MODULES:
        return import_module(f"storax.{name}")
    if name == "__version__":
        from importlib.metadata import version

        return version("storax")
    value = getattr(import_module(f"storax.{_HOMES.get(name, 'api')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
