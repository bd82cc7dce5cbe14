"""Reports on jobs, from their events."""

import warnings
from collections.abc import Iterable, Iterator
from datetime import datetime
from fractions import Fraction
from typing import Any

from storax._events.site_time import moment
from storax._orm.kinds import Rejected
from storax.analytics.report import Change, Report
from storax.analytics.rows import rows_of
from storax.errors import InvalidInput, StoraxWarning
from storax.models.event_log import EventLog
from storax.models.job import Job, JobState

_RUNNING = "RUNNING"
_MOVES = ("job.created", "job.state_changed", "job.state_forced", "job.deleted")  # after which its state is another


def throughput_report(events: Iterable[EventLog], to_state: JobState = "RUN_DONE") -> Report:
    """Count the jobs that reached a state, cumulated over time; a job that reaches it again counts once.

    A query is narrowed to the events of this state on the server. Times are those of the site's clock, if they are
    within a week before the server's; else the server's.

    Args:
        events: EventLogs of jobs, in any order, or a query of them.
        to_state: State of a job; by default RUN_DONE.

    Returns:
        ``times, counts``; empty if no job reached the state.

    Raises:
        InvalidInput: There is no such state, ``events`` holds something else than events of jobs, or a query excludes
            the state.
    """
    try:
        state = Job._fields["state"].kind.accept(to_state)
    except Rejected as error:
        raise InvalidInput(f"throughput_report(): to_state: {error.message}.", hint=error.hint) from None
    reached: dict[int, tuple[int, datetime]] = {}
    for event in _moves(events, "throughput_report", to_state=state):
        if event.to_state == state:
            first = reached.get(event.entity_id)
            if first is None or event.position < first[0]:
                reached[event.entity_id] = event.position, moment(event.timestamp, event.data)
    return Report.of(((at, 1) for _, at in reached.values()), unit="jobs", title=f"Jobs that reached {state}")


def utilization_report(events: Iterable[EventLog], node_weighting: bool = True) -> Report:
    """Count the nodes in use, or the jobs that run, at each instant.

    A run lasts from the event to RUNNING until the next state of its job, whatever it is: a run that was lost ends with
    RUN_TIMEOUT, and a restarted one is a run of its own. A run without an end goes on until the last row. Times are
    those of the site's clock, if they are within a week before the server's; else the server's.

    Args:
        events: EventLogs of jobs, in any order, or a query of them: starts and ends.
        node_weighting: Whether to count nodes, ``num_nodes / node_packing_count`` of each run as it started; by
            default True. False counts runs.

    Returns:
        ``times, counts``; empty if no run started.

    Raises:
        InvalidInput: ``events`` holds something else than events of jobs, or starts without their nodes.

    Warns:
        StoraxWarning: Runs without a start among the events are not counted.
    """
    changes, unknown = _changes(_moves(events, "utilization_report"), node_weighting)
    if unknown:
        text = f"Runs whose start is not among these events are not counted: {unknown:,}. Include earlier events."
        warnings.warn(text, StoraxWarning, stacklevel=2)
    if node_weighting:
        return Report.of(changes, unit="nodes", title="Nodes in use", whole=False)
    return Report.of(changes, unit="jobs", title="Jobs that run")


def _changes(events: Iterable[EventLog], node_weighting: bool) -> tuple[list[Change], int]:
    """Return the changes of the number in use, and how many ends have no start."""
    changes: list[Change] = []
    unknown = 0
    running: dict[int, Change] = {}
    in_order = sorted({event.position: event for event in events}.items())
    for _, event in in_order:
        job_id, at = event.entity_id, moment(event.timestamp, event.data)
        start = running.pop(job_id, None)
        if start:
            changes.append((max(at, start[0]), -start[1]))
        elif event.from_state == _RUNNING:
            unknown += 1
        if event.to_state == _RUNNING:
            running[job_id] = (at, _nodes(event) if node_weighting else 1)
            changes.append(running[job_id])
    return changes, unknown


def _moves(events: Iterable[EventLog], report: str, **narrower: Any) -> Iterator[EventLog]:
    """Yield the events after which a job is in another state, or deleted.

    Raises:
        InvalidInput: An event is not of a job.
    """
    for event in rows_of(EventLog, events, report, entity="job", type=_MOVES, **narrower):
        if event.entity != "job":
            raise InvalidInput(
                f"{report}() takes events of jobs; the event at position {event.position} is a {event.type}.",
                hint='Add entity="job" to the filters.',
            )
        if event.type in _MOVES:
            yield event


def _nodes(event: EventLog) -> Fraction:
    """Return the nodes that a run takes; shared ones by its share, without rounding.

    Raises:
        InvalidInput: The event does not say it.
    """
    nodes, packing = (event.data.get(name) for name in ("num_nodes", "node_packing_count"))
    if not nodes or not packing:
        raise InvalidInput(
            f"The start at position {event.position} has no num_nodes and node_packing_count.",
            hint="Count jobs instead: utilization_report(events, node_weighting=False).",
        )
    return Fraction(nodes, packing)
