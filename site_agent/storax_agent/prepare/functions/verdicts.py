"""From what came of a call to what is reported of its job."""

from typing import Any

from storax.models.job_rules import HOOKS
from storax_agent.launch.base import Ended

Data = dict[str, Any]
# The state that the site reports after a hook that set none. Where it is the state that the hook ran in, the server's
# rules decide what follows.
FOLLOWS: dict[str, str] = {
    **{hook: state for state, hook in HOOKS.items()},
    "preprocess": "PREPROCESSED",
    "postprocess": "POSTPROCESSED",
}


def of_run(ended: Ended, words: str, tail: str) -> tuple[str, Data, Data]:
    """State, event data and patch after ``run`` ended by itself. ``words`` tell the end of its worker."""
    outcome = ended.outcome
    if outcome is None:
        message = f"its worker ended before run() returned: {words}"
        return "RUN_ERROR", {"message": message, "stderr_tail": tail}, _code(ended.code)
    if "v" in outcome:
        return "RUN_DONE", {}, {"return_code": 0, "return_value": outcome["v"]}
    data, code = fault(outcome)
    return "RUN_ERROR", data, {"return_code": code}


def of_hook(ended: Ended, words: str) -> tuple[str, Data, Data, list[Data]]:
    """State, event data, patch and new jobs after a hook ended."""
    outcome = ended.outcome
    if outcome is None:
        reason = words if ended.cause == "exit" else ended.message or f"it was ended ({ended.cause.replace('_', ' ')})"
        return "FAILED", {"message": f"{ended.stage} failed: {reason}", "hook": ended.stage}, {}, []
    if "x" in outcome:
        data, _ = fault(outcome)
        return "FAILED", {**data, "message": f"{ended.stage} failed: {data['message']}", "hook": ended.stage}, {}, []
    data = {"hook": ended.stage}
    if outcome["h"]:
        data["message"] = f"{ended.stage} set it"
    return outcome["h"] or FOLLOWS[ended.stage], data, outcome["patch"], outcome["jobs"]


def fault(outcome: Data) -> tuple[Data, int]:
    """Event data of an exception, and its exit code: 1, or that of sys.exit()."""
    kind, message, tail, code = outcome["x"]
    words = f"{kind}: {message}" if message else str(kind)
    told = {"message": words[:1500], "exception": kind, "exception_message": message, "traceback_tail": tail}
    return told, code


def _code(code: int | None) -> Data:
    return {} if code is None else {"return_code": code}
