"""`storax job explain`: why a job is in its state, and the way out."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from storax._jobs.sites.presence import absence, format_duration
from storax.cli.job.allocations import allocations, too_large
from storax.cli.terminal.output import Form, Output, show_one, text_of
from storax.cli.terminal.select import one_id
from storax.cli.terminal.visible import say
from storax.models.job_rules import HOOKS, RUNNABLE, UNSUCCESSFUL

if TYPE_CHECKING:
    from storax.models.job import Job
    from storax.models.site import Site

FEW = 5


def explain(job: Annotated[str, typer.Argument(help="Job id, or `last`.")], output: Output = Form.TABLE) -> None:
    """Explain why a job does not run, and what you can do.

    \b
    Examples:
      storax job explain 12
      storax job explain last -o json
    """
    from storax.models.job import Job

    selected = Job.objects.get(id=one_id(job))
    lines = list(reasons(selected))
    if output.for_people:
        say(*lines)
    else:
        show_one({"id": selected.id, "state": selected.state, "reasons": lines}, form=output)


def reasons(job: "Job", *, now: datetime | None = None) -> Iterator[str]:
    """Yield lines of one or two sentences: the job's state, what it waits for, and the way out."""
    from storax.models.site import Site

    now = now or datetime.now(UTC)
    site = Site.objects.get(id=job.site_id)
    yield f"Job {job.id} ({job.app.name} at site {site.name}) is {job.state}."
    if job.state == "JOB_FINISHED":
        yield f"It finished {_ago(job.last_update, now)}{_code(job)}. It needs nothing more."
        return
    if job.state in UNSUCCESSFUL:
        yield from _unsuccessful(job)
        return
    yield from _trouble(site)
    if job.cancel_requested:
        yield "It was cancelled. Its process is being stopped; it will end as CANCELLED."
    yield from _waits_for(job, site, now)
    if job.attempt and job.state != "RUNNING":
        yield from _last_error(job)


def _waits_for(job: "Job", site: "Site", now: datetime) -> Iterator[str]:
    if job.state == "RUNNING":
        yield f"It runs: {_attempt(job)}, started {_ago(job.last_update, now)}."
        yield from _holder(job, site, now)
    elif job.state in ("CREATED", "AWAITING_PARENTS"):
        yield from _parents(job)
    elif job.state in HOOKS and HOOKS[job.state] in str(job.hooks or "").split():
        yield from _hook(job, site, now)
    elif job.state in ("READY", "RUN_DONE", "POSTPROCESSED", "STAGED_OUT"):
        yield from _transfers(job, site, now)
    elif job.session_id is not None:
        yield "The site has leased it, and will start it when cores are free."
        yield from _holder(job, site, now)
    elif job.not_before and job.not_before > now:
        pause = (job.not_before - now).total_seconds()
        yield f"It waits {format_duration(pause)} more before attempt {job.attempt + 1} of {_allowed(job)}."
    else:
        yield from _too_large(job, site)
        lines = list(allocations(job, site, now))
        yield from absence(site, now) or _queue(job, hint=not lines)
        yield from lines


def _hook(job: "Job", site: "Site", now: datetime) -> Iterator[str]:
    name = HOOKS[job.state]
    if job.session_id is not None:
        yield f"Its hook {name} is running, or starts when a core is free. Its output is hooks.log in the workdir."
        yield f"See it: storax job logs {job.id} --file hooks.log"
        yield from _holder(job, site, now)
        return
    yield f"Its hook {name} runs next."
    yield from absence(site, now)


def _parents(job: "Job") -> Iterator[str]:
    open_ = job.parent_query().filter(state__ne=["JOB_FINISHED"]).order_by("id")
    rows = open_[: FEW + 1].values_list("id", "state")
    if not rows:
        yield "All its parents have finished. It will continue shortly."
        return
    named = ", ".join(f"{parent} is {state}" for parent, state in rows[:FEW])
    left = open_.count() if len(rows) > FEW else len(rows)
    yield f"It waits for {left} of {len(job.parent_ids)} parents: {named}{', ...' if left > FEW else ''}."
    yield f"See why the first one waits: storax job explain {rows[0][0]}"


