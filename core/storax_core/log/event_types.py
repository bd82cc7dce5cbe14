"""The closed list of event types: what happened, in the past tense, one line each.

Every event's ``data`` is a patch of its entity's fields, so any state is the ordered merge of the patches. An event
marked ``note`` changes no field: it is there for the reader of the history.
"""

from dataclasses import dataclass

from storax_core.lifecycle.change import CREATED, DELETED, STATE_CHANGED, UPDATED
from storax_core.resources import JOBS, PROJECTED, Resource


@dataclass(frozen=True)
class EventType:
    """``name`` is ``entity.past_tense``; ``fields`` are those of the entity that its data may set.

    ``schema_version`` grows when the same data would be read another way: ``schemas.py`` says how old events are read.
    """

    name: str
    doc: str
    note: bool = False
    schema_version: int = 1
    fields: tuple[str, ...] = ()

    @property
    def entity(self) -> str:
        """The entity it is about."""
        return self.name.partition(".")[0]


def _updatable(resource: Resource) -> tuple[str, ...]:
    return tuple(n for n in resource.update_keys if n != "state" and n in resource.folded)


def _transition(resource: Resource) -> tuple[str, ...]:
    return (*_updatable(resource), "state", *(resource.machine.effects if resource.machine else ()))


_SPECIAL = (
    EventType(
        "job.leased",
        "A session leased the job; data holds session_id and lease_epoch.",
        fields=("session_id", "lease_epoch", "batch_job_id"),
    ),
    EventType(
        "job.hook_ended",
        "A hook of the App has ended without setting the next state.",
        fields=(*_updatable(JOBS), "session_id"),
    ),
    EventType(
        "job.released",
        "The job's lease ended without a run; it may be leased again.",
        fields=("session_id", "lease_epoch"),
    ),
    EventType("job.cancel_requested", "A user requested to stop the running process.", fields=("cancel_requested",)),
    EventType("job.report_refused", "A report was refused: stale lease epoch, or illegal transition.", note=True),
    EventType(
        "job.state_forced",
        "An operator changed the state of the job where the table of transitions does not allow it.",
        fields=_transition(JOBS),
    ),
    EventType("batch_job.leased", "A session took the BatchJob to submit it.", fields=("session_id", "lease_epoch")),
    EventType("batch_job.released", "The submitting session ended before the submission.", fields=("session_id",)),
    EventType(
        "webhook.paused",
        "The server gave a delivery up and stopped posting events; data holds the reason.",
        fields=("enabled",),
    ),
    EventType(
        "webhook.secret_rotated", "A user had another secret made. The log holds none.", fields=("secret_version",)
    ),
    EventType("webhook.replayed", "A user had the events behind a position posted again; note holds it.", note=True),
    EventType("user.logged_in", "A user logged in, and a token was created.", note=True),
    EventType("user.login_failed", "A login with a wrong password was refused; note holds its address.", note=True),
    EventType(
        "user.password_changed", "An operator set the password. The log holds neither it nor its hash.", note=True
    ),
)


def _standard(resource: Resource) -> list[EventType]:
    noun = resource.entity.replace("_", " ")
    kinds = [
        (CREATED, f"The {noun} was created; data holds all fields.", resource.folded),
        (DELETED, f"The {noun} was deleted; its history stays.", ()),
    ]
    if resource.update_keys or resource.machine:
        kinds.append((UPDATED, f"Fields of the {noun} changed.", _updatable(resource)))
    if resource.machine:
        kinds.append((STATE_CHANGED, f"The {noun} moved from from_state to to_state.", _transition(resource)))
    versions = resource.event_versions
    return [
        EventType(f"{resource.entity}.{kind}", doc, schema_version=versions.get(kind, 1), fields=fields)
        for kind, doc, fields in kinds
    ]


EVENT_TYPES: dict[str, EventType] = {t.name: t for t in (*(t for r in PROJECTED for t in _standard(r)), *_SPECIAL)}
