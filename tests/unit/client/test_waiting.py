"""Waiting is pushed, misses nothing, survives a broken stream, and never hangs on a job that is gone."""

import threading
import time

import httpx
import pytest

from fakes.platform import Platform
from fakes.rest import client_of, job
from storax import Job, as_completed, errors, wait
from storax._jobs import waiting
from storax._orm.rows import from_object
from waiting import eventually


@pytest.fixture
def platform():
    return Platform()


@pytest.fixture
def client(platform):
    with client_of(platform) as client:
        yield client
    assert not [t for t in threading.enumerate() if t.name == "storax-feed"]


def create_jobs(number=1):
    return Job.objects.bulk_create([Job(app_id=1, workdir="w") for _ in range(number)])


def streams(platform):
    return [a for a in platform.requests if a.path == "/events/stream"]


def polls(platform):
    return [b for b in platform.bodies("/jobs/query") if b.get("fields") == ["id", "state"]]


def test_a_result_is_pushed_and_costs_one_read(platform, client):
    one = Job.objects.create(app_id=1, workdir="w")
    platform.later(0.05, platform.end, 1, "JOB_FINISHED", {"n": 7})
    assert one.result(60) == {"n": 7}
    assert one.state == "JOB_FINISHED"
    assert [a.path for a in platform.requests] == ["/jobs/", "/events/stream", "/jobs/1"]
    assert streams(platform)[0].headers["last-event-id"] == "1"


def test_an_end_between_create_and_wait_is_not_missed(platform, client):
    one = Job.objects.create(app_id=1, workdir="w")
    platform.end(1, value=3)
    assert one.result(60) == 3


def test_later_waits_share_the_stream(platform, client):
    for number in range(1, 6):
        one = Job.objects.create(app_id=1, workdir="w")
        platform.end(number, value=number)
        assert one.result(60) == number
    assert len(streams(platform)) == 1
    assert polls(platform) == []


def test_a_job_read_from_a_query_is_polled_first(platform, client):
    create_jobs(2)
    platform.end(1)
    platform.later(0.05, platform.end, 2, "FAILED")
    jobs = list(Job.objects.all())
    done, left = Job.objects.wait(jobs, timeout=60)
    assert ([j.state for j in done], left) == (["JOB_FINISHED", "FAILED"], [])
    assert len(polls(platform)) == 1


def test_a_stream_that_breaks_is_resumed_behind_the_last_event(platform, client):
    one, two, three = create_jobs(3)
    platform.end(1)
    assert Job.objects.wait([one], timeout=60)[0] == [one]
    platform.cut()
    platform.end(2)
    platform.later(0.3, platform.end, 3)
    assert Job.objects.wait([two, three], timeout=60) == ([two, three], [])
    assert len(streams(platform)) == 2
    assert streams(platform)[1].headers["last-event-id"] == "4"


def test_a_stream_that_breaks_repeatedly_loses_no_end(platform, client):
    jobs = create_jobs(30)

    def run():
        for number in range(1, 31):
            if number % 3 == 0:
                platform.cut()
            platform.end(number)
            time.sleep(0.01)

    platform.later(0, run)
    assert sorted(j.id for j in as_completed(jobs, timeout=60)) == list(range(1, 31))


def test_without_a_stream_it_polls(platform, client):
    platform.streaming = False
    one = Job.objects.create(app_id=1, workdir="w")
    platform.later(0.2, platform.end, 1, "JOB_FINISHED", 5)
    assert one.result(60) == 5


def test_a_deleted_job_ends_the_wait(platform, client, monkeypatch):
    monkeypatch.setattr(waiting, "POLL_LIVE_SEC", 0.1)
    one, two = create_jobs(2)
    platform.later(0.05, platform.delete, 1)
    with pytest.raises(Job.DoesNotExist, match="Job 1 was deleted before it ended"):
        one.wait(60)
    platform.end(2)
    assert Job.objects.wait([one, two], timeout=60) == ([one, two], [])
    assert list(as_completed([one, two], timeout=60)) in ([one, two], [two, one])


def test_the_timeout_of_wait_is_no_error(platform, client, monkeypatch):
    one, two = create_jobs(2)
    platform.end(2)
    monkeypatch.setattr(waiting, "POLL_LIVE_SEC", 600.0)
    begun = time.monotonic()
    assert Job.objects.wait([one, two], timeout=0.2) == ([two], [one])
    assert time.monotonic() - begun < 30
    assert two.state == "JOB_FINISHED"