def _transfers(job: "Job", site: "Site", now: datetime) -> Iterator[str]:
    from storax.models.transfer_item import TransferItem

    direction: Literal["in", "out"] = "in" if job.state == "READY" else "out"
    items = TransferItem.objects.filter(job_id=job.id, direction=direction, state__ne=["done"])
    rows = items.values_list("remote_path", "state", "transfer_info")
    if not rows:
        yield "It will continue shortly."
        return
    named = ", ".join(f"{path} is {state}" for path, state, _ in rows[:FEW])
    yield f"It waits for {len(rows)} {'file' if len(rows) == 1 else 'files'} to be staged {direction}: {named}."
    tried = next((info for _, _, info in rows if info.get("error")), None)
    if tried:
        yield f"Attempt {tried.get('tries', 1)} failed: {text_of(tried['error'])}"
    yield from absence(site, now)


def _trouble(site: "Site") -> Iterator[str]:
    """Yield the loops of a site's agent that fail, with their errors, and the records that it has set aside."""
    for name, failure in sorted((site.failing_loops or {}).items()):
        since, error = (text_of(failure.get(key) or "?") for key in ("since", "error"))
        yield f"A loop of the agent of site {site.name} has failed since {since}: {name}: {error}"
    if aside := site.set_aside or {}:
        newest = "; ".join(f"{row.get('name')}: {row.get('reason')}" for row in aside.get("newest", [])[:FEW])
        yield f"The agent of site {site.name} has set aside {aside.get('count')} records: {text_of(newest)}"


def _too_large(job: "Job", site: "Site") -> Iterator[str]:
    """Yield what the job needs that the node on which the agent itself runs jobs lacks."""
    for demand, available in too_large(job, dict(site.node_size or {})):
        yield f"It requests {demand}; site {site.name} has {available:g} for jobs that its agent runs itself."


def _queue(job: "Job", *, hint: bool) -> Iterator[str]:
    from storax.models.job import Job

    runnable = Job.objects.filter(site_id=job.site_id, state=RUNNABLE, session_id__isnull=True)
    ahead = runnable.filter(priority__gt=job.priority).count()
    ahead += runnable.filter(priority=job.priority, id__lt=job.id or 0).count()
    running = Job.objects.filter(site_id=job.site_id, state="RUNNING").count()
    yield f"It is runnable. The agent is connected, {running} jobs are running, and {ahead} are queued before it."
    if hint and not running:
        yield "If this does not change, the site may be too small for it, or accept only other tags: storax site check"


def _holder(job: "Job", site: "Site", now: datetime) -> Iterator[str]:
    from storax.models.session import Session

    session = Session.objects.filter(id=job.session_id).first() if job.session_id else None
    if session is None:
        return
    where = f", in allocation {session.batch_job_id}" if session.batch_job_id else ""
    heartbeat = _ago(session.heartbeat, now) if session.heartbeat else "never"
    yield f"Session {session.id} of site {site.name}{where} holds its lease; last heartbeat: {heartbeat}."
    if session.expires_at and session.expires_at < now:
        yield "That session has expired. Its jobs will be offered again."


def _unsuccessful(job: "Job") -> Iterator[str]:
    data = _last_data(job)
    message = str(data.get("message") or "").rstrip(".")
    if job.state == "CANCELLED":
        yield f"It was {message if message.startswith('cancelled') else f'cancelled: {message}'}{_code(job)}."
    elif data.get("parent_id"):
        yield f"It did not run: {message}."
    else:
        yield from _failed(job, message, data)
    yield from _way_back(job)


def _last_data(job: "Job") -> "dict[str, Any]":
    """Return the data of the event by which the job failed or was cancelled."""
    last = job.history().filter(to_state=UNSUCCESSFUL).last()
    return dict(last.data) if last else {}


