"""The client against the real server: what scripted answers cannot prove."""

import threading
from datetime import datetime
from typing import Any

import pytest

from storax import (
    App,
    BatchJob,
    Client,
    EventLog,
    Job,
    Session,
    Site,
    StoraxWarning,
    TransferItem,
    as_completed,
    errors,
)
from storax._orm.kinds import kind_of
from waiting import eventually


@pytest.fixture(scope="module")
def me(world):
    return world.user()


@pytest.fixture(autouse=True)
def client(world, me):
    with Client(world.url, me.token) as client:
        yield client


@pytest.fixture
def app():
    site = Site.objects.create(name=f"site{Site.objects.count()}")
    return App.objects.create(site_id=site.id, name="Plain", command_template="true")


@pytest.fixture
def agent(app):
    """Runs jobs of the app's site in this process: those in a workdir called bad fail."""
    session, stop = Session.objects.create(site_id=app.site_id), threading.Event()

    def run():
        while not stop.is_set():
            for one in session.acquire_jobs(max_num_jobs=50, wait=0.2):
                last = "RUN_ERROR" if "bad" in one.workdir else "RUN_DONE"
                moves = [
                    {"to": to, "at": "2026-01-01T00:00:00Z", "data": {"message": "it broke"}}
                    for to in ("RUNNING", last)
                ]
                patch = {"return_code": 0, "return_value": {"was": one.workdir}}
                session.report([{"id": one.id, "lease_epoch": one.lease_epoch, "moves": moves, "patch": patch}])

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield session
    stop.set()
    thread.join(60)


def jobs(app, number, **fields):
    return Job.objects.bulk_create([Job(app_id=app.id, workdir=f"w/{i}", **fields) for i in range(number)])


def test_partitions_larger_than_their_batch_job_are_refused_alone_and_in_bulk(app):
    row = BatchJob(site_id=app.site_id, num_nodes=2, partitions=[{"num_nodes": 2}, {}])
    with pytest.raises(errors.InvalidInput, match="the partitions ask for 3 nodes, but the batch job has 2"):
        row.save()
    with pytest.raises(errors.InvalidInput, match="but batch job 1 of this call has 2"):
        BatchJob.objects.bulk_create([BatchJob(site_id=app.site_id), row])
    assert BatchJob.objects.filter(site_id=app.site_id).count() == 0


def test_an_instance_lives_its_life(app):
    one = Job(app=app, workdir="a", tags={"k": "v"}, data={"deep": [1]})
    one.save()
    one.data["deep"].append(2)
    one.num_nodes = 3
    one.save()
    again = Job.objects.get(id=one.id)
    assert (again.num_nodes, again.data, again.tags, again.version) == (3, {"deep": [1, 2]}, {"k": "v"}, 2)
    assert again == one
    one.delete()
    assert one.id is None
    with pytest.raises(Job.DoesNotExist):
        again.refresh_from_db()
    assert [e.type for e in again.history()] == ["job.created", "job.updated", "job.deleted"]


def test_the_server_answers_in_the_order_of_our_columns(client):
    for model in (Site, App, Job, BatchJob, Session, TransferItem, EventLog):
        page = client.request("POST", f"/{model._spec.path}/query", {"limit": 0, "format": "rows"})
        assert tuple(page["columns"]) == model._columns, model


VALID = {"entity": "job", "type": "job.created", "from_state": "READY", "to_state": "FAILED"}  # the log's closed lists


def sample(model, name, annotation):
    """A value that this filter takes."""
    if named := {"site_name": Site, "app_name": App}.get(name.partition("__")[0]):
        return named.objects.all()[0].name  # a name that never was is refused
    if model is EventLog and annotation is str and (word := VALID.get(name.partition("__")[0])):
        return word
    choices = kind_of(annotation).choices
    if choices:
        return choices[0]
    known = {int: 1, float: 1.0, str: "x", bool: True, dict[str, str]: {"a": "b"}, dict[str, Any]: {"a": 1}}
    if annotation is datetime:
        return datetime(2026, 1, 1)
    return known.get(annotation, "00000000-0000-0000-0000-000000000001")


def test_the_server_has_every_filter_and_ordering_of_the_client(app):
    for model in (Site, App, Job, BatchJob, Session, TransferItem, EventLog):
        every = {name: sample(model, name, spec.annotation) for name, spec in model._spec.filters.items()}
        assert list(model.objects.filter(**every)) == []
        assert list(model.objects.exclude(**every)[:1]) == list(model.objects.all()[:1])
        for name in model._spec.orderings:
            list(model.objects.order_by(name)[:1])


