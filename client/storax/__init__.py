"""Storax: a Django-like Python API to jobs on clusters, in which every change is an event."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storax import (
        data,
        engine,
        errors,
        feature_learning,
        hyperopt,
        loss_functions,
        pipeline,
        predictors,
        preprocessors,
        project,
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
        Session,
        Site,
        TransferItem,
        TransferState,
        as_completed,
        current_client,
        wait,
    )
    from storax.errors import StoraxError, StoraxWarning

__all__ = [
    "UNSET",
    "App",
    "ApplicationDefinition",
    "BatchJob",
    "BatchJobState",
    "Client",
    "DataFrameRecord",
    "EventLog",
    "Job",
    "JobState",
    "PipelineRecord",
    "ProjectRecord",
    "Session",
    "Site",
    "StoraxError",
    "StoraxWarning",
    "TransferItem",
    "TransferState",
    "as_completed",
    "current_client",
    "data",
    "engine",
    "errors",
    "feature_learning",
    "hyperopt",
    "loss_functions",
    "pipeline",
    "predictors",
    "preprocessors",
    "project",
    "wait",
]
_MODULES = frozenset(
    (
        "data",
        "engine",
        "errors",
        "feature_learning",
        "hyperopt",
        "loss_functions",
        "pipeline",
        "predictors",
        "preprocessors",
        "project",
    )
)


def __getattr__(name: str) -> Any:
    # Imported at first use: the command line starts in a third of the time.
    if name not in __all__:
        raise AttributeError(f"module 'storax' has no attribute {name!r}")
    if name in _MODULES:
        return import_module(f"storax.{name}")
    module = "storax.errors" if name.startswith("Storax") else "storax.api"
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