def _failed(job: "Job", message: str, data: "dict[str, Any]") -> Iterator[str]:
    code = "" if "exit code" in message else _code(job)
    # Releases before the state CANCELLED recorded a cancellation as a failure of this message.
    end = "was cancelled" if message == "cancelled" else f"failed{': ' + message if message else ''}"
    yield f"It {end}{code}, in {_attempt(job)}."
    if data.get("why"):
        yield f"It was not retried: {data['why']}."
    yield from _last_error(job, known_message=message, failed=data)


def _way_back(job: "Job") -> Iterator[str]:
    """Yield what failed first above the job, and which jobs to retry so that this one runs again."""
    from storax.models.job import Job

    roots = list(Job.objects.filter(root_cause_of=job.id or 0).order_by("id")[: FEW + 1]) if job.parent_ids else []
    if not roots:
        yield f"Run it again: storax job retry {job.id}"
        return
    for root in roots[:FEW]:
        yield from _root_cause(root)
    if len(roots) > FEW:
        yield "More jobs above it failed, or were cancelled, by themselves."
    ids = [root.id or 0 for root in roots[:FEW]]
    back = Job.objects.filter(id=ids).retry(dry_run=True).descendants
    also = f", and with {'it' if len(ids) == 1 else 'them'} {back} that failed only because of a parent" if back else ""
    yield f"Correct the cause, then retry what failed first{also}: storax job retry {' '.join(map(str, ids))}"


def _root_cause(root: "Job") -> Iterator[str]:
    data = _last_data(root)
    message = str(data.get("message") or "").rstrip(".")
    code = "" if "exit code" in message else _code(root)
    yield f"The root cause is job {root.id} ({root.app.name}): {message or 'it is ' + root.state}{code}."
    yield from _last_error(root, known_message=message, failed=data)


def _last_error(job: "Job", *, known_message: str = "", failed: "dict[str, Any] | None" = None) -> Iterator[str]:
    if failed and failed.get("traceback_tail"):
        yield from _lines(failed["traceback_tail"])  # a hook's own
        return
    last = job.history().filter(to_state=["RUN_ERROR", "RUN_TIMEOUT"]).last()
    if last is None:
        return
    message = str(last.data.get("message") or last.to_state).rstrip(".")
    lost = last.to_state == "RUN_TIMEOUT"
    if message != known_message:
        yield f"Its last run {'did not end by itself: ' if lost else 'ended with '}{message}."
    if lost and job.batch_job_id:
        yield from _allocation_end(job.batch_job_id)
    yield from _lines(last.data.get("traceback_tail") or last.data.get("stderr_tail"))


def _allocation_end(number: int) -> Iterator[str]:
    """Yield what the scheduler says of an allocation that has ended."""
    from storax.models.batch_job import BatchJob

    batch = BatchJob.objects.filter(id=number, state="finished").first()
    info = dict(batch.status_info or {}) if batch else {}
    terms = ", ".join(text_of(info[key]) for key in ("scheduler_state", "reason", "error") if info.get(key))
    if batch and terms:
        yield f"The scheduler says of its allocation {batch.scheduler_id or f'(BatchJob {number})'}: {terms}."


def _lines(text: Any) -> Iterator[str]:
    for line in str(text or "").splitlines():
        yield f"  | {text_of(line)}"


def _attempt(job: "Job") -> str:
    lost = f", {job.losses} lost" if job.losses else ""
    return f"attempt {job.attempt} of {max(job.attempt, _allowed(job))}{lost}"


def _allowed(job: "Job") -> int:
    """How many runs the job may have: lost ones are not among those that max_attempts allows."""
    return int(job.max_attempts + (job.losses or 0))


def _code(job: "Job") -> str:
    return "" if job.return_code is None else f" (exit code {job.return_code})"


def _ago(moment: datetime, now: datetime) -> str:
    return f"{format_duration((now - moment).total_seconds())} ago"
