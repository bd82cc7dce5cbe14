"""Rules of the server that others must know. Written by `python -m tools.codegen`; do not edit."""

from typing import Final, Literal

Hook = Literal["preprocess", "postprocess", "handle_error", "handle_timeout"]
Takeable = Literal["PREPROCESSED", "RESTART_READY", "STAGED_IN", "RUN_DONE", "RUN_ERROR", "RUN_TIMEOUT"]
HOOKS: Final[dict[str, Hook]] = {
    "STAGED_IN": "preprocess",
    "RUN_DONE": "postprocess",
    "RUN_ERROR": "handle_error",
    "RUN_TIMEOUT": "handle_timeout",
}
"""The hook of its App that a job runs in each of these states, where the App has it."""
SETTABLE: Final[dict[str, tuple[str, ...]]] = {
    "preprocess": (
        "CANCELLED",
        "FAILED",
        "PREPROCESSED",
        "STAGED_IN",
    ),
    "postprocess": (
        "CANCELLED",
        "FAILED",
        "JOB_FINISHED",
        "POSTPROCESSED",
        "RESTART_READY",
        "RUN_DONE",
    ),
    "handle_error": (
        "CANCELLED",
        "FAILED",
        "RESTART_READY",
        "RUN_ERROR",
    ),
    "handle_timeout": (
        "CANCELLED",
        "FAILED",
        "RESTART_READY",
        "RUN_TIMEOUT",
    ),
}
"""The states that each hook may set; its own is no change."""
RUNNABLE: Final = (
    "PREPROCESSED",
    "RESTART_READY",
)
"""States of a job that can start."""
FINAL: Final = (
    "JOB_FINISHED",
    "FAILED",
    "CANCELLED",
)
"""States that end a job's life."""
UNSUCCESSFUL: Final = (
    "FAILED",
    "CANCELLED",
)
"""Those of them in which a job has not finished."""
PARAMETER: Final = r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}"
"""Regular expression of a parameter in a command template; its group is the name."""
