"""The client's view of the past: objects as they were, by position, event or time, and what changed in between."""

from datetime import UTC, datetime, timedelta

import pytest

from storax import App, EventLog, Job, Site, errors
from storax.cli.differences import differences
from waiting import eventually


@pytest.fixture
def app(user):
    return App.objects.create(site_id=Site.objects.create(name="here").id, name="Plain", command_template="true")


def last_event(world, job) -> EventLog:
    """The job's last event, once it is published."""
    event = EventLog.objects.filter(job_id=job.id).order_by("position").last()
    eventually(lambda: (world.value("SELECT max(position) FROM feed") or 0) >= event.position)
    return event


def test_a_job_is_as_it_was_by_position_event_and_time(world, app):
    job = Job.objects.create(app_id=app.id, workdir="w")
    created = last_event(world, job)
    Job.objects.filter(id=job.id).update(priority=4)
    changed = last_event(world, job)
    for then in (created, created.position, created.timestamp, created.timestamp.isoformat()):
        assert Job.objects.as_of(then).get(id=job.id).priority == 0
        assert Job.objects.as_of(then).filter(priority=4).count() == 0
    assert Job.objects.filter(priority=4).as_of(changed).exists()
    assert Job.objects.as_of(changed).filter(id=job.id).counts("priority") == {4: 1}
    assert [row["priority"] for row in Job.objects.as_of(created).filter(id=job.id).values("priority")] == [0]


def test_a_deleted_job_can_be_read_as_it_was(world, app):
    job = Job.objects.create(app_id=app.id, workdir="w")
    created = last_event(world, job)
    gone = job.id
    job.delete()
    assert Job.objects.as_of(created).get(id=gone).workdir == "w"
    with pytest.raises(Job.DoesNotExist):
        Job.objects.as_of(created.position - 1).get(id=gone)


@pytest.mark.parametrize("change", [
    lambda query: query.update(priority=1), lambda query: query.delete(), lambda query: query.cancel(),
    lambda query: query.retry(),
])  # fmt: skip
def test_nothing_changes_the_past(app, change):
    with pytest.raises(errors.InvalidInput, match="past"):
        change(Job.objects.filter(app_id=app.id).as_of(1))


@pytest.mark.parametrize("then", ["soon", 1.5, None, [1], b"1"])
def test_what_is_no_moment_is_refused_before_anything_is_sent(user, then):
    with pytest.raises(errors.InvalidInput, match="as_of"):
        Job.objects.as_of(then)


def test_the_future_is_refused(user):
    with pytest.raises(errors.InvalidInput, match="future"):
        Job.objects.as_of(datetime.now(UTC) + timedelta(days=1)).count()


def test_the_difference_of_two_positions_is_what_was_created_deleted_and_changed(world, app):
    same, changed, deleted = (Job.objects.create(app_id=app.id, workdir="w") for _ in range(3))
    first = last_event(world, deleted).position
    Job.objects.filter(id=changed.id).update(priority=2, tags={"a": "b"})
    gone = deleted.id
    deleted.delete()
    created = Job.objects.create(app_id=app.id, workdir="w")
    last = last_event(world, created).position
    seen = {one.id: (one.kind, one.changes) for one in differences(Job, "job", first, last)}
    assert same.id not in seen
    assert seen == {
        changed.id: ("changed", {"priority": (0, 2), "tags": ({}, {"a": "b"})}), gone: ("deleted", {}), created.id: ("created", {}),
    }  # fmt: skip
    assert list(differences(Job, "job", last, last)) == []
