"""What follows from a wish and the facts of one row. Pure: no database, no clock of its own, so that every rule can be
tested alone. Callers lock the rows, ask here, and hand the Changes to the log.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from storax_core.errors import IllegalMove, Leased
from storax_core.lifecycle.change import MOVED, Change, Row, SetChange
from storax_core.lifecycle.states import (
    AGENT_MOVES,
    FOLLOW,
    HOOK_MOVES,
    HOOKS,
    JOB_DONE,
    JOB_MOVES,
    USER_MOVES,
    JobState,
)

Facts = Mapping[str, Any]
SPARE_ATTEMPTS = 3  # runs allowed to a job whose lease was lost, even where max_attempts is less
LONGEST_BACKOFF_SEC = 86_400


def _hook_waits(state: str, facts: Facts) -> bool:
    """Whether the hook of this state is still to run."""
    return bool(facts["hooks"]) and HOOKS.get(state) in facts["hooks"].split()


def _attempts_left(facts: Facts) -> bool:
    return bool(facts["attempt"] < facts["max_attempts"])


def _retries_code(facts: Facts, data: Row) -> bool:
    codes = facts["retry_exit_codes"]
    return codes == "[]" or data.get("return_code", facts["return_code"]) in json.loads(codes)


_WHEN: dict[str, Callable[[Facts, Row], bool]] = {
    "always": lambda _f, _d: True,
    "nothing_to_stage_in": lambda f, _d: not f["stage_in"],
    "something_to_stage_out": lambda f, _d: bool(f["stage_out"]),
    "nothing_to_stage_out": lambda f, _d: not f["stage_out"],
    "cancel_requested": lambda f, _d: bool(f["cancel_requested"]),
    "nothing_to_stage_in_but_a_hook": lambda f, _d: not f["stage_in"] and _hook_waits(JobState.STAGED_IN, f),
    "preprocess_before_the_first_run": lambda f, _d: not f["attempt"] and _hook_waits(JobState.STAGED_IN, f),
    "hook": lambda f, _d: _hook_waits(f["state"], f),
    "another_attempt_after_this_code": lambda f, d: _attempts_left(f) and _retries_code(f, d),
    "another_attempt_after_a_timeout": lambda f, d: (
        _attempts_left(f) and (bool(f["retry_on_timeout"]) or bool(d.get("lease_lost")))
    ),
    "lease_lost_and_spare_attempts": lambda f, d: bool(d.get("lease_lost")) and f["attempt"] < SPARE_ATTEMPTS,
}


def change_of(facts: Facts) -> Change:
    """An empty change of a locked row."""
    return Change(facts["id"], facts["owner_id"], facts["site_id"], facts["version"])


def follow(state: str, facts: Facts, data: Row) -> Row | None:
    """The state that is entered next by itself, with the stages it skips; None to stay."""
    for rule in FOLLOW:
        if rule.state == state and _WHEN[rule.when](facts, data):
            if rule.to == state:
                return None
            return {"to": rule.to, "skipped": list(rule.skipped)} if rule.skipped else {"to": rule.to}
    return None


def backoff(facts: Facts) -> datetime | None:
    """When the next attempt may start: the delay doubles with each attempt after the first, up to a day."""
    delay = facts["retry_delay_sec"]
    if not delay:
        return None
    seconds = min(delay * 2 ** max(0, min(facts["attempt"] - 1, 20)), LONGEST_BACKOFF_SEC)
    now: datetime = facts["now"]
    return now + timedelta(seconds=seconds)


def _effects(to: str, facts: Row) -> Row:
    """Fields that change with entering a state."""
    out: Row = {}
    if to == JobState.RUNNING:
        out["attempt"] = facts["attempt"] = facts["attempt"] + 1
    elif facts["session_id"] is not None:
        out["session_id"] = facts["session_id"] = None
    if to == JobState.RESTART_READY:
        later = backoff(facts) if facts["state"] in (JobState.RUN_ERROR, JobState.RUN_TIMEOUT) else None
        if later != facts["not_before"]:
            out["not_before"] = later
    if to in JOB_DONE and facts["cancel_requested"]:
        out["cancel_requested"] = facts["cancel_requested"] = False
    return out


def _why(facts: Facts, to: str, data: Row) -> Row:
    """Why a run that ended badly is, or is not, followed by another."""
    was, attempt, most = facts["state"], facts["attempt"], facts["max_attempts"]
    if was not in (JobState.RUN_ERROR, JobState.RUN_TIMEOUT) or facts["cancel_requested"]:
        return {}
    if to == JobState.RESTART_READY:
        lost = "its lease was lost; " if data.get("lease_lost") else ""
        return {"why": f"{lost}attempt {attempt + 1} of {max(most, attempt + 1)} follows"}
    if attempt >= most:
        return {"why": f"attempt {attempt} of {most} was its last"}
    if was == JobState.RUN_TIMEOUT:
        return {"why": "retry_on_timeout is false"}
    code = data.get("return_code", facts["return_code"])
    return {"why": f"{f'exit code {code}' if code is not None else 'it'} is not in retry_exit_codes"}


def enter(change: Change, facts: Row, to: str, data: Row, *, kind: str = f"job.{MOVED}") -> None:
    """Move a job, and on through stages with nothing to do. ``facts`` is a private copy and is kept up to date."""
    change.add(kind, {**data, **_effects(to, facts)}, was=facts["state"], to=to)
    facts["state"] = to
    nxt = follow(to, facts, data)
    while nxt:
        to = nxt.pop("to")
        told = {**({"message": data["message"]} if "message" in data else {}), **nxt, **_why(facts, to, data)}
        change.add(f"job.{MOVED}", {**told, **_effects(to, facts)}, was=facts["state"], to=to)
        facts["state"] = to
        nxt = follow(to, facts, data)


def legal(moves: Mapping[str, frozenset[str]], was: str, to: str, what: str) -> None:
    """Raise IllegalMove, naming the legal ones, unless the table allows the move."""
    if to not in moves.get(was, frozenset()):
        allowed = ", ".join(sorted(moves.get(was, ()))) or "none: it is final"
        raise IllegalMove(
            f"{what} cannot move from {was} to {to}",
            hint=f"Legal from {was}: {allowed}. An operator may use force=True.",
        )


def user_move(facts: Facts, to: str, data: Row, *, force: bool) -> Change:
    """A user writes a job's state. Raises IllegalMove or Leased."""
    change, mine = change_of(facts), dict(facts)
    if force:
        return _forced(change, mine, to, data)
    if facts["session_id"] is not None:
        raise Leased(
            f"job {facts['id']} is held by session {facts['session_id']} ({facts['state']})",
            hint="Call cancel() first and wait for it to end, or use force=True.",
        )
    if (facts["state"], to) == (JobState.FAILED, JobState.RESTART_READY) and facts["stage_in"] and not facts["attempt"]:
        to = JobState.READY  # it never ran: perhaps it failed because its files did not come in
    legal(USER_MOVES, facts["state"], to, f"job {facts['id']}")
    enter(change, mine, to, data)
    return change


