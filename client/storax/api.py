"""Everything a script needs: ``from storax.api import Site, App, Job, BatchJob, TransferItem, EventLog, Session``."""

from storax._jobs.waiting import as_completed, wait
from storax._runtime.unset import UNSET
from storax.client import Client, current_client
from storax.models.batch_job import BatchJob, BatchJobState
from storax.models.data_frame_record import DataFrameRecord
from storax.models.event_log import EventLog
from storax.models.job import App, Job, JobState
from storax.models.pipeline_record import PipelineRecord
from storax.models.project_record import ProjectRecord
from storax.models.saved_view import SavedView
from storax.models.session import Session
from storax.models.site import Site
from storax.models.transfer_item import TransferItem, TransferState
from storax.models.webhook import Webhook

ApplicationDefinition = App
# Names of Balsam's API that scripts import, and what stands in their place.
_INSTEAD = {
    "AppParameter": 'Write a dict: parameters = {"name": {"required": False, "default": "x"}}.',
    "BatchJobPartition": 'Write a dict: {"job_mode": "mpi", "num_nodes": 2}.',
    "JobMode": 'Write "mpi" or "serial".',
    "JobTransferItem": 'Write "ALIAS:/PATH".',
    "TransferDirection": 'Write "in" or "out".',
    "TransferSlot": 'Write a dict: transfers = {"slot": {"direction": "in", "local_path": "in.h5"}}.',
    "site_config": "Read Site.objects.get(name=...).path; jobs run in its folder data.",
}

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
    "SavedView",
    "Session",
    "Site",
    "TransferItem",
    "TransferState",
    "Webhook",
    "as_completed",
    "current_client",
    "wait",
]


def __getattr__(name: str) -> object:
    if name in _INSTEAD:
        raise ImportError(f"storax.api has no {name}. {_INSTEAD[name]}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
