"""What every scheduler must do. Slurm and ``real_sge`` are real, in targets of their own; PBS, LSF and ``sge`` are
stand-ins that print the documented formats (see ``fakes/batch_programs.py``)."""

from datetime import UTC, datetime, timedelta

import pytest

from fakes.clusters import KINDS, LISTS, kinds, reached, request
from waiting import eventually

every = pytest.mark.parametrize("cluster", kinds(*KINDS), indirect=True)
remote = pytest.mark.parametrize("cluster", kinds(*KINDS[1:]), indirect=True)


def submitted(scheduler, *requests):
    results = scheduler.submit(requests)
    assert [one.batch_job_id for one in results] == [one.batch_job_id for one in requests]
    assert all(one.scheduler_id for one in results), results
    return [one.scheduler_id for one in results]


@every
def test_an_allocation_runs_and_ends_with_its_times(cluster):
    scheduler = cluster.scheduler()
    before = datetime.now(UTC) - timedelta(seconds=2)
    (number,) = submitted(scheduler, request(1))
    running = reached(scheduler, number, "running")
    eventually(lambda: cluster.runs(1))
    assert running.end_time is None
    cluster.go(1)
    ended = reached(scheduler, number, "finished")
    after = datetime.now(UTC) + timedelta(seconds=2)
    assert ended.start_time.utcoffset() == ended.end_time.utcoffset() == timedelta(0)
    assert before < ended.start_time <= ended.end_time < after


@remote
def test_the_exit_code_of_an_allocation_is_reported(cluster):
    scheduler = cluster.scheduler()
    (number,) = submitted(scheduler, request(1))
    eventually(lambda: cluster.runs(1))
    cluster.go(1, 3)
    assert reached(scheduler, number, "finished").info["exit_code"] == 3


@every
def test_what_was_submitted_before_a_crash_is_not_submitted_twice(cluster):
    (number,) = submitted(cluster.scheduler(), request(1))
    assert submitted(cluster.scheduler(), request(1), request(2))[0] == number
    reached(cluster.scheduler(), number, "running")
    eventually(lambda: cluster.runs(1) and cluster.runs(2))
    assert cluster.scheduler().find([1, 2, 3]).keys() == {1, 2}
    assert (cluster.runs(1), cluster.runs(2)) == (1, 1)


@remote
def test_not_even_after_it_has_ended_and_is_forgotten(cluster):
    (number,) = submitted(cluster.scheduler(), request(1))
    eventually(lambda: cluster.runs(1))
    cluster.go(1)
    reached(cluster.scheduler(), number, "finished")
    cluster.bad("forget")
    assert submitted(cluster.scheduler(), request(1)) == [number]
    assert reached(cluster.scheduler(), number, "finished").end_time
    cluster.bad()
    assert cluster.runs(1) == 1


@remote
def test_many_are_asked_for_by_one_command(cluster):
    scheduler = cluster.scheduler()
    numbers = submitted(scheduler, *map(request, range(1, 6)))
    for number in numbers:
        reached(scheduler, number, "running")
    before = len(cluster.calls())
    assert {status.state for status in scheduler.statuses(numbers).values()} == {"running"}
    assert [call for call in cluster.calls()[before:] if not call.startswith(LISTS[cluster.kind])] == []
    assert len(cluster.calls()) == before + 1
    scheduler.cancel(numbers)
    assert len(cluster.calls()) == before + 2


@every
def test_cancelling_may_be_repeated(cluster):
    scheduler = cluster.scheduler()
    first, second = submitted(scheduler, request(1), request(2))
    eventually(lambda: cluster.runs(1) and cluster.runs(2))
    for _ in range(2):
        scheduler.cancel([first, "999999"])
    assert reached(scheduler, first, "finished").end_time
    scheduler.cancel([first])
    assert scheduler.statuses([second])[second].state == "running"


@every
def test_an_id_that_nobody_knows_is_unknown(cluster):
    assert cluster.scheduler().statuses(["999999"])["999999"].state == "unknown"


@every
def test_a_queue_that_is_not_there_is_refused_for_good(cluster):
    (result,) = cluster.scheduler().submit([request(1, queue="nowhere")])
    assert result.scheduler_id is None
    assert not result.again
    assert "queue" in result.error or "partition" in result.error


@every
def test_the_queues_of_a_scheduler_are_listed(cluster):
    queues = cluster.scheduler().queues()
    assert queues
    if cluster.kind != "lsf":  # which tells limits in prose only
        assert all(limits["max_walltime"] > 0 for limits in queues.values())


@remote
def test_a_snapshot_has_the_owners_jobs_and_the_idle_nodes(cluster):
    scheduler = cluster.scheduler()
    (number,) = submitted(scheduler, request(1))
    reached(scheduler, number, "running")
    snapshot = scheduler.snapshot()
    assert snapshot.queued_jobs[number]["state"] == "running"
    assert snapshot.queued_jobs[number]["num_nodes"] == 1
    if cluster.kind in ("slurm", "pbs"):
        assert snapshot.backfill_windows["debug"][0]["num_nodes"] >= 1