def _forced(change: Change, mine: Row, to: str, data: Row) -> Change:
    """Past the table, not past the lease: whoever holds it loses it, and nobody runs without one."""
    if to == JobState.RUNNING:
        raise IllegalMove(
            f"job {mine['id']} cannot be forced to RUNNING: no session holds it", hint="Use RESTART_READY."
        )
    freed = {"session_id": None, "lease_epoch": mine["lease_epoch"] + 1, "cancel_requested": False}
    mine |= {"session_id": None, "cancel_requested": False}
    enter(change, mine, to, {**data, **freed}, kind="job.state_forced")
    return change


def cancel(facts: Facts) -> Change:
    """A user cancels a job: at once where nothing runs, by asking the lease holder where something does."""
    change, mine = change_of(facts), dict(facts)
    if facts["state"] in JOB_DONE:
        return change
    if facts["session_id"] is None:
        enter(change, mine, JobState.FAILED, {"message": "cancelled"})
    elif not facts["cancel_requested"]:
        change.add("job.cancel_requested", {"cancel_requested": True})
    return change


def lease_jobs(session_id: int, batch_job_id: int | None) -> SetChange:
    """A session takes jobs: the new epoch refuses whoever held them before. Without a BatchJob the last one stays."""
    values = {"session_id": session_id} | ({} if batch_job_id is None else {"batch_job_id": batch_job_id})
    return SetChange("job.leased", values, ("lease_epoch",))


