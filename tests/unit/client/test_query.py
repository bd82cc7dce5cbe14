"""Queries: lazy, cached, immutable, sliced like lists; what they ask and how often."""

import random
import sys

import pytest

from fakes.rest import Script, job, rows
from storax import Job, errors
from storax._orm.query_plan import Window


class Store:
    """Answers pages over jobs 1..n by offset and cursor, as the server does."""

    def __init__(self, number):
        self.jobs = [job(i + 1) for i in range(number)]

    def __call__(self, request):
        body = request.body
        jobs = self.jobs[::-1] if body.get("ordering", [""])[0].startswith("-") else self.jobs
        start = int(body["cursor"]) if "cursor" in body else body.get("offset", 0)
        page = jobs[start : start + body["limit"]]
        following = str(start + len(page)) if len(page) == body["limit"] and page else None
        reply = rows(Job, *page, next_=following, count=len(jobs) if body.get("count") else None)
        if fields := body.get("fields"):
            indices = [reply["columns"].index(f) for f in fields]
            reply = reply | {"columns": fields, "rows": [[r[p] for p in indices] for r in reply["rows"]]}
        return reply


@pytest.fixture
def script():
    return Script().on("POST", "/jobs/query", Store(25))


def ids(jobs):
    return [one.id for one in jobs]


def test_building_a_query_asks_nothing(client, script):
    query = Job.objects.filter(state="FAILED").exclude(num_nodes=2).order_by("-last_update")[3:9]
    assert script.requests == []
    assert query is not query.all()


def test_a_query_is_read_once(client, script):
    query = Job.objects.all()
    assert ids(query) == ids(query) == list(range(1, 26))
    assert (len(query), bool(query), query.count(), query.exists(), query[3].id, query.first().id) == (
        25,
        True,
        25,
        True,
        4,
        1,
    )
    assert ids(query[2:4]) == [3, 4]
    assert query.last().id == 25
    assert len(script.requests) == 1


def test_chaining_leaves_the_first_query_as_it_was(client, script):
    base = Job.objects.filter(state="FAILED")
    base.filter(num_nodes=2).order_by("id")
    list(base)
    assert script.last.body == {"filter": {"state": "FAILED"}, "format": "rows", "limit": 10_000}


def test_the_seeds_slice_asks_for_no_more_than_it_shows(client, script):
    assert len(Job.objects.filter(state="FAILED").order_by("-last_update")[0:10]) == 10
    assert script.last.body["limit"] == 10
    assert script.last.body["ordering"] == ["-last_update"]


@pytest.mark.parametrize("seed", range(60))
def test_slices_of_slices_mean_what_they_mean_for_a_list(client, seed):
    dice = random.Random(seed)
    query, model = Job.objects.all(), list(range(1, 26))
    for _ in range(dice.randint(1, 3)):
        part = slice(dice.choice([None, *range(8)]), dice.choice([None, *range(30)]), dice.choice([None, 1, 2, 3, 7]))
        query, model = query[part], model[part]
    assert query.count() == len(model)
    assert query.exists() == bool(model)
    assert ids(query) == model
    for index in range(3):
        if index < len(model):
            assert query.all()[index].id == model[index]
        else:
            with pytest.raises(IndexError):
                query.all()[index]


@pytest.mark.parametrize("index", [-1, slice(-3, None), slice(None, -1), slice(None, None, -1)])
def test_negative_indices_are_refused_in_words(client, script, index):
    with pytest.raises(errors.InvalidInput, match="no known end"):
        Job.objects.all()[index]
    assert script.requests == []


def test_an_index_that_is_no_number_is_refused(client):
    with pytest.raises(TypeError):
        Job.objects.all()["a"]


def test_a_step_of_zero_is_refused(client):
    with pytest.raises(errors.InvalidInput, match="at least 1"):
        Job.objects.all()[::0]


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda q: q.filter(state="FAILED"), "cannot be filtered. Filter first"),
        (lambda q: q.exclude(state="FAILED"), "cannot be filtered. Exclude first"),
        (lambda q: q.order_by("id"), "cannot be ordered. Order first"),
        (lambda q: q.delete(), r"cannot be deleted. Name its members: Job.objects.filter\(id="),
        (lambda q: q.update(num_nodes=2), r"cannot be updated. Name its members"),
        (lambda q: q.cancel(), r"cannot be cancelled. Name its members"),
        (lambda q: q.counts(), "cannot be counted by value"),
    ],
)
@pytest.mark.parametrize("part", [slice(0, 2), slice(3, None), slice(None, None, 2)])
def test_operations_that_a_slice_does_not_have_are_refused(client, script, act, message, part):
    with pytest.raises(errors.SlicedQuery, match=message) as caught:
        act(Job.objects.all()[part])
    assert isinstance(caught.value, TypeError)
    assert script.requests == []


