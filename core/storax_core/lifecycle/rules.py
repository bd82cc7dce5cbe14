"""The rules: which change follows from a request and the facts of one row. Pure, without database or clock: each can be
tested alone. Callers lock the rows, call a rule for each, and pass the Changes to the log.
"""

from collections.abc import Callable, Mapping

from storax_core.errors import IllegalMove, Leased
from storax_core.lifecycle.change import STATE_CHANGED, Change, Facts, Row, SetChange
from storax_core.lifecycle.parents import after_parents
from storax_core.lifecycle.retries import attempts_left, backoff, loss, losses_left, retries_code, why
from storax_core.lifecycle.states import (
    AGENT_STATES,
    AUTOMATIC,
    HOOK_STATES,
    HOOKS,
    JOB_DONE,
    JOB_TRANSITIONS,
    JOB_UNSUCCESSFUL,
    USER_TRANSITIONS,
    JobState,
)

CANCELLED = "cancelled"  # begins the message of every cancellation
OCCUPIED = ("num_nodes", "ranks_per_node", "node_packing_count")  # what an event of a started run holds


def _hook_waits(state: str, facts: Facts) -> bool:
    """Whether the hook of this state is still to run."""
    return bool(facts["hooks"]) and HOOKS.get(state) in facts["hooks"].split()


_WHEN: dict[str, Callable[[Facts, Row], bool]] = {
    "always": lambda _f, _d: True,
    "nothing_to_stage_in": lambda f, _d: not f["stage_in"],
    "something_to_stage_out": lambda f, _d: bool(f["stage_out"]),
    "nothing_to_stage_out": lambda f, _d: not f["stage_out"],
    "cancel_requested": lambda f, _d: bool(f["cancel_requested"]),
    "nothing_to_stage_in_but_a_hook": lambda f, _d: not f["stage_in"] and _hook_waits(JobState.STAGED_IN, f),
    "preprocess_before_the_first_run": lambda f, _d: not f["attempt"] and _hook_waits(JobState.STAGED_IN, f),
    "hook": lambda f, _d: _hook_waits(f["state"], f),
    "another_attempt_after_this_code": lambda f, d: attempts_left(f) and retries_code(f, d),
    "another_run_after_a_loss": lambda f, _d: losses_left(f) and bool(f["loss_reason"] or f["retry_on_timeout"]),
}


def change_of(facts: Facts) -> Change:
    """An empty change of a locked row."""
    return Change(facts["id"], facts["owner_id"], facts["site_id"], facts["version"])


def next_transition(state: str, facts: Facts, data: Row) -> Row | None:
    """The automatic transition out of a state, with the stages it skips; None to stay."""
    for rule in AUTOMATIC:
        if rule.state == state and _WHEN[rule.when](facts, data):
            if rule.to == state:
                return None
            return {"to": rule.to, "skipped": list(rule.skipped)} if rule.skipped else {"to": rule.to}
    return None


def _effects(to: str, facts: Row, data: Row) -> Row:
    """Fields that change with entering a state."""
    out: Row = {}
    if to == JobState.RUNNING:
        out["attempt"] = facts["attempt"] = facts["attempt"] + 1
        # For the reader of the history: how much of the machine is in use from now on.
        out |= {name: data.get(name, facts[name]) for name in OCCUPIED}
        if facts["loss_reason"]:
            out["loss_reason"] = facts["loss_reason"] = ""
    elif facts["session_id"] is not None:
        out["session_id"] = facts["session_id"] = None
    if to == JobState.RUN_TIMEOUT and facts["state"] == JobState.RUNNING:
        out |= loss(facts, data)
    if to == JobState.RESTART_READY:
        later = backoff(facts)
        if later != facts["not_before"]:
            out["not_before"] = later
    if to in JOB_DONE and facts["cancel_requested"]:
        out["cancel_requested"] = facts["cancel_requested"] = False
    return out


def _cancelled(was: str, data: Row) -> Row:
    """The reason of a job whose accepted cancellation takes the place of what its holder reports."""
    kept = "its run had ended well, and its result is kept"
    message = str(data.get("message") or (kept if was in (JobState.RUN_DONE, JobState.POSTPROCESSED) else CANCELLED))
    return {"message": message if message.startswith(CANCELLED) else f"{CANCELLED}; {message}"}


def _reason(facts: Facts, to: str, data: Row) -> Row:
    """The reason of an automatic transition."""
    return _cancelled(facts["state"], data) if to == JobState.CANCELLED else why(facts, to, data)


