"""Jobs, nodes and allocations over time, from the event log and BatchJobs.

::

    from storax.analytics import available_nodes, throughput_report, utilization_report

    events = EventLog.objects.filter(tags={"campaign": "surface-7"})
    times, jobs = throughput_report(events, to_state="JOB_FINISHED")
    utilization_report(events).plot()

Each returns a ``Report``: two columns, with a row for each instant at which the number changes.
"""

from storax.analytics.allocations import available_nodes
from storax.analytics.jobs import throughput_report, utilization_report
from storax.analytics.report import Report

__all__ = ["Report", "available_nodes", "throughput_report", "utilization_report"]
