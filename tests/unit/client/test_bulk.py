"""Bulk creates and updates: ids in place, graphs in one call, requests of 10,000, progress on stderr."""

import itertools
import re

import pytest

from fakes.rest import Script, job, problem
from storax import Job, Site, errors
from storax._orm.rows import from_object


class Creator:
    """Gives ids in the order of the rows, and remembers the rows."""

    def __init__(self):
        self.ids = itertools.count(100)
        self.rows = {}

    def __call__(self, request):
        rows = []
        for row in request.body:
            number = next(self.ids)
            self.rows[number] = row
            rows.append(
                [number, 1, "AWAITING_PARENTS" if row.keys() & {"parent_refs", "parent_ids"} else "PREPROCESSED"]
            )
        return 201, {"columns": ["id", "site_id", "state"], "rows": rows}, {"X-Storax-Position": "77"}


@pytest.fixture
def creator():
    return Creator()


@pytest.fixture
def script(creator):
    return Script().on("POST", "/jobs/", creator)


def new(workdir, **fields):
    return Job(app_id=1, workdir=workdir, **fields)


def test_ids_are_filled_in_and_the_jobs_are_returned(client, script):
    jobs = [new(str(i)) for i in range(3)]
    assert Job.objects.bulk_create(job for job in jobs) == jobs
    assert [(j.id, j.state, j.site_id) for j in jobs] == [(i, "PREPROCESSED", 1) for i in (100, 101, 102)]
    assert script.last.params == {"format": "rows"}
    assert script.last.headers["idempotency-key"]


def test_nothing_to_create_asks_nothing(client, script):
    assert Job.objects.bulk_create([]) == []
    assert script.requests == []


def test_ten_thousand_go_in_one_request(client, script):
    jobs = Job.objects.bulk_create([new("w") for _ in range(20_001)])
    assert [len(a.body) for a in script.requests] == [10_000, 10_000, 1]
    assert len({a.headers["idempotency-key"] for a in script.requests}) == 3
    assert [j.id for j in jobs] == list(range(100, 20_101))


def test_children_may_stand_before_their_parents(client, script, creator):
    a, b = new("a"), new("b")
    c = new("c", parent_ids=[a, b, 12])
    d = new("d", parent_ids=[c])
    assert Job.objects.bulk_create([d, c, b, a]) == [d, c, b, a]
    rows = {row["workdir"]: row for row in creator.rows.values()}
    sent = [row["workdir"] for row in script.last.body]
    assert {sent[ref] for ref in rows["c"]["parent_refs"]} == {"a", "b"}
    assert rows["c"]["parent_ids"] == [12]
    assert [sent[ref] for ref in rows["d"]["parent_refs"]] == ["c"]
    assert c.parent_ids == sorted([12, a.id, b.id])
    assert d.parent_ids == [c.id]


def test_a_list_in_the_right_order_is_sent_as_it_stands(client, script):
    jobs = [new("0")]
    for i in range(1, 5):
        jobs.append(new(str(i), parent_ids=[jobs[-1]]))
    Job.objects.bulk_create(jobs)
    assert [row["workdir"] for row in script.last.body] == ["0", "1", "2", "3", "4"]
    assert [row.get("parent_refs") for row in script.last.body] == [None, [0], [1], [2], [3]]


def test_a_parent_of_an_earlier_request_goes_by_its_id(client, script, creator):
    first = new("first")
    others = [new("w") for _ in range(9_999)]
    last = new("last", parent_ids=[first, others[0]])
    Job.objects.bulk_create([last, first, *others])
    assert creator.rows[last.id]["parent_ids"] == sorted([first.id, others[0].id])
    assert "parent_refs" not in creator.rows[last.id]


def test_cycles_are_refused_and_named(client, script):
    a, b = new("a"), new("b")
    c = new("c", parent_ids=[b])
    a.parent_ids, b.parent_ids = [c], (a, 12)
    assert (a.parent_ids, b.parent_ids) == ([], [12])
    with pytest.raises(errors.InvalidInput, match="There is a cycle") as caught:
        Job.objects.bulk_create([a, b, c])
    assert set(re.findall(r"workdir='(\w)'", str(caught.value))) == {"a", "b", "c"}
    assert script.requests == []


def test_a_parent_that_is_nowhere_is_refused(client, script):
    child = new("child", parent_ids=[new("lost")])
    with pytest.raises(errors.InvalidInput, match=r"workdir='lost'.*neither saved nor in this list"):
        Job.objects.bulk_create([child])
    with pytest.raises(errors.InvalidInput, match="names a parent that is not saved"):
        child.save()
    assert script.requests == []