def enter(change: Change, facts: Row, to: str, data: Row, *, kind: str = f"job.{STATE_CHANGED}") -> None:
    """Change the state of a job, then apply the automatic transitions. Updates ``facts``, the caller's copy.

    If a cancellation was accepted, the job enters CANCELLED in place of any other state that ends its life.
    """
    if to in JOB_DONE and facts["cancel_requested"]:
        to, data = JobState.CANCELLED, {**data, **_cancelled(facts["state"], data)}
    change.add(kind, {**data, **_effects(to, facts, data)}, was=facts["state"], to=to)
    facts["state"] = to
    nxt = next_transition(to, facts, data)
    while nxt:
        to = nxt.pop("to")
        reason = {**({"message": data["message"]} if "message" in data else {}), **nxt, **_reason(facts, to, data)}
        change.add(f"job.{STATE_CHANGED}", {**reason, **_effects(to, facts, {})}, was=facts["state"], to=to)
        facts["state"] = to
        nxt = next_transition(to, facts, data)


def require_legal(transitions: Mapping[str, frozenset[str]], was: str, to: str, what: str) -> None:
    """Raise IllegalMove, naming the legal states, unless the table allows the transition."""
    if to not in transitions.get(was, frozenset()):
        allowed = ", ".join(sorted(transitions.get(was, ()))) or "none: it is final"
        raise IllegalMove(
            f"{what} cannot move from {was} to {to}",
            hint=f"Legal from {was}: {allowed}. An operator may use force=True.",
        )


def wait_again(facts: Facts) -> Change:
    """Have a job that failed because of a parent wait for its parents again."""
    change, mine = change_of(facts), dict(facts)
    enter(change, mine, JobState.AWAITING_PARENTS, {"message": "a parent that had failed runs again"})
    return change


def user_transition(facts: Facts, to: str, data: Row, *, force: bool) -> Change:
    """Apply a state that a user wrote. Raises IllegalMove or Leased.

    ``facts["parents"]`` summarizes the parents of a job that has ended (``commands.graph.rejoin``).
    """
    change, mine = change_of(facts), dict(facts)
    if force:
        return _forced(change, mine, to, data)
    if (facts["state"], to) == (JobState.AWAITING_PARENTS, JobState.RESTART_READY):
        if data:
            change.add("job.updated", data)
        return change  # it starts as soon as its parents allow
    if facts["session_id"] is not None:
        raise Leased(
            f"job {facts['id']} is held by session {facts['session_id']} ({facts['state']})",
            hint="Call cancel() first and wait for it to end, or use force=True.",
        )
    again = to == JobState.RESTART_READY and facts["state"] in JOB_UNSUCCESSFUL
    if again and _only_stage_out_failed(facts):
        enter(change, mine, JobState.POSTPROCESSED, data)
        return change
    if again and facts["stage_in"] and not facts["attempt"]:
        to = JobState.READY  # it never ran: its files may not have come in
    require_legal(USER_TRANSITIONS, facts["state"], to, f"job {facts['id']}")
    data = {"message": CANCELLED, **data} if to == JobState.CANCELLED else data
    enter(change, mine, after_parents(facts, to), data)
    return change


def _only_stage_out_failed(facts: Facts) -> bool:
    """Whether the job ran well, and its files could not be brought out."""
    return bool(facts.get("failed_from") == JobState.POSTPROCESSED and facts["stage_out"])


def _forced(change: Change, mine: Row, to: str, data: Row) -> Change:
    """Set a state whatever the table says. The holder loses its lease; nothing can run without one."""
    if to == JobState.RUNNING:
        raise IllegalMove(
            f"job {mine['id']} cannot be forced to RUNNING: no session holds it", hint="Use RESTART_READY."
        )
    freed = {"session_id": None, "lease_epoch": next_lease_epoch(mine), "cancel_requested": False}
    mine |= {"session_id": None, "cancel_requested": False}
    enter(change, mine, to, {**data, **freed}, kind="job.state_forced")
    return change


def cancel(facts: Facts) -> Change:
    """Cancel a job: at once where no session holds it; else the lease holder is asked to stop it."""
    change, mine = change_of(facts), dict(facts)
    if facts["state"] in JOB_DONE:
        return change
    if facts["session_id"] is None:
        enter(change, mine, JobState.CANCELLED, {"message": CANCELLED})
    elif not facts["cancel_requested"]:
        change.add("job.cancel_requested", {"cancel_requested": True})
    return change


def lease_jobs(session_id: int, batch_job_id: int | None) -> SetChange:
    """Lease jobs to a session. The new epoch refuses earlier holders. Without ``batch_job_id`` the last one stays."""
    values = {"session_id": session_id} | ({} if batch_job_id is None else {"batch_job_id": batch_job_id})
    return SetChange("job.leased", values, ("lease_epoch",))


def lease_batch_jobs(session_id: int) -> SetChange:
    """Lease BatchJobs to the session that submits them."""
    return SetChange("batch_job.leased", {"session_id": session_id}, ("lease_epoch",))


def next_lease_epoch(facts: Facts) -> int:
    """The epoch that refuses all holders so far, also those of leases that a restored database does not know."""
    return int(max(facts["lease_epoch"], facts["lease_floor"]) + 1)