def test_more_than_a_page_comes_by_key_and_whole(app):
    created = jobs(app, 12_345)
    query = Job.objects.filter(app_id=app.id)
    assert [j.id for j in query.order_by("id")] == [j.id for j in created]
    assert [j.id for j in query.order_by("-id")[5:11_000:1000]] == [j.id for j in created[::-1][5:11_000:1000]]
    assert len({j.id for j in query.iterator(chunk_size=5000)}) == query.count() == 12_345
    assert query.counts("state") == {"PREPROCESSED": 12_345}


def test_a_graph_is_made_in_one_call(app):
    top = Job(app=app, workdir="top")
    middle = [Job(app=app, workdir=f"m{i}", parent_ids=[top]) for i in range(3)]
    end = Job(app=app, workdir="end", parent_ids=middle)
    Job.objects.bulk_create([end, *middle, top])
    assert (top.state, middle[0].state, end.state) == ("PREPROCESSED", "AWAITING_PARENTS", "AWAITING_PARENTS")
    assert sorted(end.parent_ids) == [j.id for j in middle]
    assert {j.id for j in top.children()} == {j.id for j in middle}
    assert {j.id for j in end.parent_query()} == {j.id for j in middle}


def test_results_failures_and_waits_are_pushed(app, agent):
    assert Job.objects.create(app_id=app.id, workdir="one").result(60) == {"was": "one"}
    many = jobs(app, 120)
    assert len(list(as_completed(many, timeout=60))) == 120
    bad = Job.objects.create(app_id=app.id, workdir="bad")
    with pytest.raises(Job.Failed, match="it broke"):
        bad.result(60)
    bad.state = "RESTART_READY"
    bad.save()
    assert bad.wait(60).state == "FAILED"
    assert bad.attempt == 2


def test_many_different_updates_are_one_step(app):
    created = jobs(app, 300)
    for i, one in enumerate(created):
        one.tags = {"n": str(i)}
    assert Job.objects.bulk_update(created) == 300
    assert Job.objects.get(tags={"n": "77"}, app_id=app.id).id == created[77].id
    assert {j.version for j in created} == {2}
    created[0].num_nodes = 2
    gone = Job.objects.get(id=created[1].id)
    created[1].delete()
    gone.num_nodes = 2
    with pytest.raises(errors.NotFound):
        Job.objects.bulk_update([created[0], gone])
    assert Job.objects.get(id=created[0].id).num_nodes == 1


def test_leased_jobs_are_left_and_named(app):
    created = jobs(app, 3)
    session = Session.objects.create(site_id=app.site_id)
    (held,) = session.acquire_jobs(max_num_jobs=1)
    with pytest.raises(errors.Leased, match="cancel"):
        held.delete()
    with pytest.warns(StoraxWarning, match=str(held.id)):
        assert Job.objects.filter(id=[j.id for j in created]).delete() == 2
    session.delete()


def test_illegal_moves_name_the_legal_ones_and_can_be_forced(app):
    (one,) = jobs(app, 1)
    one.state = "STAGED_OUT"
    with pytest.raises(errors.IllegalMove, match="FAILED") as caught:
        one.save()
    assert caught.value.request_id
    one.state = "RESTART_READY"
    one.save(force=True)
    assert one.state == "RESTART_READY"
    assert EventLog.objects.filter(job_id=one.id, type="job.state_forced").count() == 1


def test_values_come_back_as_they_were_given(app):
    value = {"text": "äß\u2028\U0001f600", "big": 2**62, "float": 1e-300, "null": None, "list": [[], {}]}
    one = Job.objects.create(app_id=app.id, workdir="äß", data=value)
    assert Job.objects.get(id=one.id).data == value
    with pytest.raises(errors.InvalidInput):
        Job.objects.create(app_id=app.id, workdir="../x")


def test_another_user_sees_nothing(world, app):
    (one,) = jobs(app, 1)
    with Client(world.url, world.user().token):
        assert Job.objects.count() == 0
        with pytest.raises(Job.DoesNotExist):
            Job.objects.get(id=one.id)
    assert Job.objects.filter(id=one.id).exists()


def test_a_wrong_token_is_an_error_with_the_way_out(world):
    with Client(world.url, "stx_wrong"), pytest.raises(errors.Unauthorized, match="storax login"):
        Job.objects.first()


def test_a_cancelled_job_ends(app):
    created = jobs(app, 3)
    assert created[0].cancel() == 1
    assert created[0].state == "CANCELLED"
    count = Job.objects.filter(id=[j.id for j in created]).cancel()
    assert (count, count.ended, count.requested) == (2, 2, 0)
    assert Job.objects.wait(created, timeout=60) == (created, [])


def test_a_deleted_job_ends_the_wait(app):
    (one,) = jobs(app, 1)
    twin = Job.objects.get(id=one.id)
    threading.Timer(0.2, twin.delete).start()
    with pytest.raises(Job.DoesNotExist, match="deleted before it ended"):
        one.wait(60)
    eventually(lambda: twin.id is None)