def test_a_saved_parent_goes_by_its_id_even_when_it_was_saved_later(client, script):
    parent = new("parent")
    child = new("child", parent_ids=[parent])
    Job.objects.bulk_create([parent])
    Job.objects.bulk_create([child])
    assert script.last.body[0]["parent_ids"] == [parent.id]


@pytest.mark.parametrize(
    ("jobs", "message"),
    [
        (lambda c: [new("a"), "b"], "'b' is no Job"),
        (lambda c: [from_object(Job, job(3), c)], "is saved already. Use bulk_update"),
        (lambda c: [new("a")] * 2, "stands twice"),
    ],
)
def test_a_list_with_something_else_in_it_is_refused(client, script, jobs, message):
    with pytest.raises(errors.InvalidInput, match=message):
        Job.objects.bulk_create(jobs(client))
    assert script.requests == []


def test_a_body_that_is_too_large_is_sent_in_halves(client, script, creator):
    def small_only(request):
        return problem(413, "too_large") if len(request.body) > 3 else creator(request)

    script.on("POST", "/jobs/", small_only)
    first = new("0")
    jobs = [first, *(new(str(i), parent_ids=[first]) for i in range(1, 9))]
    Job.objects.bulk_create(jobs)
    assert all(j.id for j in jobs)
    assert [row["workdir"] for row in creator.rows.values()] == [str(i) for i in range(9)]
    assert creator.rows[jobs[8].id]["parent_ids"] == [first.id]


def test_one_that_is_too_large_alone_is_an_error(client, script):
    script.on("POST", "/jobs/", problem(413, "too_large", "larger than 64 MiB"))
    with pytest.raises(errors.TooLarge, match="larger than 64 MiB"):
        Job.objects.bulk_create([new("a")])


def test_jobs_of_a_refused_call_stay_unsaved(client, script):
    script.on("POST", "/jobs/", problem(422, "invalid", "job 1 of this call lacks parameter 'x'"))
    jobs = [new("a"), new("b")]
    with pytest.raises(errors.InvalidInput, match="job 1 of this call"):
        Job.objects.bulk_create(jobs)
    assert [j.id for j in jobs] == [None, None]


def test_dicts_read_before_the_create_are_tracked_after_it(client, script):
    one = new("a", tags={"a": "1"})
    tags = one.tags
    Job.objects.bulk_create([one])
    tags["b"] = "2"
    assert one._patch() == {"tags__merge": {"b": "2"}}


def test_bulk_update_sends_what_changed_and_refreshes_in_place(client, script):
    jobs = [from_object(Job, job(i, tags={"a": "1"}), client) for i in range(1, 5)]
    jobs[0].num_nodes = 2
    jobs[1].tags["b"] = "2"
    jobs[3].state = "RESTART_READY"
    columns = ["id", "version", "state", "last_update"]
    rows = [[i, 2, "RESTART_READY", "2026-02-02T00:00:00Z"] for i in (1, 2, 4)]
    script.on("PATCH", "/jobs/", {"updated": 3, "columns": columns, "rows": rows})
    assert Job.objects.bulk_update(jobs) == 3
    assert script.last.body == [
        {"id": 1, "num_nodes": 2},
        {"id": 2, "tags__merge": {"b": "2"}},
        {"id": 4, "state": "RESTART_READY"},
    ]
    assert (jobs[0].version, jobs[0].last_update.month, jobs[2].version) == (2, 2, 1)
    assert Job.objects.bulk_update(jobs) == 0
    assert len(script.requests) == 1


def test_bulk_update_of_unsaved_or_repeated_jobs_is_refused(client, script):
    with pytest.raises(errors.InvalidInput, match=r"not saved yet. Use bulk_create"):
        Job.objects.bulk_update([new("a")])
    one = from_object(Job, job(1), client)
    with pytest.raises(errors.InvalidInput, match="stands twice"):
        Job.objects.bulk_update([one, from_object(Job, job(1), client)])


def test_other_nouns_are_created_in_bulk_too(client, script):
    script.on("POST", "/sites/", (201, {"columns": ["id"], "rows": [[1], [2]]}))
    sites = Site.objects.bulk_create([Site(name="a"), Site(name="b")])
    assert [s.id for s in sites] == [1, 2]


def test_progress_goes_to_stderr_and_only_where_it_is_wanted(client, capsys):
    Job.objects.bulk_create([new("a") for _ in range(3)])
    assert capsys.readouterr() == ("", "")
    Job.objects.bulk_create([new("a") for _ in range(3)], progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Creating Jobs" in err
    Job.objects.bulk_create([new("a") for _ in range(10_001)])
    assert capsys.readouterr() == ("", "")
