"""Selectors mean what they say, and nothing is acted on by accident."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from fakes.rest import Script, client_of, rows
from storax import App, Job, Site
from storax.cli.terminal.failures import CommandError, UsageError
from storax.cli.terminal.parse import pairs, span, values, when
from storax.cli.terminal.select import Selection, one_id
from storax.errors import InvalidInput


@pytest.fixture
def script():
    script = Script()
    script.on("POST", "/jobs/query", {"columns": ["id"], "rows": [[77]], "next": None, "count": None})
    script.on("POST", "/sites/query", {"columns": ["name", "id"], "rows": [["laptop", 3]], "next": None, "count": None})
    script.on("POST", "/apps/query", {"columns": ["id"], "rows": [[5], [6]], "next": None, "count": None})
    with client_of(script):
        yield script


def filters_of(*selectors, **options):
    """The filters that a selection asks the server for."""
    return Selection.of(list(selectors) or None, **options).query()._plan.where


@pytest.mark.parametrize(
    ("selectors", "filters"),
    [
        (["12"], {"id": [12]}),
        (["12", "14"], {"id": [12, 14]}),
        (["3-6"], {"id__gt": 2, "id__lt": 7}),
        (["1-1000000"], {"id__gt": 0, "id__lt": 1_000_001}),
        (["1-3,9", "2"], {"id": [1, 2, 3, 9]}),
        (["last"], {"id": [77]}),
        ([], {}),
    ],
)
def test_ids_and_ranges(script, selectors, filters):
    assert filters_of(*selectors) == filters


def test_tags_states_sites_and_apps_are_filters(script):
    filters = filters_of(tags=["a=1", "b=x=y"], states=["failed,RUNNING"], sites=["laptop"], apps=["Hello"])
    assert filters == {"tags": {"a": "1", "b": "x=y"}, "state": ["FAILED", "RUNNING"], "site_id": [3], "app_id": [5, 6]}
    assert script.bodies("/apps/query")[0]["filter"] == {"site_id": [3], "name": "Hello"}


def test_ids_of_sites_and_apps_ask_nobody(script):
    assert filters_of(sites=["3"], apps=["5"]) == {"site_id": [3], "app_id": [5]}
    assert script.requests == []


@pytest.mark.parametrize("word", ["x", "5-2", "-3", "1.5", "1-", "last-1"])
def test_what_is_no_selector_is_refused(script, word):
    with pytest.raises(UsageError, match="is not a job"):
        filters_of(word)


def test_a_misspelt_state_names_the_nearest(script):
    with pytest.raises(InvalidInput, match="FAILED"):
        filters_of(states=["FAILD"])


def test_an_unknown_app_names_the_nearest(script):
    script.on(
        "POST",
        "/apps/query",
        {"columns": ["id"], "rows": [], "next": None, "count": None},
        {"columns": ["name"], "rows": [["Hello"]], "next": None, "count": None},
    )
    with pytest.raises(CommandError, match="no App 'Helo'") as refused:
        filters_of(apps=["Helo"])
    assert (refused.value.status, refused.value.hint) == (3, "Did you mean 'Hello'?")


def test_an_unknown_site_is_not_found(script):
    with pytest.raises(CommandError) as refused:
        filters_of(sites=["lapto"])
    assert (refused.value.status, refused.value.hint) == (3, "Did you mean 'laptop'?")


def test_too_many_single_ids_are_refused_before_they_are_sent(script):
    with pytest.raises(UsageError, match="more than"):
        filters_of("1-20000,30000")


def test_no_selection_is_never_everything_where_it_matters():
    with pytest.raises(UsageError, match="No job is selected"):
        Selection.of(None).require("rm")
    assert Selection.of(["1"]).require("rm").selectors == ["1"]


def test_a_selection_says_what_it_is():
    assert (
        str(Selection.of(["1-3"], ["a=1"], ["FAILED"], ["s"], ["A"])) == "1-3 --tag a=1 --state FAILED --site s --app A"
    )
    assert str(Selection.of(None)) == "all jobs"


def test_one_job_is_one_job(script):
    assert (one_id("9"), one_id("last")) == (9, 77)
    with pytest.raises(UsageError, match="more than one"):
        one_id("1-3")


def test_last_without_a_job_is_not_found(script):
    script.on("POST", "/jobs/query", {"columns": ["id"], "rows": [], "next": None, "count": None})
    with pytest.raises(CommandError) as refused:
        one_id("last")
    assert refused.value.status == 3


def test_parameters_are_text_unless_marked_as_json():
    texts = ["a=1", "b:=1", "c:=[1, 2]", "d=x=y", "e=", "version=1.10"]
    assert values(texts, "--param") == {"a": "1", "b": 1, "c": [1, 2], "d": "x=y", "e": "", "version": "1.10"}


@pytest.mark.parametrize("text", ["x", "=1", ":=1", "a:=x"])
def test_what_is_no_parameter_is_refused(text):
    with pytest.raises(UsageError, match=r"NAME=VALUE|JSON"):
        values([text], "--param")


def test_what_is_no_tag_is_refused():
    assert pairs(["a=b"], "--tag") == {"a": "b"}
    with pytest.raises(UsageError, match="KEY=VALUE"):
        pairs(["a"], "--tag")


def test_moments_without_a_zone_are_local(monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert when("2026-01-01T12:00") == datetime(2026, 1, 1, 17, tzinfo=UTC)
        assert when("2026-07-01") == datetime(2026, 7, 1, 4, tzinfo=UTC)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_moments_and_spans():
    now = datetime(2026, 1, 2, tzinfo=UTC)
    assert when("2h", now=now) == now - timedelta(hours=2)
    assert when("2026-01-01T00:00:00Z") == datetime(2026, 1, 1, tzinfo=UTC)
    assert when("2026-01-01") == datetime(2026, 1, 1).astimezone()
    assert (span("90"), span("1.5m"), span("2h"), span("1d")) == (90, 90, 7200, 86400)
    for wrong in ("soon", "", "h", "-"):
        with pytest.raises(UsageError):
            when(wrong)
        with pytest.raises(UsageError):
            span(wrong)


def test_the_models_have_the_columns_that_are_listed():
    from storax.cli.app import APPS
    from storax.cli.job.show import JOBS
    from storax.cli.queue import QUEUE
    from storax.cli.transfer import TRANSFERS
    from storax.models.batch_job import BatchJob
    from storax.models.transfer_item import TransferItem

    for listing, model in ((JOBS, Job), (APPS, App), (QUEUE, BatchJob), (TRANSFERS, TransferItem)):
        assert {*listing.narrow, *listing.wide} <= {
            *model._columns,
            *listing.computed,
            *listing.fetched,
            "app",
            "site",
        }, listing.noun
    assert rows(Site)["columns"]