@pytest.mark.parametrize("cluster", ["pbs", "lsf", "sge"], indirect=True)
def test_one_that_still_waits_is_found_by_its_name(cluster):
    hold = cluster.place / "jobs" / "hold"
    hold.touch()
    (number,) = submitted(cluster.scheduler(), request(1))
    assert cluster.scheduler().statuses([number])[number].state == "queued"
    assert submitted(cluster.scheduler(), request(1)) == [number]
    hold.unlink()
    reached(cluster.scheduler(), number, "running")


@remote
def test_nothing_is_submitted_while_the_list_of_jobs_cannot_be_read(cluster):
    cluster.bad("blind")
    (result,) = cluster.scheduler().submit([request(1)])
    assert result.again
    assert result.scheduler_id is None
    assert cluster.scheduler().find([1]) is None
    assert [call for call in cluster.calls() if call.split()[0] in ("sbatch", "qsub", "bsub")] == []


BAD = ("hang", "garbage", "binary_error", "truncated", "fail", "empty", "forget")


@pytest.mark.parametrize("mode", BAD)
@remote
def test_a_bad_scheduler_never_ends_an_allocation(cluster, mode):
    scheduler = cluster.scheduler(command_timeout_sec=0.7 if mode == "hang" else 20)
    (number,) = submitted(cluster.scheduler(), request(1))
    reached(cluster.scheduler(), number, "running")
    cluster.bad(mode)
    for _ in range(2):
        assert scheduler.statuses([number])[number].state in ("unknown", "running")
    if mode != "truncated":  # which does its work
        scheduler.cancel([number])
    scheduler.queues()
    scheduler.snapshot()
    cluster.bad()
    cluster.go(1)
    assert reached(cluster.scheduler(), number, "finished").end_time


@pytest.mark.parametrize("mode", ["hang", "garbage", "binary_error", "fail", "empty"])
@remote
def test_an_allocation_whose_script_said_so_has_ended_whatever_the_scheduler_says(cluster, mode):
    scheduler = cluster.scheduler(command_timeout_sec=0.7 if mode == "hang" else 20)
    (number,) = submitted(cluster.scheduler(), request(1))
    eventually(lambda: cluster.runs(1))
    cluster.bad(mode)
    cluster.go(1, 4)
    ended = reached(scheduler, number, "finished")
    assert ended.info["exit_code"] == 4
    assert ended.start_time <= ended.end_time


@pytest.mark.parametrize("mode", ["hang", "deaf", "garbage", "binary_error", "truncated", "fail"])
@remote
def test_a_submission_without_a_clear_answer_is_tried_again_and_made_once(cluster, mode):
    tried_again(cluster, mode)


@pytest.mark.parametrize("cluster", kinds(*(kind for kind in KINDS[1:] if kind != "slurm")), indirect=True)
def test_a_submission_whose_check_lists_nothing_is_tried_again_and_made_once(cluster):
    """An empty list of Slurm's is a good one."""
    tried_again(cluster, "empty")


def tried_again(cluster, mode):
    cluster.bad(mode)
    hangs = mode in ("hang", "deaf")
    scheduler = cluster.scheduler(command_timeout_sec=1.5) if hangs else cluster.scheduler()
    (result,) = scheduler.submit([request(1)])
    assert result.scheduler_id is None
    assert result.again, result
    cluster.bad()
    scheduler = cluster.scheduler() if hangs else scheduler  # a good answer may be slow
    (number,) = submitted(scheduler, request(1))
    reached(scheduler, number, "running")
    eventually(lambda: cluster.runs(1))
    assert cluster.runs(1) == 1


@pytest.mark.parametrize("seed", [1, 2, 3])
@remote
def test_a_scheduler_that_fails_at_random_still_gives_each_allocation_once(cluster, seed):
    print(f"seed {seed}")
    scheduler = cluster.scheduler()
    cluster.bad("random", seed=seed)
    wanted = {number: request(number) for number in range(1, 4)}
    ids: dict[int, str] = {}

    def all_submitted():
        for one in scheduler.submit([wanted[n] for n in wanted if n not in ids]):
            assert one.scheduler_id or one.again, one
            ids.update({one.batch_job_id: one.scheduler_id} if one.scheduler_id else {})
        return len(ids) == len(wanted)

    eventually(all_submitted)
    states = [scheduler.statuses(list(ids.values())) for _ in range(5)]
    assert "finished" not in {status.state for round_ in states for status in round_.values()}
    eventually(lambda: all(map(cluster.runs, wanted)))
    for number in wanted:
        cluster.go(number)
    for number in ids.values():
        reached(scheduler, number, "finished")
    assert [cluster.runs(number) for number in wanted] == [1, 1, 1]


@remote
def test_what_nobody_has_known_for_long_is_given_up_with_the_reason(cluster):
    scheduler = cluster.scheduler(forget_after_sec=0.01)
    scheduler.statuses(["424242"])
    status = eventually(lambda: (s := scheduler.statuses(["424242"])["424242"]).state == "finished" and s)
    assert "lost" in status.info["reason"]


def test_the_wrappers_of_this_suite_can_go_wrong(tmp_path, monkeypatch):
    from fakes.clusters import TestCluster
    from storax_agent.schedulers.command import run

    cluster = TestCluster("lsf", tmp_path, monkeypatch)
    assert run(["bqueues", "-w"], timeout_sec=20).ok
    cluster.bad("hang")
    assert run(["bqueues", "-w"], timeout_sec=0.2).code is None
    cluster.bad("fail")
    assert run(["bqueues", "-w"], timeout_sec=20).code == 1