def lease_batch_jobs(session_id: int) -> SetChange:
    """A session takes BatchJobs to submit them."""
    return SetChange("batch_job.leased", {"session_id": session_id}, ("lease_epoch",))


def lose_lease(facts: Facts, reason: str) -> Change:
    """The session that held a job is gone: a run is timed out, an unstarted job may be taken again."""
    change, mine = change_of(facts), dict(facts)
    epoch = {"lease_epoch": facts["lease_epoch"] + 1}
    if facts["state"] == JobState.RUNNING:
        enter(change, mine, JobState.RUN_TIMEOUT, {"message": reason, "lease_lost": True, **epoch})
    elif facts["cancel_requested"]:
        enter(change, mine, JobState.FAILED, {"message": "cancelled", **epoch})
    else:
        change.add("job.released", {"message": reason, "session_id": None, **epoch})
    return change


def report(facts: Facts, told: Row) -> tuple[Change, str, str]:
    """A lease holder reports moves. Returns the change, and a code and a sentence where it is refused ("" if not)."""
    change, mine = change_of(facts), dict(facts)
    if facts["lease_epoch"] != told["lease_epoch"]:
        change.note(
            "job.report_refused", {"lease_epoch": told["lease_epoch"], "moves": [m["to"] for m in told["moves"]]}
        )
        return change, "stale_epoch", f"the lease moved on: epoch is {facts['lease_epoch']}, not {told['lease_epoch']}"
    if facts["session_id"] is None:
        return change, "", ""  # the same report came before; its lease ended with it
    if told.get("release") is not None:
        return _give_back(facts, told)
    for move in told["moves"]:
        if move["to"] == facts["state"] == JobState.RUNNING and mine["state"] == JobState.RUNNING:
            continue
        if move["to"] == mine["state"] and _hook_waits(mine["state"], mine):
            _after_hook(change, mine, move["data"], told["patch"])
            continue
        mine_to_say = AGENT_MOVES | HOOK_MOVES if _hook_waits(mine["state"], mine) else AGENT_MOVES
        if move["to"] not in mine_to_say or move["to"] not in JOB_MOVES[mine["state"]]:
            refused = change_of(facts)
            refused.note("job.report_refused", {"from": mine["state"], "to": move["to"]})
            return refused, "illegal_move", f"cannot move from {mine['state']} to {move['to']}"
        last = move is told["moves"][-1]
        enter(change, mine, move["to"], {**move["data"], **(told["patch"] if last else {})})
    return change, "", ""


def _give_back(facts: Facts, told: Row) -> tuple[Change, str, str]:
    """The holder will not start the job. Its epoch stays: nobody took it away, and there is no run to be refused."""
    change, mine = change_of(facts), dict(facts)
    if told["moves"] or facts["state"] == JobState.RUNNING:
        change.note("job.report_refused", {"from": facts["state"], "release": told["release"]})
        return change, "illegal_move", "it has started: it cannot be given back unstarted"
    if facts["cancel_requested"]:
        enter(change, mine, JobState.FAILED, {"message": "cancelled"})
    else:
        change.add("job.released", {"message": told["release"], "session_id": None})
    return change, "", ""


def _after_hook(change: Change, mine: Row, data: Row, patch: Row) -> None:
    """The hook of this state has run and left the verdict to the rules."""
    state, hooks = mine["state"], mine["hooks"]
    change.add("job.hook_ended", {**data, **patch, "session_id": None})
    mine |= {"session_id": None, "hooks": ""}
    nxt = follow(state, mine, data)
    mine["hooks"] = hooks
    if nxt:
        to = nxt.pop("to")
        enter(change, mine, to, {**nxt, **_why(mine, to, data)})