def test_first_of_nothing_is_none_and_an_index_raises(client, script):
    script.on("POST", "/jobs/query", rows(Job))
    query = Job.objects.filter(state="RUNNING")
    assert query.first() is None
    assert query.last() is None
    with pytest.raises(IndexError, match="no element 0"):
        query[0]


def test_first_and_last_ask_for_one_row(client, script):
    assert (Job.objects.all().first().id, Job.objects.all().last().id, Job.objects.order_by("-id").last().id) == (
        1,
        25,
        1,
    )
    assert [b["limit"] for b in script.bodies("/jobs/query")] == [1, 1, 1]


def test_get_of_none_one_and_many(client, script):
    script.on("POST", "/jobs/query", rows(Job), rows(Job, job(1)), rows(Job, job(1), job(2)))
    with pytest.raises(Job.DoesNotExist, match=r"No Job matches tags={'system': 'H2O'}"):
        Job.objects.get(tags={"system": "H2O"})
    assert Job.objects.get(tags={"system": "H2O"}).id == 1
    with pytest.raises(Job.MultipleObjectsReturned, match="More than one Job matches"):
        Job.objects.get(tags={"system": "H2O"})
    assert script.last.body["limit"] == 2


def test_get_by_id_reads_that_one(client, script):
    script.on("GET", "/jobs/7", job(7))
    assert Job.objects.get(id=7).id == 7
    assert len(script.requests) == 1


def test_get_of_a_slice_takes_its_one_element(client):
    assert Job.objects.all()[4:5].get().id == 5
    with pytest.raises(errors.SlicedQuery):
        Job.objects.all()[4:6].get(state="FAILED")


def test_counting_fetches_no_rows(client, script):
    assert Job.objects.filter(state="FAILED").count() == 25
    assert script.last.body == {"filter": {"state": "FAILED"}, "limit": 0, "count": True, "format": "rows"}
    assert Job.objects.all()[20:90].count() == 5


def test_existing_asks_for_one_id(client, script):
    assert Job.objects.filter(state="FAILED").exists()
    assert (script.last.body["limit"], script.last.body["fields"]) == (1, ["id"])


def test_large_results_come_by_cursor(client, script):
    script.on("POST", "/jobs/query", Store(23_456))
    assert ids(Job.objects.all()[5:]) == list(range(6, 23_457))
    bodies = script.bodies("/jobs/query")
    assert [b.get("offset") for b in bodies] == [5, None, None]
    assert [b.get("cursor") for b in bodies] == [None, "10005", "20005"]


def test_a_limit_across_pages_is_kept(client, script):
    script.on("POST", "/jobs/query", Store(40_000))
    assert ids(Job.objects.all()[0:12_000:5]) == list(range(1, 12_001, 5))
    assert [b["limit"] for b in script.bodies("/jobs/query")] == [10_000, 2_000]


def test_the_iterator_keeps_nothing(client, script):
    query = Job.objects.all()
    assert ids(query.iterator(chunk_size=10)) == list(range(1, 26))
    assert query._cache is None
    assert [b["limit"] for b in script.bodies("/jobs/query")] == [10, 10, 10]
    with pytest.raises(errors.InvalidInput, match="1 to 10000"):
        list(query.iterator(chunk_size=0))


def test_a_page_that_fails_behind_the_scenes_fails_in_front(client, script):
    store = Store(30)
    script.on("POST", "/jobs/query", store, (422, {"detail": "no", "code": "invalid"}))
    with pytest.raises(errors.InvalidInput, match="no"):
        list(Job.objects.all().iterator(chunk_size=10))


def test_values_are_plain(client, script):
    assert Job.objects.all()[:2].values("id", "state") == [
        {"id": 1, "state": "PREPROCESSED"},
        {"id": 2, "state": "PREPROCESSED"},
    ]
    assert script.last.body["fields"] == ["id", "state"]
    assert Job.objects.all()[:2].values_list("id", "workdir") == [(1, "w/1"), (2, "w/2")]
    assert Job.objects.all()[:2].values_list("id", flat=True) == [1, 2]
    assert Job.objects.all()[:1].values("last_update")[0]["last_update"].year == 2026
    with pytest.raises(errors.InvalidInput, match="exactly one field"):
        Job.objects.values_list("id", "state", flat=True)
    with pytest.raises(errors.UnknownName, match="Did you mean 'workdir'"):
        Job.objects.values("work_dir")


