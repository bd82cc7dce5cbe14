"""Why a job is in its state, and the way out, in words."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from storax_api.web.frame.sites import presence
from storax_api.web.frame.times import age, duration, parse
from storax_api.web.job.facts import Facts
from storax_core.lifecycle.states import HOOKS, JOB_UNSUCCESSFUL

TAIL_LINES = 12
FEW = 5


def explain(facts: Facts, now: datetime) -> Iterator[str]:
    """Yield sentences: what the job waits for or why it ended. Lines that begin with ``|`` are what a program wrote."""
    job = facts.job
    if job["state"] == "JOB_FINISHED":
        yield f"It finished {age(job['last_update'], now)}{_code(job)}. It needs nothing more."
        return
    if job["state"] in JOB_UNSUCCESSFUL:
        yield from _unsuccessful(facts)
        return
    if job["cancel_requested"]:
        yield "It was cancelled. Its process is being stopped; it will end as CANCELLED."
    yield from _waits_for(facts, now)
    yield from _agent(facts, now)
    if job["attempt"] and job["state"] != "RUNNING":
        yield from _last_error(facts)


def _waits_for(facts: Facts, now: datetime) -> Iterator[str]:
    job, state = facts.job, facts.job["state"]
    hook = HOOKS.get(state)
    if state == "RUNNING":
        yield f"It runs: attempt {job['attempt']} of {_allowed(job)}, started {age(job['last_update'], now)}."
    elif state in ("CREATED", "AWAITING_PARENTS"):
        yield from _parents(facts)
    elif hook and hook in str(job["hooks"]).split():
        yield f"Its hook {hook} {'is running, or starts when a core is free' if job['session_id'] else 'runs next'}."
    elif state in ("READY", "RUN_DONE", "POSTPROCESSED", "STAGED_OUT"):
        yield from _transfers(facts, "in" if state == "READY" else "out")
    elif job["session_id"] is not None:
        yield "Its site has leased it, and will start it when cores are free."
    elif job["not_before"] and parse(job["not_before"]) > now:
        pause = (parse(job["not_before"]) - now).total_seconds()
        yield f"It waits {duration(pause)} more before attempt {job['attempt'] + 1} of {_allowed(job)}."
    else:
        yield "It can start: it waits for its site to have room for it."


def _parents(facts: Facts) -> Iterator[str]:
    if not facts.awaited:
        yield "It waits for its parents, or continues shortly."
        return
    named = ", ".join(f"{row['id']} is {row['state']}" for row in facts.awaited[:FEW])
    more = ", …" if len(facts.awaited) > FEW else ""
    yield f"It waits for its parents ({len(facts.job['parent_ids'])} in all): {named}{more}."


def _transfers(facts: Facts, direction: str) -> Iterator[str]:
    rows = [row for row in facts.transfers.rows if row["direction"] == direction and row["state"] != "done"]
    if not rows:
        yield "It will continue shortly."
        return
    named = ", ".join(f"{row['remote_path']} is {row['state']}" for row in rows[:FEW])
    yield f"It waits for {len(rows)} {'file' if len(rows) == 1 else 'files'} to be staged {direction}: {named}."
    error = next((row["transfer_info"].get("error") for row in rows if row["transfer_info"].get("error")), None)
    if error:
        yield f"The last try failed: {error}"


def _agent(facts: Facts, now: datetime) -> Iterator[str]:
    site, name = facts.site, facts.site["name"]
    start = f"Start it on that machine: storax site start {site['path']}".rstrip()
    match presence(site, now):
        case "never":
            yield f"The agent of site {name} has never contacted the server. {start}"
        case "down":
            yield f"The agent of site {name} last contacted the server {age(site['last_refresh'], now)}. {start}"
    for loop, failure in sorted(site["failing_loops"].items()):
        yield f"A loop of the agent of site {name} fails: {loop}: {failure.get('error', '?')}"


def _unsuccessful(facts: Facts) -> Iterator[str]:
    job, data = facts.job, facts.last(*JOB_UNSUCCESSFUL)
    message = str(data.get("message") or "").rstrip(".")
    code = "" if "exit code" in message else _code(job)
    if job["state"] == "CANCELLED":
        yield f"It was {message if message.startswith('cancelled') else f'cancelled: {message}'}{code}."
    elif data.get("parent_id"):
        yield f"It did not run: {message}."
    else:
        yield f"It failed{': ' + message if message else ''}{code}, in attempt {job['attempt']} of {_allowed(job)}."
        if data.get("why"):
            yield f"It was not retried: {data['why']}."
        yield from _last_error(facts, known=message)


def _last_error(facts: Facts, *, known: str = "") -> Iterator[str]:
    data = facts.last("RUN_ERROR", "RUN_TIMEOUT")
    message = str(data.get("message") or "").rstrip(".")
    if message and message != known:
        yield f"Its last run ended with: {message}."
    tail = data.get("traceback_tail") or data.get("stderr_tail") or ""
    yield from (f"|{line}" for line in str(tail).splitlines()[-TAIL_LINES:])


def _allowed(job: dict[str, Any]) -> int:
    """Return how many runs the job may have: lost ones are not among those that max_attempts allows."""
    return max(int(job["attempt"]), int(job["max_attempts"]) + int(job["losses"]))


def _code(job: dict[str, Any]) -> str:
    return "" if job["return_code"] is None else f" (exit code {job['return_code']})"
