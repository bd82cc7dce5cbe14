"""State machines as data: the states, the legal transitions, and the automatic ones.

A transition table maps a state to the states that it may be left for. ``AUTOMATIC`` says which state the server enters
next, in the same transaction, because the stage in between has nothing to do for this job.
"""

from dataclasses import dataclass
from enum import StrEnum


class JobState(StrEnum):
    """Where a Job is in its life."""

    CREATED = "CREATED"
    AWAITING_PARENTS = "AWAITING_PARENTS"
    READY = "READY"
    STAGED_IN = "STAGED_IN"
    PREPROCESSED = "PREPROCESSED"
    RUNNING = "RUNNING"
    RUN_DONE = "RUN_DONE"
    RUN_ERROR = "RUN_ERROR"
    RUN_TIMEOUT = "RUN_TIMEOUT"
    RESTART_READY = "RESTART_READY"
    POSTPROCESSED = "POSTPROCESSED"
    STAGED_OUT = "STAGED_OUT"
    JOB_FINISHED = "JOB_FINISHED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class BatchJobState(StrEnum):
    """Where a BatchJob is between the user and the site's scheduler."""

    PENDING_SUBMISSION = "pending_submission"
    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    SUBMIT_FAILED = "submit_failed"
    PENDING_DELETION = "pending_deletion"


class TransferState(StrEnum):
    """Where a TransferItem is."""

    AWAITING_JOB = "awaiting_job"
    PENDING = "pending"
    ACTIVE = "active"
    INACTIVE = "inactive"
    DONE = "done"
    ERROR = "error"


J, B, T = JobState, BatchJobState, TransferState

# A job rests in these states only while its App's hook for that state is to run. A hook's state comes before its run.
# A new hook needs a row here, a row of AUTOMATIC, a migration of the index job_state_ready, and four texts by hand:
# CONTRIBUTING.md. A state of JOB_RUNNABLE can have none: the agent would call it in place of the job. What follows a
# hook that sets no state: FOLLOWS in the agent's prepare/functions/call_outcomes.py.
HOOKS: dict[str, str] = {
    J.STAGED_IN: "preprocess",
    J.RUN_DONE: "postprocess",
    J.RUN_ERROR: "handle_error",
    J.RUN_TIMEOUT: "handle_timeout",
}
JOB_RUNNABLE = (J.PREPROCESSED, J.RESTART_READY)
# What a site may take: work to start, or a hook to run.
JOB_TAKEABLE = (*JOB_RUNNABLE, *HOOKS)
JOB_UNSUCCESSFUL = (J.FAILED, J.CANCELLED)
JOB_DONE = (J.JOB_FINISHED, *JOB_UNSUCCESSFUL)

JOB_TRANSITIONS: dict[str, frozenset[str]] = {
    J.CREATED: frozenset({J.AWAITING_PARENTS, J.READY, J.STAGED_IN, J.PREPROCESSED, *JOB_UNSUCCESSFUL}),
    J.AWAITING_PARENTS: frozenset({J.READY, J.STAGED_IN, J.PREPROCESSED, *JOB_UNSUCCESSFUL}),
    J.READY: frozenset({J.STAGED_IN, J.PREPROCESSED, *JOB_UNSUCCESSFUL}),
    J.STAGED_IN: frozenset({J.PREPROCESSED, *JOB_UNSUCCESSFUL}),
    J.PREPROCESSED: frozenset({J.RUNNING, J.RESTART_READY, *JOB_UNSUCCESSFUL}),
    J.RESTART_READY: frozenset({J.RUNNING, J.STAGED_IN, *JOB_UNSUCCESSFUL}),
    J.RUNNING: frozenset({J.RUN_DONE, J.RUN_ERROR, J.RUN_TIMEOUT, *JOB_UNSUCCESSFUL}),
    J.RUN_DONE: frozenset({J.POSTPROCESSED, J.JOB_FINISHED, J.RESTART_READY, *JOB_UNSUCCESSFUL}),
    J.RUN_ERROR: frozenset({J.RESTART_READY, *JOB_UNSUCCESSFUL}),
    J.RUN_TIMEOUT: frozenset({J.RESTART_READY, *JOB_UNSUCCESSFUL}),
    J.POSTPROCESSED: frozenset({J.STAGED_OUT, J.JOB_FINISHED, J.RESTART_READY, *JOB_UNSUCCESSFUL}),
    J.STAGED_OUT: frozenset({J.JOB_FINISHED, *JOB_UNSUCCESSFUL}),
    J.JOB_FINISHED: frozenset({J.RESTART_READY, J.AWAITING_PARENTS}),
    J.FAILED: frozenset({J.RESTART_READY, J.READY, J.AWAITING_PARENTS}),
    J.CANCELLED: frozenset({J.RESTART_READY, J.READY, J.AWAITING_PARENTS}),
}
# A job runs under a lease or not at all: nobody enters RUNNING by writing it.
USER_TRANSITIONS: dict[str, frozenset[str]] = {state: to - {J.RUNNING} for state, to in JOB_TRANSITIONS.items()}
# What a lease holder may report; everything else is the server's or an operator's to do.
AGENT_STATES = frozenset({J.RUNNING, J.RUN_DONE, J.RUN_ERROR, J.RUN_TIMEOUT, *JOB_UNSUCCESSFUL})
# And, from a state in which a hook is to run, what the hook may say.
HOOK_STATES = frozenset({J.PREPROCESSED, J.POSTPROCESSED, J.RESTART_READY, J.JOB_FINISHED})

