"""Everything a script needs: ``from storax.api import Site, App, Job, BatchJob, TransferItem, EventLog, Session``."""

from storax._unset import UNSET
from storax._waiting import as_completed, wait
from storax.client import Client, current_client
from storax.models.app import App
from storax.models.batch_job import BatchJob, BatchJobState
from storax.models.event_log import EventLog
from storax.models.job import Job, JobState
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
    "EventLog",
    "Job",
    "JobState",
    "Session",
    "Site",
    "TransferItem",
    "TransferState",
    "as_completed",
    "current_client",
    "wait",
]
