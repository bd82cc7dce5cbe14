"""The form that changes jobs: its fields, from the declarations, and the patch that a sent form means."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from storax_api.requests.body import parse, validate
from storax_api.web.frame.forms import Form
from storax_api.web.frame.reads import Row
from storax_core.errors import Invalid
from storax_core.lifecycle.states import USER_TRANSITIONS, JobState
from storax_core.resources import JOBS

SET, ADD, REMOVE, MERGE = "set.", "tags.add", "tags.remove", "parameters.merge"
# Fields of the form, as the client can set them too; what is longer or rarer is changed from Python.
NAMES = (
    "priority", "num_nodes", "ranks_per_node", "threads_per_rank", "gpus_per_rank", "mem_per_node_mb",
    "node_packing_count", "wall_time_min", "wall_time_limit_min", "max_attempts", "max_losses", "retry_delay_sec",
    "retry_on_timeout", "on_parent_failure", "workdir",
)  # fmt: skip
LABELS = {
    "num_nodes": "Nodes", "gpus_per_rank": "GPUs per rank", "mem_per_node_mb": "Memory per node (MiB)",
    "node_packing_count": "Jobs that share a node", "wall_time_min": "Expected run time (min)",
    "wall_time_limit_min": "Limit of a run (min)", "max_losses": "Most lost runs", "retry_delay_sec": "Retry delay (s)",
}  # fmt: skip
BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True)
class Input:
    """One field of the form: ``now`` is its present value where one job is changed; ``choices`` of a list."""

    name: str
    label: str
    meaning: str
    now: str
    choices: tuple[str, ...] = ()


def inputs(job: Row | None) -> list[Input]:
    """Return the fields for one job, or for many."""
    return [Input("state", "State", JOBS.fields["state"].description, _now(job, "state"), _states(job))] + [
        Input(
            name,
            LABELS.get(name) or name.replace("_", " ").capitalize(),
            JOBS.fields[name].description,
            _now(job, name),
            _choices(name),
        )
        for name in NAMES
    ]


def _now(job: Row | None, name: str) -> str:
    if job is None or job[name] is None:
        return ""
    return str(job[name]).lower() if isinstance(job[name], bool) else str(job[name])


def _states(job: Row | None) -> tuple[str, ...]:
    """Return the states that a user may set: of one job, those that may follow its own."""
    targets = USER_TRANSITIONS[job["state"]] if job else frozenset().union(*USER_TRANSITIONS.values())
    return tuple(str(state) for state in JobState if state in targets)


def _choices(name: str) -> tuple[str, ...]:
    field = JOBS.fields[name]
    return tuple(BOOLEANS) if field.pg_type == "boolean" else tuple(map(str, get_args(field.annotation)))


def patch_of(form: Form) -> dict[str, Any]:
    """Return the patch of a sent form; what was left blank stays as it is. Raises Invalid, as REST does."""
    named = [(name.removeprefix(SET), value) for name, value in form.pairs if name.startswith(SET)]
    patch: dict[str, Any] = {name: _typed(name, value.strip()) for name, value in named if value.strip()}
    if added := _lines(form, ADD):
        patch["tags__merge"] = dict(map(_tag, added))
    if removed := _lines(form, REMOVE):
        patch["tags__remove"] = removed
    if form.value(MERGE).strip():
        patch["parameters__merge"] = parse(form.value(MERGE).encode())
    if not patch:
        raise Invalid("the form changes nothing", hint="Go back and fill in what is to change.")
    return dict(validate(JOBS.patch_adapter, patch, (*JOBS.update_keys, *JOBS.merge_keys)))


def _typed(name: str, value: str) -> Any:
    """Return a text of the form as JSON would have it. A text that is no value of the field is refused by its type."""
    kind = JOBS.fields[name].pg_type if name in JOBS.update_keys else "text"
    if kind == "boolean":
        return BOOLEANS.get(value, value)
    try:
        return int(value) if kind == "integer" and len(value) < 20 else float(value) if kind == "float" else value
    except ValueError:
        return value


def _lines(form: Form, name: str) -> Sequence[str]:
    return [line.strip() for line in form.value(name).splitlines() if line.strip()]


def _tag(line: str) -> tuple[str, str]:
    key, colon, value = line.partition(":")
    if not colon:
        raise Invalid(f"a tag is KEY:VALUE, not {line[:60]!r}", hint="Write one tag a line.")
    return key.strip(), value.strip()