def lose_lease(facts: Facts, reason: str) -> Change:
    """End the lease of a session that is gone: a run has timed out, an unstarted job may be taken again."""
    change, mine = change_of(facts), dict(facts)
    epoch = {"lease_epoch": next_lease_epoch(facts)}
    if facts["state"] == JobState.RUNNING:
        enter(change, mine, JobState.RUN_TIMEOUT, {"message": reason, "lease_lost": True, **epoch})
    elif facts["cancel_requested"]:
        enter(change, mine, JobState.CANCELLED, {"message": CANCELLED, **epoch})
    else:
        change.add("job.released", {"message": reason, "session_id": None, **epoch})
    return change


def apply_report(facts: Facts, report: Row) -> tuple[Change, str, str]:
    """Apply a lease holder's report. Returns the change, and a code and a sentence where it is refused, else ""."""
    change, mine = change_of(facts), dict(facts)
    if facts["lease_epoch"] != report["lease_epoch"]:
        refused = _refused(facts, {"lease_epoch": report["lease_epoch"], "moves": _states(report)})
        now = f"the lease moved on: epoch is {facts['lease_epoch']}, not {report['lease_epoch']}"
        return refused, "stale_epoch", now
    if facts["session_id"] is None:
        return _repeated(facts, report)
    if report.get("release") is not None:
        return _give_back(facts, report)
    for move in report["moves"]:
        if move["to"] == facts["state"] == JobState.RUNNING and mine["state"] == JobState.RUNNING:
            continue
        if move["to"] == mine["state"] and mine["session_id"] is not None and _hook_waits(mine["state"], mine):
            _after_hook(change, mine, move["data"], report["patch"])
            continue
        if not _may_report(mine, move["to"]):
            return _illegal(facts, mine["state"], move["to"])
        last = move is report["moves"][-1]
        enter(change, mine, move["to"], {**move["data"], **(report["patch"] if last else {})})
    if report.get("jobs") and mine["session_id"] is not None:
        refused = _refused(facts, {"jobs": len(report["jobs"]), "moves": _states(report)})
        return refused, "illegal_move", "only a report that ends a lease creates jobs, so that a repeated one does not"
    return change, "", ""


def report_from_elsewhere(facts: Facts, report: Row, site_id: int) -> tuple[Change, str, str]:
    """Refuse the report of a session at another site: no job of this one can be leased to it."""
    refused = _refused(facts, {"site_id": site_id, "lease_epoch": report["lease_epoch"], "moves": _states(report)})
    return refused, "not_found", "no such job at the site of this session"


def _may_report(mine: Facts, to: str) -> bool:
    """Whether a holder may report this state. Its lease ends with the first state that is not RUNNING."""
    reportable = AGENT_STATES | HOOK_STATES if _hook_waits(mine["state"], mine) else AGENT_STATES
    return mine["session_id"] is not None and to in reportable and to in JOB_TRANSITIONS[mine["state"]]


def _repeated(facts: Facts, report: Row) -> tuple[Change, str, str]:
    """Accept a report that came before, as its lease ended with it; refuse a start of which nobody knows."""
    begun = max(report.get("attempt") or 0, 1)
    if JobState.RUNNING in _states(report) and begun > facts["attempt"]:
        return _illegal(facts, facts["state"], JobState.RUNNING, why="; its lease ended before it started")
    return change_of(facts), "", ""


def _illegal(facts: Facts, was: str, to: str, *, why: str = "") -> tuple[Change, str, str]:
    return _refused(facts, {"from": was, "to": to}), "illegal_move", f"cannot move from {was} to {to}{why}"


def _refused(facts: Facts, note: Row) -> Change:
    change = change_of(facts)
    change.note("job.report_refused", note)
    return change


def _states(report: Row) -> list[str]:
    return [move["to"] for move in report["moves"]]


def _give_back(facts: Facts, report: Row) -> tuple[Change, str, str]:
    """Release a job that its holder does not start. The epoch stays: no late report of a run can come."""
    change, mine = change_of(facts), dict(facts)
    if report["moves"] or facts["state"] == JobState.RUNNING:
        refused = _refused(facts, {"from": facts["state"], "release": report["release"]})
        return refused, "illegal_move", "it has started: it cannot be given back unstarted"
    if facts["cancel_requested"]:
        enter(change, mine, JobState.CANCELLED, {"message": CANCELLED})
    else:
        change.add("job.released", {"message": report["release"], "session_id": None})
    return change, "", ""


def _after_hook(change: Change, mine: Row, data: Row, patch: Row) -> None:
    """Apply what follows a hook that named no next state."""
    state, hooks = mine["state"], mine["hooks"]
    change.add("job.hook_ended", {**data, **patch, "session_id": None})
    mine |= {"session_id": None, "hooks": ""}
    nxt = next_transition(state, mine, data)
    mine["hooks"] = hooks
    if nxt:
        to = nxt.pop("to")
        enter(change, mine, to, {**nxt, **why(mine, to, data)})
