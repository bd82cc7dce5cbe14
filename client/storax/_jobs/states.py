"""What the client and the agent know of job states; a test compares it with the server's tables."""

from typing import Literal

Runnable = Literal["PREPROCESSED", "RESTART_READY", "STAGED_IN", "RUN_DONE", "RUN_ERROR", "RUN_TIMEOUT"]

# The states that end a job's life.
FINAL = ("JOB_FINISHED", "FAILED")
# A job waits in one of these states only until its App's method of this name has run.
HOOKS = {
    "STAGED_IN": "preprocess",
    "RUN_DONE": "postprocess",
    "RUN_ERROR": "handle_error",
    "RUN_TIMEOUT": "handle_timeout",
}
# The states in which a job's command or run() is started.
STARTABLE: tuple[Runnable, ...] = ("PREPROCESSED", "RESTART_READY")
