"""A twin, in our own words, of each thing the reference document shows: import, create, update, delete, query."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import storax
from storax import App, Job, Site
from waiting import eventually


def test_names_come_from_the_api_module_and_from_the_package() -> None:
    from storax import api

    for name in ("Site", "App", "Job", "BatchJob", "TransferItem", "EventLog", "Session"):
        assert getattr(api, name) is getattr(storax, name)


def test_naive_times_filter_sites_and_jobs(jobs: list[Any]) -> None:
    hour_ago = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=1)
    assert Job.objects.filter(last_update_after=hour_ago, id=[j.id for j in jobs]).count() == 10
    eventually(lambda: Site.objects.get(name="local").last_refresh)  # by its agent, some time after the start
    assert "local" in {s.name for s in Site.objects.filter(last_refresh_after=hour_ago)}
    assert "local" not in {s.name for s in Site.objects.filter(last_refresh_before=hour_ago)}


def test_save_gives_an_id(idle: Any) -> None:
    job = Job(app_id=idle.id, workdir="twin/1")
    assert job.id is None
    job.save()
    assert job.id is not None


def test_create_makes_and_stores_in_one_step(idle: Any) -> None:
    assert Job.objects.create(app_id=idle.id, workdir="twin/2").id is not None


def test_bulk_create_fills_ids_in_place(idle: Any) -> None:
    jobs = [Job(app_id=idle.id, workdir=f"twin/{i}") for i in range(3)]
    Job.objects.bulk_create(jobs)
    assert all(j.id for j in jobs)


def test_a_changed_instance_is_saved(jobs: list[Any]) -> None:
    Job.objects.filter(id=jobs[0].id).update(state="FAILED")
    job = Job.objects.get(id=jobs[0].id)
    job.state = "RESTART_READY"
    job.save()
    assert Job.objects.get(id=job.id).state == "RESTART_READY"


def test_refresh_brings_what_others_changed(jobs: list[Any]) -> None:
    Job.objects.filter(id=jobs[0].id).update(num_nodes=7)
    jobs[0].refresh_from_db()
    assert jobs[0].num_nodes == 7


def test_one_patch_for_all_that_match(jobs: list[Any]) -> None:
    ids = [j.id for j in jobs[:4]]
    Job.objects.filter(id=ids).update(state="FAILED")
    assert Job.objects.filter(state="FAILED", id=ids).update(num_nodes=1, state="RESTART_READY") == 4
    assert Job.objects.filter(state="RESTART_READY", id=ids).count() == 4


def test_bulk_update_sends_each_its_own_change(jobs: list[Any]) -> None:
    for number, job in enumerate(jobs):
        job.num_nodes = number + 2
    Job.objects.bulk_update(jobs)
    assert [j.num_nodes for j in Job.objects.filter(id=[j.id for j in jobs]).order_by("id")] == list(range(2, 12))


def test_a_deleted_instance_has_no_id(jobs: list[Any]) -> None:
    kept = jobs[0].id
    jobs[0].delete()
    assert jobs[0].id is None
    assert not Job.objects.filter(id=kept).exists()


def test_delete_of_all_that_match(jobs: list[Any]) -> None:
    ids = [j.id for j in jobs[:3]]
    Job.objects.filter(id=ids).update(state="FAILED")
    assert Job.objects.filter(state="FAILED", id=ids).delete() == 3


def test_chained_filters_equal_one_filter(jobs: list[Any]) -> None:
    ids = [j.id for j in jobs]
    chained = Job.objects.all().filter(tags={"n": "3"}).filter(id=ids)
    assert [j.id for j in chained] == [j.id for j in Job.objects.filter(tags={"n": "3"}, id=ids)] == [jobs[3].id]


def test_order_and_slice_ask_for_no_more_than_needed(jobs: list[Any]) -> None:
    ids = [j.id for j in jobs]
    assert [j.id for j in Job.objects.filter(id=ids).order_by("-id")[0:2]] == ids[:-3:-1]


def test_get_raises_for_none_and_for_many(jobs: list[Any]) -> None:
    with pytest.raises(Job.DoesNotExist):
        Job.objects.get(tags={"n": "nobody"})
    with pytest.raises(Job.MultipleObjectsReturned):
        Job.objects.get(id=[j.id for j in jobs])


def test_count_fetches_nothing(jobs: list[Any]) -> None:
    assert Job.objects.filter(id=[j.id for j in jobs]).count() == 10


def test_first_and_index(jobs: list[Any]) -> None:
    query = Job.objects.filter(id=[j.id for j in jobs])
    first = query.first()
    assert first is not None
    assert query[0].id == first.id


def test_queries_are_lazy_and_cached(jobs: list[Any]) -> None:
    query = Job.objects.filter(id=[j.id for j in jobs])
    once = [j.id for j in query]
    Job.objects.filter(id=once[:5]).delete()
    assert [j.id for j in query] == once
    assert len(query) == 10
    assert bool(Job.objects.filter(id=once[5:]))
    assert not Job.objects.filter(id=once[:5])


def test_application_definition_is_another_name_of_app(client: storax.Client) -> None:
    assert storax.ApplicationDefinition is App