def test_in_bulk_maps_ids(client, script):
    assert set(Job.objects.all()[:3].in_bulk()) == {1, 2, 3}
    Job.objects.in_bulk([4, 5])
    assert script.last.body["filter"] == {"id": [4, 5]}


def test_counts_by_a_field_are_one_request(client, script):
    script.on(
        "POST",
        "/jobs/counts",
        {"counts": {"FAILED": 3, "RUNNING": 7}},
        {"counts": {"4": 1, "null": 2}},
        {"counts": {"true": 1}},
    )
    assert Job.objects.counts("state") == {"FAILED": 3, "RUNNING": 7}
    assert Job.objects.filter(state="FAILED").counts("session_id") == {4: 1, None: 2}
    assert Job.objects.counts("cancel_requested") == {True: 1}
    assert script.bodies("/jobs/counts")[1] == {"by": "session_id", "filter": {"state": "FAILED"}}
    with pytest.raises(errors.UnknownName):
        Job.objects.counts("stat")


def test_update_is_one_request_and_returns_the_number(client, script):
    script.on("PATCH", "/jobs/", {"updated": 4})
    assert Job.objects.filter(state="FAILED").update(num_nodes=1, state="RESTART_READY") == 4
    assert script.last.body == {"filter": {"state": "FAILED"}, "patch": {"num_nodes": 1, "state": "RESTART_READY"}}
    Job.objects.all().exclude(state="FAILED").update(state="FAILED", force=True)
    assert script.last.body["exclude"] == [{"state": "FAILED"}]
    assert script.last.params == {"force": "true"}


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ({"num_node": 1}, "no field 'num_node'. Did you mean 'num_nodes'"),
        ({"app_id": 1}, "Job.app_id cannot be updated"),
        ({"num_nodes": "x"}, "Job.num_nodes: 'x' does not fit"),
        ({"state": "DONE"}, "'DONE' is not one of its values"),
    ],
)
def test_a_wrong_update_is_refused_before_it_is_sent(client, script, patch, message):
    with pytest.raises(errors.InvalidInput, match=message):
        Job.objects.all().update(**patch)
    assert script.requests == []


@pytest.mark.parametrize("verb", ["update", "delete", "cancel"])
def test_a_bulk_call_on_the_manager_needs_an_explicit_all(client, script, verb):
    with pytest.raises(errors.InvalidInput, match=rf"call Job.objects.all\(\).{verb}"):
        getattr(Job.objects, verb)(**({"num_nodes": 2} if verb == "update" else {}))
    assert script.requests == []


def test_delete_returns_the_number_and_warns_of_those_left(client, script):
    script.on("POST", "/jobs/delete", {"deleted": 3, "not_deleted": []}, {"deleted": 3, "not_deleted": [8, 9]})
    assert Job.objects.filter(state="FAILED").delete() == 3
    with pytest.warns(errors.StoraxWarning, match=r"2 leased or running were not deleted \(8, 9\). Cancel them first"):
        assert Job.objects.all().delete() == 3


def test_cancel_returns_the_number(client, script):
    script.on("POST", "/jobs/cancel", {"cancelled": 2, "requested": 1})
    count = Job.objects.filter(tags={"a": "b"}).cancel()
    assert (count, count.ended, count.requested, f"{count}") == (3, 2, 1, "3")
    assert repr(count) == "<3 cancelled: 2 ended, 1 requested>"
    nothing = Job.objects.filter(id=[]).cancel()
    assert (nothing, nothing.ended, nothing.requested) == (0, 0, 0)


def test_an_update_makes_the_query_read_again(client, script):
    script.on("PATCH", "/jobs/", {"updated": 25})
    query = Job.objects.all()
    len(query)
    query.update(num_nodes=2)
    len(query)
    assert len(script.bodies("/jobs/query")) == 2


def test_a_query_shows_twenty_and_says_that_there_are_more(client, script):
    text = repr(Job.objects.all())
    assert text.startswith("<JobQuery [Job(id=1,")
    assert text.count("Job(id") == 20
    assert "... more ..." in text
    assert script.last.body["limit"] == 21
    assert "there are more" in Job.objects.all()._repr_html_()


def test_showing_a_query_never_raises(client, script):
    script.on("POST", "/jobs/query", (401, {"detail": "expired", "code": "unauthorized"}))
    assert "cannot be read now: expired" in repr(Job.objects.all())


def test_windows_know_their_size():
    assert Window(2, 9, 3).size(100) == 3
    assert Window(2, None, 3).size(4) == 1
    assert Window(50, 60).size(4) == 0


def test_frames_ask_for_their_library(client, monkeypatch):
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(errors.StoraxError, match=r"polars is not installed. Install it: .* -m pip install polars"):
        Job.objects.all().to_polars()
