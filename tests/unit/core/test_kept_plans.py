"""Which queries keep their plan: one plan must be right for every value, and for every store."""

from typing import Any

import pytest

from storax_core.queries.plans import is_kept
from storax_core.queries.query import Query
from storax_core.resources import APPS, BATCH_JOBS, EVENTS, JOBS, Resource

KEPT: list[tuple[Resource, dict[str, Any]]] = [
    (JOBS, {"filter": {"id": [1, 2]}}),
    (JOBS, {"filter": {"id": 1, "tags": {"a": "b"}}, "ordering": ["-priority"]}),
    (JOBS, {"filter": {"parent_id": [1]}}),
    (JOBS, {"ordering": ["-last_update"]}),
    (JOBS, {"ordering": ["last_update"], "cursor": "x"}),
    (JOBS, {"limit": 0, "count": True, "filter": {"state": "FAILED"}}),
    (EVENTS, {}),
    (BATCH_JOBS, {}),
]
PLANNED_ANEW: list[tuple[Resource, dict[str, Any]]] = [
    (JOBS, {}),  # no index has an owner's jobs by id: the primary key would go through those of others
    (JOBS, {"ordering": ["-priority"]}),
    (JOBS, {"ordering": ["-last_update", "id"]}),  # no index runs both ways
    (JOBS, {"filter": {"state": "FAILED"}}),
    (JOBS, {"filter": {"id": [1], "state": "FAILED"}}),
    (JOBS, {"filter": {"id": [1]}, "as_of": 5}),
    (JOBS, {"filter": {"id": [1]}, "exclude": [{"tags": {"a": "b"}}]}),
    (JOBS, {"ordering": ["-last_update"], "offset": 10}),
    (JOBS, {"limit": 0, "count": True, "filter": {"app_id": 1}}),
    (APPS, {"limit": 0, "count": True}),
    (EVENTS, {"filter": {"actor": "user:1"}}),
]


@pytest.mark.parametrize(("resource", "query"), KEPT)
def test_a_query_by_key_or_in_an_index_s_order_keeps_its_plan(resource: Resource, query: dict[str, Any]) -> None:
    assert is_kept(resource, Query(**query))


@pytest.mark.parametrize(("resource", "query"), PLANNED_ANEW)
def test_a_query_whose_best_plan_depends_on_its_values_is_planned_anew(
    resource: Resource, query: dict[str, Any]
) -> None:
    assert not is_kept(resource, Query(**query))
