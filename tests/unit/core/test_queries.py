"""Filters, orderings and cursors compile to SQL that names only what was declared; values travel as parameters."""

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from storax_core.errors import Invalid
from storax_core.queries import filters, ordering, select, statements
from storax_core.resources import EVENTS, JOBS, RESOURCES, SITES, TRANSFERS, Resource
from storax_core.resources.base import FilterSpec

EVIL = "x'; DROP TABLE job; --"
ALL = [(r, f) for r in RESOURCES for f in r.filters.values()]


@dataclass
class Where:
    """A compiled condition and its arguments."""

    sql: str
    params: list[Any]


def where(resource: Resource, exclude: list[dict[str, Any]] | None = None, **options: Any) -> Where:
    selection = filters.selection_of(resource, 42, options, exclude or [])
    statement = statements.count(resource.entity, selection.shape)
    return Where(statement.sql.partition("WHERE ")[2], statement.arguments(selection.values))


def condition(resource: Resource, exclude: list[dict[str, Any]] | None = None, **options: Any) -> str:
    """All behind the condition on the owner."""
    return where(resource, exclude, **options).sql.partition(" AND ")[2]


def refused(resource: Resource, exclude: list[dict[str, Any]] | None = None, **filters: Any) -> Invalid:
    with pytest.raises(Invalid) as refusal:
        where(resource, exclude, **filters)
    return refusal.value


def sample(spec: FilterSpec) -> Any:
    """A value that fits, as a URL would carry it."""
    _, _, choices = filters._adapter(spec)
    if choices:
        return choices[0]
    for value in ("2026-01-31T12:00:00Z", "7", "true", "6a1b0c9e-6a83-4d5c-8f4e-0d8f1f4a5b6c", {"k": "v"}):
        try:
            filters._adapter(spec)[0].validate_python(value)
        except ValueError:
            continue
        return value
    raise AssertionError(spec)


# Filters that select ids: with them no index on the owner answers, in any plan.
KEYED = {("job", "tags"), ("job", "parent_id"), ("job", "root_cause_of")}


@pytest.mark.parametrize(("resource", "spec"), ALL, ids=[f"{r.entity}-{f.name}" for r, f in ALL])
def test_every_filter_compiles_and_its_value_is_a_parameter(resource: Resource, spec: FilterSpec) -> None:
    built = where(resource, [{spec.name: sample(spec)}], **{spec.name: sample(spec)})
    places = [int(p) for p in re.findall(r"\$(\d+)", built.sql)]
    assert set(places) == set(range(1, len(built.params) + 1))
    assert built.params[0] == 42
    keyed = spec.name == "id" or (resource.entity, spec.name) in KEYED
    compared = "IS NOT DISTINCT FROM" if keyed else "="
    assert built.sql.startswith(tuple(f"{table}.owner_id {compared} $1::BIGINT AND " for table in "st"))


@pytest.mark.parametrize(("resource", "spec"), ALL, ids=[f"{r.entity}-{f.name}" for r, f in ALL])
def test_no_value_becomes_sql(resource: Resource, spec: FilterSpec) -> None:
    for value in (EVIL, [EVIL], {EVIL: EVIL}):
        try:
            built = where(resource, **{spec.name: value}).sql
        except Invalid as error:
            built = error.detail.replace(repr(str(value)[:80]), "").replace(repr(EVIL), "")
        assert EVIL not in built


def test_a_scalar_equals_a_list_is_any_of_and_null_is_null() -> None:
    assert condition(JOBS, num_nodes=3) == "s.num_nodes = ANY ($2::INTEGER[])"
    assert where(JOBS, num_nodes=[3, 4]).params[1] == [3, 4]
    assert where(JOBS, num_nodes=[]).params[1] == []
    assert condition(JOBS, session_id=None) == "(s.session_id IS NULL OR s.session_id = ANY ($2::BIGINT[]))"
    assert where(JOBS, session_id=[None, 5]).params[1] == [5]


def test_not_equal_keeps_rows_that_have_no_value() -> None:
    assert condition(JOBS, return_code__ne=0) == "NOT coalesce(s.return_code = ANY ($2::INTEGER[]), false)"


def test_an_exclusion_is_not_all_of_its_filters_and_keeps_unknowns() -> None:
    unless = condition(JOBS, [{"state": "FAILED", "return_code": 1}, {}])
    assert unless == "NOT coalesce(s.state = ANY ($2::TEXT[]) AND s.return_code = ANY ($3::INTEGER[]), false)"


