"""What an event of a version says is frozen: a default or a field that changes needs a new version."""

from copy import deepcopy

import orjson
import pytest

from storax_core.log.event_types import EVENT_TYPES
from storax_core.log.schemas import FILE, FROZEN, Schema
from tools.codegen.event_schemas import breaches, rendered


def test_the_declarations_agree_with_what_was_frozen():
    assert breaches(FROZEN) == []


def test_the_frozen_schemas_hold_every_declared_version():
    assert FILE.read_bytes() == rendered(orjson.loads(FILE.read_bytes())), "run `make generate`"
    missing = [
        t.name for t in EVENT_TYPES.values() for v in range(1, t.schema_version + 1) if str(v) not in FROZEN[t.name]
    ]
    assert missing == []


def change_default(schema: Schema) -> None:
    schema["defaults"]["max_attempts"] = 2


def add_field(schema: Schema) -> None:
    """Seen from the frozen side: the declarations have one more than it knows."""
    del schema["fields"]["python_exe"]


def remove_field(schema: Schema) -> None:
    schema["fields"]["gone"] = "text"


def change_type(schema: Schema) -> None:
    schema["fields"]["name"] = "bigint"


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (change_default, "app.created: the default of max_attempts was 2 and is 1. Give it schema version 3"),
        (add_field, "app.created: field python_exe is new. Give it schema version 3"),
        (remove_field, "app.created: field gone (text) is gone or has another type. Give it schema version 3"),
        (change_type, "app.created: field name (bigint) is gone or has another type. Give it schema version 3"),
    ],
)
def test_a_change_without_a_new_version_is_refused_with_the_way_out(edit, reason):
    frozen = deepcopy(FROZEN)
    edit(frozen["app.created"]["2"])
    (refusal,) = breaches(frozen)
    assert refusal.startswith(reason)
    assert "event_versions of the resource" in refusal
    assert "UPCASTERS" in refusal
    with pytest.raises(ValueError, match="schema version 3"):
        rendered(frozen)


def test_a_patch_may_name_more_fields_but_none_less():
    frozen = deepcopy(FROZEN)
    del frozen["app.updated"]["1"]["fields"]["python_exe"]
    assert breaches(frozen) == []
    assert orjson.loads(rendered(frozen)) == FROZEN
    remove_field(frozen["app.updated"]["1"])
    assert breaches(frozen)[0].startswith("app.updated: field gone")


def test_a_type_that_was_ever_written_stays_declared():
    assert breaches(FROZEN | {"job.imagined": {"1": {"fields": {}}}})[0].startswith("job.imagined: events of this type")


def test_a_new_version_is_added_beside_the_old_one():
    frozen = deepcopy(FROZEN)
    newest = frozen["app.created"].pop("2")
    assert orjson.loads(rendered(frozen))["app.created"] == {"1": FROZEN["app.created"]["1"], "2": newest}
