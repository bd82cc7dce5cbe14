"""What a job's parents mean for its return from an end: whether it runs at once, waits, or is refused. Pure."""

from storax_core.errors import IllegalMove
from storax_core.lifecycle.change import Facts
from storax_core.lifecycle.states import JOB_UNSUCCESSFUL, JobState

RUN_AGAIN = (JobState.RESTART_READY, JobState.READY)


def leaves_unsuccessful_end(facts: Facts, to: str) -> bool:
    """Whether this transition takes a job out of an end that its descendants followed."""
    return facts["state"] in JOB_UNSUCCESSFUL and to not in JOB_UNSUCCESSFUL


def after_parents(facts: Facts, to: str) -> str:
    """The state that a job enters when it is to run again: it waits for parents that have not ended.

    Raises IllegalMove where ``objection`` has one.
    """
    parents = facts.get("parents")
    if parents is None or to not in RUN_AGAIN:
        return to
    if error := objection(facts):
        raise error
    return JobState.AWAITING_PARENTS if parents["waiting"] else to


def objection(facts: Facts) -> IllegalMove | None:
    """Why an ended job cannot run again: a parent has failed, or was deleted while others have not ended."""
    parents, job_id = facts.get("parents"), facts["id"]
    if parents is None or parents["policy"] != "fail":
        return None
    failed, deleted = parents["failed"] or parents["cancelled"], parents["deleted"]
    anyway = 'set on_parent_failure="run", or use force=True.'
    if failed is not None:
        state = JobState.FAILED if parents["failed"] else JobState.CANCELLED
        return IllegalMove(
            f"job {job_id} cannot run again: its parent job {failed} is {state}",
            hint=f"Retry job {failed}: this job comes back with it. To run this job anyway, {anyway}",
        )
    if deleted is not None and parents["waiting"]:
        return IllegalMove(
            f"job {job_id} cannot wait for its parents again: its parent job {deleted} was deleted",
            hint=f"Retry it when its other parents have ended. To run it anyway, {anyway}",
        )
    return None
