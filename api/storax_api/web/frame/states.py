"""How a state looks: a word, a tone (the colour, by the style sheet) and an icon. The one place for all resources."""

from dataclasses import dataclass

from storax_core.lifecycle.states import BatchJobState, JobState, TransferState

J, B, T = JobState, BatchJobState, TransferState


@dataclass(frozen=True)
class Look:
    """What is shown of a state. ``word`` is the state as it is typed in a filter; ``meaning`` explains it."""

    word: str
    tone: str
    icon: str
    meaning: str = ""


WAITING, READY, RUNNING = ("waiting", "clock"), ("ready", "dot"), ("running", "play")
GOOD, BAD, STOPPED, WARNING = ("good", "check"), ("bad", "cross"), ("stopped", "stop"), ("warning", "alert")
_JOB: dict[str, tuple[str, str, str]] = {
    J.CREATED: (*WAITING, "just created"),
    J.AWAITING_PARENTS: (*WAITING, "waits for its parents"),
    J.READY: (*WAITING, "its files are staged in"),
    J.STAGED_IN: (*WAITING, "its hook preprocess is next"),
    J.PREPROCESSED: (*READY, "can start when the site has room"),
    J.RESTART_READY: (*READY, "can start again when the site has room"),
    J.RUNNING: (*RUNNING, "its process runs"),
    J.RUN_DONE: (*RUNNING, "the process ended well; its hook postprocess is next"),
    J.RUN_ERROR: (*WARNING, "the process failed; its hook handle_error is next"),
    J.RUN_TIMEOUT: (*WARNING, "the run was lost or reached its limit; its hook handle_timeout is next"),
    J.POSTPROCESSED: (*RUNNING, "its files are staged out"),
    J.STAGED_OUT: (*RUNNING, "its files were staged out"),
    J.JOB_FINISHED: (*GOOD, "finished"),
    J.FAILED: (*BAD, "failed for good"),
    J.CANCELLED: (*STOPPED, "cancelled"),
}
_OTHERS: dict[str, tuple[str, str, str]] = {
    B.PENDING_SUBMISSION: (*WAITING, "not yet submitted"),
    B.QUEUED: (*WAITING, "queued at the scheduler"),
    B.RUNNING: (*RUNNING, "the allocation runs"),
    B.FINISHED: (*GOOD, "the allocation ended"),
    B.SUBMIT_FAILED: (*BAD, "the scheduler refused it"),
    B.PENDING_DELETION: (*STOPPED, "is being ended"),
    T.AWAITING_JOB: (*WAITING, "its job has not come so far"),
    T.PENDING: (*WAITING, "waits to be copied"),
    T.ACTIVE: (*RUNNING, "is being copied"),
    T.INACTIVE: (*WARNING, "paused by the transfer service"),
    T.DONE: (*GOOD, "copied"),
    T.ERROR: (*BAD, "failed"),
    "up": (*GOOD, "its agent is connected"),
    "down": (*BAD, "its agent is not connected"),
    "never": (*STOPPED, "its agent has never contacted the server"),
    "enabled": (*GOOD, "gets events"),
    "retrying": (*WARNING, "the last attempt failed, and the server tries again"),
    "paused": (*BAD, "the server gave up; it goes on once it is resumed"),
    "disabled": (*STOPPED, "gets no events until it is enabled"),
}
LOOKS: dict[str, Look] = {str(state): Look(str(state), *look) for state, look in {**_JOB, **_OTHERS}.items()}
JOB_STATES: tuple[str, ...] = tuple(str(state) for state in J)
UNKNOWN = ("stopped", "dot")


def look_of(state: str) -> Look:
    """Return the look of a state; one that is not known here, of a newer release, is shown by its name."""
    return LOOKS.get(state) or Look(state, *UNKNOWN)