BATCH_JOB_TRANSITIONS: dict[str, frozenset[str]] = {
    B.PENDING_SUBMISSION: frozenset({B.QUEUED, B.RUNNING, B.SUBMIT_FAILED, B.PENDING_DELETION, B.FINISHED}),
    B.QUEUED: frozenset({B.RUNNING, B.FINISHED, B.PENDING_DELETION}),
    B.RUNNING: frozenset({B.FINISHED, B.PENDING_DELETION, B.QUEUED}),
    B.PENDING_DELETION: frozenset({B.FINISHED}),
    B.SUBMIT_FAILED: frozenset({B.PENDING_SUBMISSION}),
    B.FINISHED: frozenset(),
}
TRANSFER_TRANSITIONS: dict[str, frozenset[str]] = {
    T.AWAITING_JOB: frozenset({T.PENDING, T.ERROR}),
    T.PENDING: frozenset({T.ACTIVE, T.INACTIVE, T.DONE, T.ERROR}),
    T.ACTIVE: frozenset({T.INACTIVE, T.DONE, T.ERROR, T.PENDING}),
    T.INACTIVE: frozenset({T.ACTIVE, T.PENDING, T.DONE, T.ERROR}),
    T.ERROR: frozenset({T.PENDING}),
    T.DONE: frozenset(),
}


@dataclass(frozen=True)
class AutomaticTransition:
    """``state`` leads on to ``to`` when the fact ``when`` holds; ``skipped`` names the stages with nothing to do.

    A state that leads to itself is rested in: a hook is to run there."""

    state: str
    when: str
    to: str
    skipped: tuple[str, ...] = ()


# Where a job may be after its lease has ended and before its life has.
_AFTER_A_LEASE = (
    J.STAGED_IN, J.PREPROCESSED, J.RUN_DONE, J.RUN_ERROR, J.RUN_TIMEOUT, J.RESTART_READY, J.POSTPROCESSED, J.STAGED_OUT,
)  # fmt: skip
# Read in order, the first row whose fact holds wins. `rules.py` computes the facts.
AUTOMATIC: tuple[AutomaticTransition, ...] = (
    # A cancellation that was accepted binds, whatever the holder of the lease reports.
    *(AutomaticTransition(state, "cancel_requested", J.CANCELLED) for state in _AFTER_A_LEASE),
    AutomaticTransition(J.READY, "nothing_to_stage_in_but_a_hook", J.STAGED_IN),
    AutomaticTransition(J.READY, "nothing_to_stage_in", J.PREPROCESSED, (J.STAGED_IN,)),
    AutomaticTransition(J.STAGED_IN, "hook", J.STAGED_IN),
    AutomaticTransition(J.STAGED_IN, "always", J.PREPROCESSED),
    AutomaticTransition(J.RUN_DONE, "hook", J.RUN_DONE),
    AutomaticTransition(J.RUN_DONE, "something_to_stage_out", J.POSTPROCESSED),
    AutomaticTransition(J.RUN_DONE, "always", J.JOB_FINISHED, (J.POSTPROCESSED, J.STAGED_OUT)),
    AutomaticTransition(J.POSTPROCESSED, "nothing_to_stage_out", J.JOB_FINISHED, (J.STAGED_OUT,)),
    AutomaticTransition(J.STAGED_OUT, "always", J.JOB_FINISHED),
    AutomaticTransition(J.RUN_ERROR, "hook", J.RUN_ERROR),
    AutomaticTransition(J.RUN_ERROR, "another_attempt_after_this_code", J.RESTART_READY),
    AutomaticTransition(J.RUN_ERROR, "always", J.FAILED),
    AutomaticTransition(J.RUN_TIMEOUT, "hook", J.RUN_TIMEOUT),
    AutomaticTransition(J.RUN_TIMEOUT, "another_run_after_a_loss", J.RESTART_READY),
    AutomaticTransition(J.RUN_TIMEOUT, "always", J.FAILED),
    # A job that never ran has not been preprocessed either.
    AutomaticTransition(J.RESTART_READY, "preprocess_before_the_first_run", J.STAGED_IN),
)
