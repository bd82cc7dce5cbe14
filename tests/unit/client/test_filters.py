"""Filters: checked before anything is sent, combined with AND, never silently matching everything."""

import time
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from fakes.rest import Script, job, rows
from storax import App, EventLog, Job, Site, errors
from storax._orm.rows import from_object
from storax.errors import InvalidInput


@pytest.fixture
def script():
    return Script().on("POST", "/jobs/query", rows(Job))


def sent(script, query):
    list(query)
    return script.last.body["filter"] if script.requests else "nothing asked"


@pytest.mark.parametrize(
    ("name", "right"),
    [("stat", "state"), ("last_update_befor", "last_update_before"), ("num_node", "num_nodes"), ("tag", "tags")],
)
@pytest.mark.parametrize("verb", ["filter", "exclude", "get"])
def test_an_unknown_filter_is_an_error_at_once(client, script, verb, name, right):
    with pytest.raises(errors.UnknownName, match=f"Job has no filter '{name}'. Did you mean '{right}'") as caught:
        getattr(Job.objects, verb)(**{name: 1})
    assert isinstance(caught.value, TypeError)
    assert script.requests == []


@pytest.mark.parametrize(("name", "form"), [("id__in", "id=[...]"), ("state__exact", "state=...")])
def test_a_lookup_of_django_is_answered_with_its_form_here(name, form):
    with pytest.raises(errors.UnknownName, match=f"Job has no filter '{name}'") as caught:
        Job.objects.filter(**{name: 1})
    assert form in caught.value.hint


@pytest.mark.parametrize("value", ["FALED", ["FAILED", "FALED"]])
def test_an_unknown_state_is_an_error_at_once(client, value):
    with pytest.raises(
        errors.InvalidInput, match=r"Filter state of Job: 'FALED' is not one of its values. Did you mean 'FAILED'"
    ):
        Job.objects.filter(state=value)


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"id": "five"}, "Filter id of Job: 'five' does not fit"),
        ({"num_nodes__gte": [1, 2]}, "it takes one value, not several"),
        ({"tags": "noColon"}, "'noColon' is no key and value"),
        ({"last_update_after": "yesterday"}, "no ISO 8601 time"),
        ({"id": [1, None]}, "None does not go with other values"),
    ],
)
def test_a_value_of_the_wrong_type_is_an_error_at_once(client, filters, message):
    with pytest.raises(errors.InvalidInput, match=message):
        Job.objects.filter(**filters)


@pytest.mark.parametrize("empty", [[], (), set(), frozenset(), range(0), iter([]), {}.keys()])
def test_an_empty_collection_matches_nothing_and_asks_nothing(client, script, empty):
    query = Job.objects.filter(id=empty)
    assert (list(query), query.count(), query.first(), query.exists()) == ([], 0, None, False)
    assert (query.filter(state="FAILED").delete(), query.update(num_nodes=2), query.cancel()) == (0, 0, 0)
    assert (query.values("id"), query.counts(), query.in_bulk()) == ([], {}, {})
    with pytest.raises(Job.DoesNotExist):
        query.get()
    with pytest.raises(IndexError):
        query[0]
    assert script.requests == []


def test_an_empty_collection_excludes_nothing(client, script):
    list(Job.objects.exclude(id=[], state="FAILED"))
    assert "exclude" not in script.last.body


def test_none_means_null(client, script):
    assert sent(script, Job.objects.filter(session_id=None)) == {"session_id": None}
    assert sent(script, Job.objects.filter(return_code__isnull=False)) == {"return_code__isnull": False}


@pytest.mark.parametrize("many", [[1, 2], (1, 2), range(1, 3), (i for i in (1, 2)), {1: 0, 2: 0}.keys()])
def test_any_collection_means_any_of_these(client, script, many):
    assert sent(script, Job.objects.filter(id=many)) == {"id": [1, 2]}


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", "2026-01-01T12:00:00Z"),
        ("America/New_York", "2026-01-01T17:00:00Z"),
        ("Asia/Kolkata", "2026-01-01T06:30:00Z"),
    ],
)
def test_times_without_a_zone_are_local(client, script, monkeypatch, zone, expected):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        for noon in (datetime(2026, 1, 1, 12), "2026-01-01 12:00", "2026-01-01T12:00:00"):
            assert sent(script, Job.objects.filter(last_update_after=noon)) == {"last_update_after": expected}
        midnight = {"last_update_before": datetime(2026, 1, 1).astimezone(UTC).isoformat().replace("+00:00", "Z")}
        for day in (date(2026, 1, 1), "2026-01-01"):
            assert sent(script, Job.objects.filter(last_update_before=day)) == midnight
    finally:
        monkeypatch.undo()
        time.tzset()