def test_the_timeout_of_a_result_is_an_error_and_the_job_goes_on(platform, client):
    one, two = create_jobs(2)
    with pytest.raises(errors.DeadlineExceeded, match=r"1 of 1 jobs did not end in time \(1\)") as caught:
        one.result(timeout=0.05)
    assert isinstance(caught.value, TimeoutError)
    platform.end(2)
    stream = as_completed([one, two], timeout=0.2)
    assert next(stream) is two
    with pytest.raises(errors.DeadlineExceeded, match="1 of 2"):
        next(stream)


@pytest.mark.parametrize("unsuccessful", ["FAILED", "CANCELLED"])
def test_first_completed_and_first_exception(platform, client, unsuccessful):
    jobs = create_jobs(3)
    platform.end(2)
    done, left = Job.objects.wait(jobs, timeout=60, return_when="FIRST_COMPLETED")
    assert ([j.id for j in done], [j.id for j in left]) == ([2], [1, 3])
    platform.later(0.05, platform.end, 3, unsuccessful)
    done, left = Job.objects.wait(jobs, timeout=60, return_when="FIRST_EXCEPTION")
    assert ([j.id for j in done], [j.id for j in left]) == ([2, 3], [1])
    with pytest.raises(errors.InvalidInput, match="ALL_COMPLETED, FIRST_COMPLETED"):
        Job.objects.wait(jobs, return_when="SOMETIME")


def test_jobs_are_yielded_as_they_end(platform, client):
    jobs = create_jobs(3)
    ended = as_completed(jobs, timeout=60)
    for number in (3, 1, 2):
        platform.later(0.02, platform.end, number)
        assert next(ended).id == number
    assert list(ended) == []


def test_a_job_that_was_restarted_is_waited_for(platform, client):
    one = Job.objects.create(app_id=1, workdir="w")
    platform.end(1, "FAILED")
    assert one.wait(60).state == "FAILED"
    one.state = "RESTART_READY"
    one.save()
    platform.later(0.1, platform.end, 1, "JOB_FINISHED", "second")
    assert one.result(60) == "second"
    stale = Job.objects.filter(id=1)[0]
    platform.jobs[1]["state"] = "RUNNING"
    platform.later(0.1, platform.end, 1, "JOB_FINISHED", "third")
    assert stale.result(60) == "third"


def test_a_failed_job_says_why(platform, client):
    one = Job.objects.create(app_id=1, workdir="w")
    platform.jobs[1]["return_code"] = 3
    platform.end(1, "FAILED", message="disk full")
    with pytest.raises(Job.Failed, match=r"Job 1 failed: disk full. See job.history\(\)") as caught:
        one.result(60)
    assert (caught.value.job, caught.value.reason) == (one, "disk full")
    platform.log[-1]["data"] = {}
    with pytest.raises(Job.Failed, match="its process ended with code 3"):
        one.result_nowait()


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("cancelled", r"^Job 1 was cancelled\."),
        ("cancelled; its run had ended well", r"^Job 1 was cancelled; its run had ended well\."),
        ("parent job 7 was cancelled", r"^Job 1 was cancelled: parent job 7 was cancelled\."),
    ],
)
def test_a_cancelled_job_raises_an_error_of_its_own_and_keeps_its_result(platform, client, message, text):
    one = Job.objects.create(app_id=1, workdir="w")
    platform.end(1, "CANCELLED", 42, message=message)
    with pytest.raises(Job.Cancelled, match=text) as caught:
        one.result(60)
    assert (caught.value.job, caught.value.reason, one.return_value) == (one, message, 42)
    assert isinstance(caught.value, Job.Failed)
    assert one.done()


def test_a_job_that_has_not_ended_has_no_result_now(platform, client):
    one = Job.objects.create(app_id=1, workdir="w")
    with pytest.raises(Job.NoResult, match="Job 1 is PREPROCESSED"):
        one.result_nowait()
    assert not one.done()
    platform.end(1)
    assert one.done()
    assert one.result_nowait() is None


def test_a_query_waits_for_its_own_jobs(platform, client):
    create_jobs(2)
    platform.end(1)
    platform.end(2)
    done, left = Job.objects.filter(id=[1, 2]).wait(timeout=60)
    assert ([j.id for j in done], left) == ([1, 2], [])
    assert len(list(Job.objects.filter(id=[1, 2]).as_completed(timeout=60))) == 2


