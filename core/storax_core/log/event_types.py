"""The closed list of event types: what happened, in the past tense, one line each.

Every event's ``data`` is a patch of its entity's fields, so any state is the ordered merge of the patches. An event
marked ``note`` changes no field: it is there for the reader of the history.
"""

from dataclasses import dataclass

from storax_core.lifecycle.change import CREATED, DELETED, MOVED, UPDATED
from storax_core.resources import PROJECTED


@dataclass(frozen=True)
class EventType:
    """``name`` is ``entity.past_tense``; ``schema_version`` grows when the meaning of ``data`` changes."""

    name: str
    doc: str
    note: bool = False
    schema_version: int = 1


_SPECIAL = (
    EventType("job.leased", "A session leased the job; data holds session_id and lease_epoch."),
    EventType("job.hook_ended", "A hook of the App has ended without setting the next state."),
    EventType("job.released", "The job's lease ended without a run; it may be leased again."),
    EventType("job.cancel_requested", "A user requested to stop the running process."),
    EventType(
        "job.report_refused", "A report was refused: its lease epoch was stale, or the transition illegal.", note=True
    ),
    EventType("job.state_forced", "An operator moved the job where the table of moves would not."),
    EventType("batch_job.leased", "A session took the BatchJob to submit it."),
    EventType("batch_job.released", "The submitting session ended before the submission."),
    EventType("user.logged_in", "A user logged in, and a token was created.", note=True),
    EventType(
        "user.password_changed", "An operator set the password. The log holds neither it nor its hash.", note=True
    ),
)


def _standard() -> list[EventType]:
    out = []
    for r in PROJECTED:
        noun = r.entity.replace("_", " ")
        out.append(EventType(f"{r.entity}.{CREATED}", f"The {noun} was created; data holds all fields."))
        out.append(EventType(f"{r.entity}.{DELETED}", f"The {noun} was deleted; its history stays."))
        if r.update_keys or r.machine:
            out.append(EventType(f"{r.entity}.{UPDATED}", f"Fields of the {noun} changed."))
        if r.machine:
            out.append(EventType(f"{r.entity}.{MOVED}", f"The {noun} moved from from_state to to_state."))
    return out


EVENT_TYPES: dict[str, EventType] = {t.name: t for t in (*_standard(), *_SPECIAL)}