def test_times_with_a_zone_are_sent_in_utc(client, script):
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    expected = {"last_update_after": "2026-01-01T12:00:00Z"}
    for moment in (noon, noon.astimezone(timezone(timedelta(hours=2))), "2026-01-01 14:00+02:00"):
        assert sent(script, Job.objects.filter(last_update_after=moment)) == expected
    with pytest.raises(InvalidInput, match="outside the years"):
        Job.objects.filter(last_update_after=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))).count()


def test_things_stand_for_their_ids(client, script):
    app, one = from_object(App, {"id": 3, "name": "A"}, client), from_object(Job, job(9), client)
    assert sent(script, Job.objects.filter(app_id=app, parent_id=[one, 4])) == {"app_id": 3, "parent_id": [9, 4]}


def test_tags_are_taken_as_a_dict_and_as_in_balsam(client, script):
    for tags in ({"a": "1", "b": "2"}, ["a:1", "b:2"]):
        assert sent(script, Job.objects.filter(tags=tags)) == {"tags": {"a": "1", "b": "2"}}
    assert sent(script, Job.objects.filter(tags="a:x:y")) == {"tags": {"a": "x:y"}}


def test_chained_filters_are_those_of_one_call(client, script):
    chained = Job.objects.all().filter(tags={"experiment": "foo"}).filter(state="FAILED")
    assert sent(script, chained) == sent(script, Job.objects.filter(tags={"experiment": "foo"}, state="FAILED"))


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        ({"state": ["FAILED", "RUNNING"]}, {"state": ["RUNNING", "READY"]}, {"state": ["RUNNING"]}),
        ({"state": "FAILED"}, {"state": ["FAILED", "READY"]}, {"state": "FAILED"}),
        ({"state__ne": "FAILED"}, {"state__ne": "READY"}, {"state__ne": ["FAILED", "READY"]}),
        ({"num_nodes__gt": 2}, {"num_nodes__gt": 4}, {"num_nodes__gt": 4}),
        ({"num_nodes__lte": 2}, {"num_nodes__lte": 4}, {"num_nodes__lte": 2}),
        ({"tags": {"a": "1"}}, {"tags": {"b": "2"}}, {"tags": {"a": "1", "b": "2"}}),
        ({"data": {"a": {"x": 1}}}, {"data": {"a": {"y": [2]}}}, {"data": {"a": {"x": 1, "y": [2]}}}),
        ({"workdir__contains": "a"}, {"workdir__contains": "a"}, {"workdir__contains": "a"}),
    ],
)
def test_two_filters_on_one_field_both_hold(client, script, first, second, both):
    assert sent(script, Job.objects.filter(**first).filter(**second)) == both


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"state": "FAILED"}, {"state": "READY"}),
        ({"id": [1, 2]}, {"id": [3]}),
        ({"session_id": None}, {"session_id": 4}),
        ({"tags": {"a": "1"}}, {"tags": {"a": "2"}}),
        ({"return_code__isnull": True}, {"return_code__isnull": False}),
    ],
)
def test_filters_that_contradict_each_other_match_nothing(client, script, first, second):
    assert list(Job.objects.filter(**first).filter(**second)) == []
    assert script.requests == []


def test_a_filter_that_cannot_be_combined_is_refused(client):
    with pytest.raises(errors.InvalidInput, match="workdir__contains of Job stands twice"):
        Job.objects.filter(workdir__contains="a").filter(workdir__contains="b")


def test_each_exclusion_stands_for_itself(client, script):
    list(Job.objects.exclude(state="FAILED", num_nodes=2).exclude(tags={"a": "1"}))
    assert script.last.body["exclude"] == [{"state": "FAILED", "num_nodes": 2}, {"tags": {"a": "1"}}]


def test_an_unknown_ordering_is_an_error_at_once(client):
    with pytest.raises(
        errors.UnknownName, match=r"Job cannot be ordered by '-lastupdate'. Did you mean '-last_update'\?"
    ):
        Job.objects.order_by("-lastupdate")


@pytest.mark.parametrize("model", [Site, App, Job, EventLog])
def test_every_declared_filter_has_a_kind(model):
    from storax._orm.kinds import kind_of

    assert all(callable(kind_of(f.annotation).accept) for f in model._spec.filters.values())


def test_paths_and_enumerations_pass_as_text(client, script):
    from enum import StrEnum

    class Word(StrEnum):
        FAILED = "FAILED"

    assert sent(script, Job.objects.filter(state=Word.FAILED)) == {"state": "FAILED"}
    assert sent(script, Job.objects.filter(workdir=Path("a") / "b")) == {"workdir": "a/b"}
