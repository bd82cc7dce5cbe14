"""What follows a run that did not succeed: another one, when, and why. Pure, as ``rules.py``, which calls it.

An error is the job's own and uses up an attempt. A loss is not: the run ended with its site, node or allocation, or at
its limit. Losses have a count and a limit of their own.
"""

import json
from datetime import datetime, timedelta

from storax_core.lifecycle.change import Facts, Row
from storax_core.lifecycle.states import JobState

LONGEST_BACKOFF_SEC = 86_400  # to which doubling grows; a retry_delay_sec that is longer stays
MOST_REASON_CHARS = 1000


def attempts_left(facts: Facts) -> bool:
    """Whether an error may be followed by another run. A lost run uses up no attempt."""
    return bool(facts["attempt"] - facts["losses"] < facts["max_attempts"])


def losses_left(facts: Facts) -> bool:
    """Whether a loss may be followed by another run."""
    return not facts["max_losses"] or bool(facts["losses"] < facts["max_losses"])


def retries_code(facts: Facts, data: Row) -> bool:
    """Whether this exit code may be followed by another run."""
    codes = facts["retry_exit_codes"]
    return codes == "[]" or data.get("return_code", facts["return_code"]) in json.loads(codes)


def backoff(facts: Facts) -> datetime | None:
    """When the run after an error may start: the delay doubles with each error, up to a day. A loss has no delay."""
    delay = facts["retry_delay_sec"]
    if not delay or facts["state"] != JobState.RUN_ERROR:
        return None
    doublings = max(0, min(facts["attempt"] - facts["losses"] - 1, 20))
    seconds = max(delay, min(delay * 2**doublings, LONGEST_BACKOFF_SEC))
    now: datetime = facts["now"]
    return now + timedelta(seconds=seconds)


def loss(facts: Row, data: Row) -> Row:
    """Count a run that did not end by itself. One that reached its own limit has no ``loss_reason``."""
    out: Row = {"losses": facts["losses"] + 1}
    if data.get("lease_lost"):
        out["loss_reason"] = str(data.get("message") or "its lease was lost")[:MOST_REASON_CHARS]
    facts |= out
    return out


def why(facts: Facts, to: str, data: Row) -> Row:
    """The reason why a run that did not succeed is, or is not, followed by another."""
    if facts["cancel_requested"]:
        return {}
    if facts["state"] == JobState.RUN_TIMEOUT:
        message = {"message": facts["loss_reason"]} if facts["loss_reason"] else {}
        return {**message, "why": _why_after_loss(facts, to)}
    return {"why": _why_after_error(facts, to, data)} if facts["state"] == JobState.RUN_ERROR else {}


def _why_after_loss(facts: Facts, to: str) -> str:
    losses, most = facts["losses"], facts["max_losses"]
    if to == JobState.RESTART_READY:
        limit = f" of {most}" if most else ""
        return f"attempt {facts['attempt'] + 1} follows; this was loss {losses}{limit}, and uses up no attempt"
    return "retry_on_timeout is false" if losses_left(facts) else f"loss {losses} of {most} was the last allowed"


def _why_after_error(facts: Facts, to: str, data: Row) -> str:
    attempt, losses = facts["attempt"], facts["losses"]
    most = facts["max_attempts"] + losses
    lost = f"; {losses} of them lost" if losses else ""
    if to == JobState.RESTART_READY:
        return f"attempt {attempt + 1} of {max(most, attempt + 1)} follows{lost}"
    if attempt >= most:
        return f"attempt {attempt} of {most} was its last{lost}"
    code = data.get("return_code", facts["return_code"])
    return f"{f'exit code {code}' if code is not None else 'it'} is not in retry_exit_codes"