@pytest.mark.parametrize(
    ("name", "near"),
    [("stat", "state"), ("satte", "state"), ("num_node", "num_nodes"), ("last_update_befor", "last_update_before")],
)
def test_a_misspelt_filter_is_refused_with_the_nearest_name(name: str, near: str) -> None:
    assert refused(JOBS, **{name: "x"}).hint == f"Did you mean {near!r}?"
    assert refused(JOBS, [{name: "x"}]).hint == f"Did you mean {near!r}?"


@pytest.mark.parametrize(
    ("resource", "name", "value", "near"),
    [(JOBS, "state", "FAILD", "FAILED"), (JOBS, "state__ne", ["RUNING"], "RUNNING"), (TRANSFERS, "job_state", "REDY", "READY"),
     (EVENTS, "to_state", "FAILD", "FAILED"), (EVENTS, "from_state", ["queud"], "queued"), (EVENTS, "entity", "jobs", "job"),
     (EVENTS, "type", "job.state_change", "job.state_changed"), (TRANSFERS, "direction", "inn", "in")],
)  # fmt: skip
def test_a_misspelt_word_is_refused_with_the_nearest(resource: Resource, name: str, value: Any, near: str) -> None:
    assert near in refused(resource, **{name: value}).hint


@pytest.mark.parametrize("field", ["ordering", "fields"])
def test_a_misspelt_field_is_refused_with_the_nearest(field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        ordering.keys_of(JOBS, ["last_updat"]) if field == "ordering" else select.columns_of(JOBS, ["last_updat"])
    assert refusal.value.hint == "Did you mean 'last_update'?"


def test_text_from_a_url_becomes_the_fields_own_type() -> None:
    assert where(JOBS, num_nodes="3").params[1] == [3]
    assert where(JOBS, gpus_per_rank__gt="0.5").params[1] == 0.5
    assert where(JOBS, cancel_requested="true").params[1] == [True]
    assert where(JOBS, last_update_before="2026-01-31T12:00:00Z").params[1] == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert where(JOBS, parent_id="5").params[1] == [5]


@pytest.mark.parametrize("value", ["5x", "", "1.5", True, 1.5, 2**63, "9" * 400, -(2**63) - 1, {}, [[1]], "nan"])
def test_what_is_no_number_of_the_column_is_refused(value: Any) -> None:
    refused(JOBS, id=value)
    refused(JOBS, parent_id=value)
    refused(EVENTS, job_id=value)


def test_numbers_beyond_a_fields_range_may_bound_a_range() -> None:
    assert where(JOBS, num_nodes__gt=0).params[1] == 0
    assert where(JOBS, num_nodes__gt=-5).params[1] == -5
    refused(JOBS, num_nodes__gt=2**31)


@pytest.mark.parametrize("value", ["nan", "inf", "-Infinity", True, "x"])
def test_a_filter_takes_finite_numbers(value: Any) -> None:
    refused(JOBS, gpus_per_rank__gt=value)


@pytest.mark.parametrize("value", ["a\x00b", "\ud800"])
def test_a_filter_takes_text_that_postgres_can_hold(value: str) -> None:
    refused(JOBS, workdir=value)
    refused(JOBS, workdir__contains=value)
    refused(JOBS, tags={"k": value})
    refused(JOBS, tags={value: "v"})
    refused(JOBS, parameters={"k": [value]})
    refused(JOBS, app_name=value)


def test_a_filter_is_not_nested_for_ever() -> None:
    deep: Any = 1
    for _ in range(64):
        deep = [deep]
    refused(JOBS, data={"k": deep})


@pytest.mark.parametrize(
    "filters", [{"num_nodes__gt": [1]}, {"tags": [{"k": "v"}]}, {"tags": "k:v"}, {"workdir__contains": ["a"]},
                {"num_nodes__gt": None}, {"workdir__contains": None}, {"tags": None}, {"parent_id": None}, {"session_id__isnull": None}],
)  # fmt: skip
def test_a_value_of_the_wrong_shape_is_refused(filters: dict[str, Any]) -> None:
    refused(JOBS, **filters)


def test_a_filter_of_one_value_takes_no_list() -> None:
    refused(EVENTS, tags=[{"k": "v"}])
    refused(SITES, path__contains=["a"])


def test_an_ordering_ends_with_the_unique_key() -> None:
    def keys(*names: str) -> list[tuple[str, bool]]:
        return [(o.name, o.down) for o in ordering.keys_of(JOBS, names)]

    assert keys() == [("id", False)]
    assert keys("-last_update") == [("last_update", True), ("id", True)]
    assert keys("state", "-id") == [("state", False), ("id", True)]
    assert [o.name for o in ordering.keys_of(EVENTS, ["-id"])] == ["position"]
    assert [(o.name, o.down) for o in ordering.keys_of(EVENTS, [])] == [("position", True)]


def tampered() -> list[str]:
    def pack(value: Any) -> str:
        return base64.urlsafe_b64encode(orjson.dumps(value)).decode()

    good = [["-last_update", "-id"], ["2026-01-31T12:00:00+00:00", 5]]
    return [
        "", "x", "AAAA", "\u00e9", "=" * 9, pack(None), pack(5), pack([]), pack([[], []]), pack({"a": 1, "b": 2}),
        pack([good[0], [None, None]]), pack([good[0], ["2026-01-31T12:00:00+00:00"]]), pack([good[0], [5, 5]]),
        pack([good[0], ["tomorrow", 5]]), pack([good[0], ["2026-01-31T12:00:00+00:00", "5"]]),
        pack([good[0], ["2026-01-31T12:00:00+00:00", True]]), pack([good[0], ["2026-01-31T12:00:00+00:00", 1.5]]),
        pack([["id"], [5]]), pack([["last_update", "id"], good[1]]), pack([*good, 1]),
    ]  # fmt: skip


@pytest.mark.parametrize("cursor", tampered())
def test_a_cursor_that_was_tampered_with_is_refused(cursor: str) -> None:
    keys = ordering.keys_of(JOBS, ["-last_update"])
    with pytest.raises(Invalid) as refusal:
        ordering.decode(cursor, keys)
    assert refusal.value.hint


def test_a_cursor_comes_back_as_it_was() -> None:
    keys = ordering.keys_of(JOBS, ["-last_update", "workdir"])
    values = [datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC), "ä\n'", 5]
    assert ordering.decode(ordering.encode(keys, values), keys) == values


