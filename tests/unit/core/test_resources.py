"""The value types of fields, and what follows from a resource's declaration."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from storax_core.resources import JOBS, RESOURCES, Resource
from storax_core.resources import types as t


def accepts(kind: Any, value: Any) -> Any:
    return TypeAdapter(kind).validate_python(value)


def refuses(kind: Any, value: Any, reason: str = "") -> None:
    with pytest.raises(ValidationError) as refusal:
        TypeAdapter(kind).validate_python(value)
    assert reason in str(refusal.value)


def nested(levels: int, leaf: Any = 1) -> Any:
    for _ in range(levels):
        leaf = [leaf]
    return leaf


@pytest.mark.parametrize("kind", [t.Text, t.Name, t.ShortText, t.InsidePath, t.Identifier])
@pytest.mark.parametrize("value", ["a\x00b", "\x00", "\ud800", "a\udfffb"])
def test_text_that_postgres_or_utf8_cannot_hold_is_refused(kind: Any, value: str) -> None:
    refuses(kind, value)


@pytest.mark.parametrize("kind", [t.Text, t.ShortText])
def test_other_text_is_kept_as_it_is(kind: Any) -> None:
    for value in ("", "ä€😀", "\n\t\x01\x7f", "'; DROP TABLE job; --", "\u202e", "\ufffe"):
        assert accepts(kind, value) == value


@pytest.mark.parametrize("value", [True, 1.0, "1", None, 1.5, [1], b"1"])
@pytest.mark.parametrize("kind", [t.BigId, t.Count, t.Whole, t.RowVersion])
def test_only_whole_numbers_are_whole_numbers(kind: Any, value: Any) -> None:
    refuses(kind, value)


@pytest.mark.parametrize(
    ("kind", "low", "high"), [(t.BigId, 1, 2**63 - 1), (t.Count, 1, 1_000_000), (t.Whole, -(2**31), 2**31 - 1)]
)
def test_numbers_stay_within_their_columns(kind: Any, low: int, high: int) -> None:
    assert [accepts(kind, low), accepts(kind, high)] == [low, high]
    for beyond in (low - 1, high + 1, -(2**63) - 1, 2**63, 10**400):
        refuses(kind, beyond)


@pytest.mark.parametrize("path", ["a", "run/1", "a/./b", "a//b", ".hidden", "..a/b..", "ä b"])
def test_a_path_inside_is_kept(path: str) -> None:
    assert accepts(t.InsidePath, path) == path


@pytest.mark.parametrize(
    "path",
    ["", ".", "..", "../x", "a/../../x", "a/..", "/etc/passwd", "//x", "~root/x", "a\\..\\b", "x" * 257, "a\x00"],
)
def test_a_path_that_leaves_the_data_folder_is_refused(path: str) -> None:
    refuses(t.InsidePath, path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 2**63, -(2**63) - 1, 10**400])
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {"k": {"l": [v]}}])
def test_json_that_does_not_come_back_is_refused(value: Any, wrap: Any) -> None:
    refuses(t.JsonValue, wrap(value))


@pytest.mark.parametrize("value", ["\x00", "\ud800"])
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {v: 1}, lambda v: {"k": [{v: 1}]}])
def test_bad_text_is_refused_anywhere_in_json(value: str, wrap: Any) -> None:
    refuses(t.JsonValue, wrap(value))


def test_json_may_be_nested_so_deep_and_no_deeper() -> None:
    accepts(t.JsonValue, nested(t.MAX_DEPTH))
    for levels in (t.MAX_DEPTH + 1, 64, 500):
        refuses(t.JsonValue, nested(levels), "nested deeper")
        refuses(t.JsonObject, {"k": nested(levels)}, "nested deeper")


def test_json_keeps_its_numbers() -> None:
    for value in (2**63 - 1, -(2**63), 1e308, 5e-324, -0.5, True, None, ""):
        assert accepts(t.JsonValue, value) == value


def test_tags_are_bounded_in_number_and_length() -> None:
    assert accepts(t.Tags, {"k" * 200: "v" * 1024})
    for bad in (
        {"k" * 201: ""},
        {"k": "v" * 1025},
        {str(i): "" for i in range(257)},
        {"k": 1},
        {"\x00": ""},
        {"k": "\x00"},
    ):
        refuses(t.Tags, bad)


@pytest.mark.parametrize(
    "text",
    ["2026-01-31T12:00:00Z", "2026-01-31 12:00Z", "2026-01-31T12:00:00+05:00", "9999-12-31T23:59:59Z"],
)
def test_times_come_out_in_utc(text: str) -> None:
    assert accepts(t.UtcTime, text).tzinfo == UTC


@pytest.mark.parametrize("text", ["2026-01-31", "2026-01-31T12:00:00", "2026-01-31 12:00", datetime(2026, 1, 31)])
def test_a_time_without_a_zone_is_refused_and_never_taken_as_utc(text: Any) -> None:
    with pytest.raises(ValidationError, match="names no time zone; add Z for UTC, or an offset"):
        accepts(t.UtcTime, text)


@pytest.mark.parametrize(
    "value",
    [
        0,
        1.5,
        True,
        "0",
        "1769860800",
        "now",
        "",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "10000-01-01",
        {},
    ],
)
def test_what_is_no_time_is_refused_and_never_taken_for_seconds(value: Any) -> None:
    refuses(t.UtcTime, value)


# ---- declarations ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: r.entity)
def test_every_field_is_explained_and_every_filter_too(resource: Resource) -> None:
    assert not [n for n, f in resource.fields.items() if not f.description and not f.mark.secret and n != "owner_id"]
    assert not [f.name for f in resource.filters.values() if not f.description]


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: r.entity)
def test_secrets_and_owners_leave_by_no_door(resource: Resource) -> None:
    hidden = {n for n, f in resource.fields.items() if f.mark.secret} | {"owner_id"}
    assert not hidden & {*resource.visible, *resource.filters, *resource.orderings, *resource.update_keys}
    assert not hidden & set(resource.create_model.model_fields)


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: r.entity)
def test_what_the_server_sets_nobody_writes(resource: Resource) -> None:
    servers = {
        "id",
        "version",
        "creation_date",
        "last_update",
        "session_id",
        "lease_epoch",
        "attempt",
        "cancel_requested",
    }
    assert not servers & {*resource.update_keys, *resource.create_model.model_fields}


def test_a_patch_tells_absent_from_null() -> None:
    assert JOBS.patch_adapter.validate_python({}) == {}
    assert JOBS.patch_adapter.validate_python({"return_value": None}) == {"return_value": None}
    for bad in ({"tags": None}, {"num_nodes": None}, {"id": 3}, {"nodes": 3}):
        with pytest.raises(ValidationError):
            JOBS.patch_adapter.validate_python(bad)


def test_a_row_of_a_bulk_update_names_its_id() -> None:
    assert JOBS.row_patches_adapter.validate_python([{"id": 3, "if_version": 2}]) == [{"id": 3, "if_version": 2}]
    for bad in (
        [{"num_nodes": 2}],
        [{"id": 3, "if_version": 0}],
        [{"id": 3, "if_version": "2"}],
        [{"id": True}],
        {"id": 3},
    ):
        with pytest.raises(ValidationError):
            JOBS.row_patches_adapter.validate_python(bad)