def test_waiting_for_nothing_ends_at_once(platform, client):
    assert wait([]) == ([], [])
    assert list(as_completed([])) == []
    assert platform.requests == []


@pytest.mark.parametrize(
    ("jobs", "message"),
    [
        (lambda c: [Job(app_id=1, workdir="w")], "not saved cannot be waited for"),
        (lambda c: 10, "Name the seconds to wait: timeout="),
        (lambda c: None, r"call Job.objects.all\(\).wait"),
        (lambda c: [from_object(Job, job(1), c), from_object(Job, job(1), client_of(Platform()))], "different servers"),
    ],
)
def test_waiting_for_an_unsaved_or_foreign_job_is_refused(platform, client, jobs, message):
    with pytest.raises(errors.InvalidInput, match=message):
        Job.objects.wait(jobs(client))


def test_the_same_job_twice_is_one_job(platform, client):
    one = Job.objects.create(app_id=1, workdir="w")
    twin = from_object(Job, platform.jobs[1], client)
    platform.end(1, value=2)
    assert Job.objects.wait([one, twin], timeout=60) == ([one, twin], [])
    assert (one.return_value, twin.return_value) == (2, 2)


def test_many_ends_are_read_in_few_requests(platform, client):
    jobs = create_jobs(500)
    platform.later(0.05, lambda: [platform.end(n) for n in range(1, 501)])
    done, _ = Job.objects.wait(jobs, timeout=60)
    assert len(done) == 500
    assert len([b for b in platform.bodies("/jobs/query") if "fields" not in b]) == 1


def test_a_refresh_of_many_is_one_request(platform, client):
    jobs = create_jobs(20)
    platform.end(3)
    Job.objects.bulk_refresh(jobs)
    assert [j.id for j in jobs if j.state == "JOB_FINISHED"] == [3]
    assert len(platform.bodies("/jobs/query")) == 1
    platform.delete(4)
    with pytest.raises(Job.DoesNotExist, match="Job 4 was deleted"):
        Job.objects.bulk_refresh(jobs)


def test_waits_of_many_threads_share_one_stream(platform, client):
    jobs = create_jobs(8)
    results = {}

    def work(one):
        results[one.id] = one.result(60)

    threads = [threading.Thread(target=work, args=(one,)) for one in jobs]
    for thread in threads:
        thread.start()
    for number in range(1, 9):
        platform.end(number, value=number)
    for thread in threads:
        thread.join(60)
    assert results == {n: n for n in range(1, 9)}
    assert len(streams(platform)) == 1


def test_a_wait_outlives_a_server_that_restarts(platform):
    down = httpx.ConnectError("refused")
    with client_of(platform, connect_within=0.02) as client:
        one, two = create_jobs(2)

        def outage(seconds):
            platform.refusing = down
            platform.cut()
            platform.later(seconds, setattr, platform, "refusing", None)

        platform.later(0.1, outage, 0.8)
        platform.later(0.5, platform.end, 1, "JOB_FINISHED", 1)
        assert one.result(60) == 1
        platform.later(0.1, outage, 60)
        with pytest.raises(errors.DeadlineExceeded):
            two.wait(0.4)
        eventually(lambda: platform.refusing is down)
        fresh = from_object(Job, job(2), client)
        with pytest.raises(errors.ServerDown):
            fresh.wait(60)


def test_closing_the_client_ends_the_thread(platform):
    client = client_of(platform)
    with client:
        one = Job.objects.create(app_id=1, workdir="w")
        platform.end(1)
        one.wait(60)
        assert [t for t in threading.enumerate() if t.name == "storax-feed"]
    assert not [t for t in threading.enumerate() if t.name == "storax-feed"]
    with client:
        two = Job.objects.create(app_id=1, workdir="w")
        platform.end(2)
        two.wait(60)


def test_cancelling_says_whether_there_was_something_to_cancel(platform, client):
    one = Job.objects.create(app_id=1, workdir="w")
    answers = [{"cancelled": 0, "requested": 1}, {"cancelled": 1, "requested": 0}, {"cancelled": 0, "requested": 0}]
    platform.on("POST", "/jobs/cancel", *answers)
    platform.jobs[1]["state"] = "CANCELLED"
    counts = [one.cancel() for _ in answers]
    assert [(count, count.ended, count.requested) for count in counts] == [(1, 0, 1), (1, 1, 0), (0, 0, 0)]
    assert one.state == "CANCELLED"
    assert not counts[-1]
    assert platform.bodies("/jobs/cancel")[0] == {"filter": {"id": 1}}
