"""Map the outcome of a call to the report of its job."""

from typing import Any

import msgspec
from msgspec.structs import replace

from storax.models.job_rules import HOOKS
from storax_agent.launch.work import Ended, HookEnded, Outcome, Raised, Returned
from storax_agent.prepare.functions.worker_messages import UNSTORABLE

Data = dict[str, Any]
# The state that the site reports after a hook that set none. Where it is the state that the hook ran in, the server's
# rules decide what follows.
FOLLOWS: dict[str, str] = {
    **{hook: state for state, hook in HOOKS.items()},
    "preprocess": "PREPROCESSED",
    "postprocess": "POSTPROCESSED",
}


def of_ranks(value: Any, ended: Ended) -> Ended | None:
    """Return the end with the answer that the ranks of ``run`` left as the job's result; None for another result.

    Where rank 0 has returned and the launch command failed, another rank ended without an answer: its exit code counts.
    """
    if (
        not isinstance(value, dict)
        or value.keys() != {"type", "lease", "outcome"}
        or value["lease"] != ended.lease.name
    ):
        return None
    try:
        outcome: Outcome = msgspec.convert(value["outcome"], Outcome)
    except msgspec.ValidationError:
        return None
    if ended.code and isinstance(outcome, Returned):
        return None
    return replace(ended, stage="run", outcome=outcome)


def of_run(ended: Ended, end: str, tail: str) -> tuple[str, Data, Data]:
    """State, event data and patch after ``run`` ended by itself. ``end`` says how its worker ended."""
    match ended.outcome:
        case Returned(value):
            return "RUN_DONE", {}, {"return_code": 0, "return_value": value}
        case Raised() as raised:
            # The same call would return the same: another attempt, or a hook that asks for one, would change nothing.
            state = "FAILED" if raised.exception == UNSTORABLE else "RUN_ERROR"
            return state, error_data(raised), {"return_code": raised.exit_code}
    message = f"its worker ended before run() returned: {end}"
    return "RUN_ERROR", {"message": message, "stderr_tail": tail}, _code(ended.code)


def of_hook(ended: Ended, end: str) -> tuple[str, Data, Data, list[Data]]:
    """State, event data, patch and new jobs after a hook ended."""
    hook = ended.stage
    match ended.outcome:
        case HookEnded(state, patch, jobs):
            data = {"hook": hook, "message": f"{hook} set it"} if state else {"hook": hook}
            return state or FOLLOWS[hook], data, patch, jobs
        case Raised() as raised:
            data = error_data(raised)
            return "FAILED", {**data, "message": f"{hook} failed: {data['message']}", "hook": hook}, {}, []
    reason = end if ended.cause == "exit" else ended.message or f"it was ended ({ended.cause.replace('_', ' ')})"
    return "FAILED", {"message": f"{hook} failed: {reason}", "hook": hook}, {}, []


def error_data(raised: Raised) -> Data:
    """Event data of an exception."""
    text = f"{raised.exception}: {raised.message}" if raised.message else raised.exception
    return {
        "message": text[:1500],
        "exception": raised.exception,
        "exception_message": raised.message,
        "traceback_tail": raised.traceback_tail,
    }


def _code(code: int | None) -> Data:
    return {} if code is None else {"return_code": code}