def test_fields_asked_twice_are_read_once() -> None:
    assert select.columns_of(JOBS, ["id", "state", "id"] * 3000) == ("id", "state")


def test_queries_that_differ_in_values_alone_share_one_statement() -> None:
    first = filters.selection_of(JOBS, 1, {"state": "FAILED", "num_nodes__gt": 1})
    second = filters.selection_of(JOBS, 2, {"state": ["READY", "RUNNING"], "num_nodes__gt": 7})
    assert statements.ids("job", first.shape) is statements.ids("job", second.shape)


@pytest.mark.parametrize(
    ("resource", "filters", "column", "select"),
    [
        (JOBS, {"tags": {"k": "v"}}, "s.id", "SELECT jobs_with_tags(($2)::jsonb)"),
        (JOBS, {"app_name": "a"}, "t.app_id", "SELECT id FROM app WHERE name = ANY(($2)::text[])"),
        (TRANSFERS, {"job_state": "FAILED"}, "t.job_id", "SELECT id FROM job_state WHERE state = ANY(($2)::text[])"),
    ],
)
def test_ids_that_a_filter_selects_are_looked_up_and_those_to_leave_out_are_hashed(
    resource: Resource, filters: dict[str, Any], column: str, select: str
) -> None:
    assert condition(resource, **filters) == f"{column} = ANY(ARRAY({select}))"
    assert f"NOT coalesce({column} IN ({select}), false)" in where(resource, [filters]).sql


def test_a_filter_of_the_wide_table_alone_makes_a_count_read_it() -> None:
    def tables(**options: Any) -> str:
        shape = filters.selection_of(JOBS, 1, options).shape
        return statements.count("job", shape).sql.partition("FROM ")[2].partition("WHERE")[0].strip()

    assert tables(state="FAILED", parent_id=5, site_name="x", tags={"k": "v"}) == "job_state AS s"
    assert tables(app_name="x") == tables(workdir="w") == "job_state AS s JOIN job AS t ON t.id = s.id"


def test_a_page_behind_skipped_rows_is_found_before_wide_rows_are_read() -> None:
    shape = filters.selection_of(JOBS, 1, {}).shape
    sql = statements.page(
        "job", shape, ("id", "workdir"), ordering.keys_of(JOBS, ["-priority"]), 11, cursor=False, skips=True
    ).sql
    assert " ".join(sql.split()).startswith(
        "SELECT s.id, t.workdir, s.priority AS k0, s.id AS k1 FROM (SELECT s.id AS id FROM job_state AS s"
        " WHERE s.owner_id = $1::BIGINT ORDER BY s.priority DESC, s.id DESC LIMIT 11 OFFSET $2::BIGINT) AS page"
    )


def test_more_filters_than_postgres_has_parameters_for_are_refused() -> None:
    assert "at most" in refused(JOBS, [{"state": "FAILED"}] * 33_000).detail


def test_a_query_of_very_many_filters_stays_in_no_memory() -> None:
    shape = filters.selection_of(JOBS, 1, {}, [{"id": 1}] * 100).shape
    assert statements.count("job", shape) is not statements.count("job", shape)
