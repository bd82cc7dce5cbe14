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
from storax.models.session import Session
from storax.models.site import Site
from storax.models.transfer_item import TransferItem, TransferState

ApplicationDefinition = App

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
    "TransferItem",
    "TransferState",
    "as_completed",
    "current_client",
    "wait",
]
