"""Reports over time of jobs that ran: done, lost, running again, from the events that the server wrote."""

from datetime import UTC, datetime, timedelta

from storax import BatchJob, EventLog
from storax.analytics import available_nodes, throughput_report, utilization_report

NO_CLOCK = datetime(2001, 1, 1, tzinfo=UTC)  # so wrong that the server's counts


def move(user, session, job, to, at):
    moves = [{"to": to, "at": at.isoformat()}]
    row = {"id": job["id"], "lease_epoch": job["lease_epoch"], "moves": moves}
    assert not user.post(f"/sessions/{session}/report", {"reports": [row]})["refused"]


def test_runs_that_end_are_lost_and_start_again_are_counted_from_the_log(user):
    site = user.site()
    app = user.app(site)
    user.jobs(app, 2, num_nodes=2, tags={"night": "1"})
    user.jobs(app, node_packing_count=2, tags={"night": "1"})
    session, begin = user.session(site), datetime.now(UTC) - timedelta(hours=1)
    *first, last = sorted(user.acquire(session, 3), key=lambda job: job["id"])
    minutes = [begin + timedelta(minutes=n) for n in range(5)]
    for job, at in zip([*first, last], minutes, strict=False):
        move(user, session, job, "RUNNING", at)
    for job, at in zip(first, minutes[3:], strict=True):
        move(user, session, job, "RUN_DONE", at)
    user.delete(f"/sessions/{session}")  # the last run is lost
    session = user.session(site)
    (again,) = user.acquire(session, 3)
    move(user, session, again, "RUNNING", NO_CLOCK)
    user.job(app)  # of another night

    events = EventLog.objects.filter(tags={"night": "1"})
    assert tuple(throughput_report(events)) == (minutes[3:], [1, 2])
    assert throughput_report(events, to_state="JOB_FINISHED").counts == [1, 2]
    times, nodes = utilization_report(events)
    assert (times[:5], nodes) == (minutes, [2.0, 4.0, 4.5, 2.5, 0.5, 0.0, 0.5])
    assert times == sorted(times)
    by_hand = utilization_report(list(events.order_by("position")), node_weighting=False)
    assert by_hand.counts == [1, 2, 3, 2, 1, 0, 1]


def test_the_nodes_of_allocations_follow_their_start_and_end(user):
    site, begin = user.site(), datetime.now(UTC) - timedelta(hours=1)
    one, two, _ = (user.post("/batch-jobs/", {"site_id": site, "num_nodes": n})["id"] for n in (4, 8, 16))
    ends = {"end_time": (begin + timedelta(minutes=9)).isoformat(), "state": "finished"}
    user.patch(f"/batch-jobs/{one}", {"state": "running", "start_time": begin.isoformat()})
    start = (begin + timedelta(minutes=5)).isoformat()
    user.patch(f"/batch-jobs/{two}", {"state": "running", "start_time": start})
    user.patch(f"/batch-jobs/{one}", ends)
    times, nodes = available_nodes(BatchJob.objects.filter(site_id=site))
    assert nodes == [4, 12, 8, 8]
    assert times[:3] == [begin + timedelta(minutes=n) for n in (0, 5, 9)]
    then = begin + timedelta(minutes=7)
    assert available_nodes(BatchJob.objects.filter(site_id=site), now=then).times[-1] == then
