"""The loops that ask for allocations by themselves, with a real server; and an agent whose scheduler goes wrong."""

import os
import random
from datetime import UTC, datetime, timedelta

import pytest

from fakes.clusters import TestCluster
from fakes.site import RunningSite
from storax_agent.control.checks import check
from storax_agent.launch.footprint import footprint
from storax_agent.launch.packing import Capacity, Node
from storax_agent.loops import health
from storax_agent.loops.allocations.elastic_queue import ElasticQueue, NoQueueError, best_window
from storax_agent.loops.allocations.queue_maintainer import QueueMaintainer
from storax_agent.loops.allocations.queue_shape import patience_sec
from storax_agent.schedulers.base import SchedulerSnapshot
from storax_agent.server.site_api import SiteApi
from storax_agent.settings.scheduler import ElasticSettings, MaintainerSettings
from storax_agent.settings.site import SiteSettings
from waiting import eventually


class Idle:
    """A scheduler as far as its idle nodes and its queues go."""

    def __init__(self, *windows, cores=None):
        self.idle_nodes = SchedulerSnapshot({"debug": [{"num_nodes": n, "wall_time_min": w} for n, w in windows]}, {})
        self.limits = {"debug": {"max_nodes": 9, **({"cores": cores} if cores else {})}}

    def snapshot(self):
        return self.idle_nodes

    def queues(self):
        return self.limits


class SiteUser:
    def __init__(self, world):
        self.world, self.user = world, world.user()
        self.site = self.user.site()
        self.app = self.user.app(self.site)
        self.api = SiteApi(world.url, self.user.token)

    def elastic(self, *windows, later=0, cores=None, site=None, **settings):
        queue = ElasticSettings(**{"enabled": True, "queue": "debug", "max_nodes": 8, "max_pending": 9, **settings})
        now = datetime.now(UTC) + timedelta(minutes=later)
        shared = {"slots": 8, "launcher": {"whole_nodes": not cores}, "scheduler": {"kind": "slurm"}}
        own = SiteSettings(name="s", site_id=self.site, url=self.world.url, **{**shared, **(site or {})})
        ElasticQueue(self.api, own, Idle(*windows, cores=cores), queue, now=lambda: now).step()
        return self.batches()

    def batches(self):
        rows = self.user.post("/batch-jobs/query", {"filter": {"site_id": self.site}, "ordering": ["id"]})["results"]
        return [(row["state"], row["num_nodes"], row["wall_time_min"]) for row in rows]

    def last(self):
        return self.user.post("/batch-jobs/query", {"filter": {"site_id": self.site}, "ordering": ["-id"]})["results"][
            0
        ]

    def change(self, **patch):
        self.user.patch(f"/batch-jobs/{self.last()['id']}", patch)


@pytest.fixture
def desk(world):
    desk = SiteUser(world)
    yield desk
    desk.api.close()


def test_the_footprint_of_jobs_is_one_answer(desk):
    desk.user.jobs(desk.app, 6, node_packing_count=4, wall_time_min=7)
    desk.user.jobs(desk.app, 1, num_nodes=3, wall_time_min=2, tags={"a": "b"})
    footprint = desk.api.footprint({"site_id": desk.site})
    assert footprint == {"num_jobs": 7, "nodes": 4.5, "max_nodes": 3, "max_wall_time_min": 7}
    assert desk.api.footprint({"site_id": desk.site, "tags": {"a": "b"}})["nodes"] == 3
    assert desk.api.footprint({"site_id": desk.site, "state": "FAILED"})["nodes"] == 0
    desk.user.refused("POST", "/jobs/footprint", {"filter": {"nodes": 1}}, status=422, code="invalid")
    assert desk.world.user().post("/jobs/footprint", {"filter": {"site_id": desk.site}})["num_jobs"] == 0


def test_jobs_that_share_a_node_are_asked_for_as_the_packer_will_place_them(desk):
    desk.user.jobs(desk.app, 64)
    assert desk.elastic(cores=64) == [("pending_submission", 1, 60)]
    desk.user.jobs(desk.app, 3, threads_per_rank=40)
    assert desk.elastic(cores=64)[-1] == ("pending_submission", 3, 60), "two of them do not fit on one node"
    desk.user.jobs(desk.app, 5, gpus_per_rank=0.5)
    gpus = {"scheduler": {"kind": "slurm", "queues": {"debug": {"cores": 64, "gpus": 1}}}}
    assert desk.elastic(cores=64, site=gpus)[-1] == ("pending_submission", 3, 60)
    desk.user.jobs(desk.app, 2, gpus_per_rank=2.0)
    desk.user.jobs(desk.app, 2, threads_per_rank=65)
    assert len(desk.elastic(cores=64, site=gpus)) == 3, "no node of the queue can hold them"


def test_idle_cores_of_running_allocations_count(desk):
    desk.user.jobs(desk.app, 4)
    desk.elastic(cores=8)
    desk.change(state="running", scheduler_id="1")
    desk.user.acquire(desk.user.session(desk.site, batch_job_id=desk.last()["id"]), 4)
    desk.user.jobs(desk.app, 4)
    assert len(desk.elastic(cores=8)) == 1, "half of its one node is free"
    desk.user.jobs(desk.app, 1)
    assert desk.elastic(cores=8)[1:] == [("pending_submission", 1, 60)]


def test_the_server_counts_as_many_jobs_on_a_node_as_the_packer_puts_there(desk):
    seed = int(os.environ.get("STORAX_SEED", random.SystemRandom().randrange(2**32)))
    print(f"replay with STORAX_SEED={seed}")
    rng = random.Random(seed)
    requests = []
    for number in range(40):
        requests.append({
            "ranks_per_node": rng.randint(1, 3), "threads_per_rank": rng.randint(1, 3),
            "threads_per_core": rng.randint(1, 2), "mem_per_node_mb": rng.choice([0, 300, 500, 1000]),
            "gpus_per_rank": rng.choice([0.0, 0.1, 1 / 3, 0.4, 0.5, 1.0, 1.5]), "tags": {"n": str(number)},
            "node_packing_count": rng.choice([1, 2, 3]),
        })  # fmt: skip
        desk.user.jobs(desk.app, 1, **requests[-1])
    for number, one in enumerate(requests):
        size, whole = Capacity(rng.randint(9, 20), rng.randint(6, 8), rng.choice([0, 1500])), rng.random() < 0.3
        node, foot, held = Node(**size._asdict()), footprint(one, whole_nodes=whole), 0
        while place := node.fit(foot):
            node.take(place)
            held += 1
        only = {"site_id": desk.site, "tags": {"n": str(number)}}
        reply = desk.api.footprint(only, node=size._asdict(), whole_nodes=whole, fitting=True)
        assert reply["nodes"] == pytest.approx(1 / held), (one, size, whole)


def test_what_the_work_needs_is_asked_for_once(desk):
    assert desk.elastic() == []
    desk.user.jobs(desk.app, 10, node_packing_count=4)
    assert desk.elastic() == [("pending_submission", 3, 60)]
    assert desk.last()["status_info"] == {"made_by": "elastic_queue"}
    assert desk.last()["queue"] == "debug"
    assert len(desk.elastic()) == 1
    desk.change(state="queued", scheduler_id="1")
    assert len(desk.elastic()) == 1
    desk.user.jobs(desk.app, 4)
    assert desk.elastic()[1:] == [("pending_submission", 4, 60)]


def test_an_allocation_is_asked_for_only_by_jobs_that_would_run_in_it(desk):
    desk.user.jobs(desk.app, 2, num_nodes=2)
    desk.user.jobs(desk.app, 3, ranks_per_node=4)
    desk.user.jobs(desk.app, 1, wall_time_min=60)
    assert desk.elastic() == []
    assert desk.elastic(job_mode="mpi") == [("pending_submission", 7, 60)]
    desk.user.jobs(desk.app, 1, wall_time_min=59)
    assert len(desk.elastic()) == 1, "the wider mode runs it as well"


def test_a_serial_allocation_is_none_for_work_of_several_ranks(desk):
    desk.user.jobs(desk.app, 1, ranks_per_node=2)
    desk.user.post("/batch-jobs/", {"site_id": desk.site, "num_nodes": 4, "job_mode": "serial"})
    assert len(desk.elastic(job_mode="mpi")) == 2


def test_two_elastic_queues_ask_for_their_own_work_and_wait_for_their_own_failures(desk):
    wide, small = {"filter_tags": {"kind": "wide"}, "job_mode": "mpi"}, {"filter_tags": {"kind": "small"}}
    desk.user.jobs(desk.app, 1, num_nodes=3, tags={"kind": "wide"})
    desk.user.jobs(desk.app, 2, tags={"kind": "small"})
    desk.elastic(**wide)
    assert [nodes for _, nodes, _ in desk.elastic(**small)] == [3, 2]
    desk.change(state="submit_failed", status_info={**desk.last()["status_info"], "error": "no"})
    assert len(desk.elastic(**small)) == 2
    desk.user.jobs(desk.app, 1, num_nodes=3, tags={"kind": "wide"})
    assert len(desk.elastic(**wide)) == 3


def test_nodes_that_idle_in_running_allocations_count(desk):
    jobs = desk.user.jobs(desk.app, 4)
    desk.elastic()
    desk.change(state="running", scheduler_id="1")
    assert len(desk.elastic()) == 1  # four idle nodes, four jobs
    session = desk.user.session(desk.site, batch_job_id=desk.last()["id"])
    held = desk.user.acquire(session, 4)
    assert sorted(job["id"] for job in held) == sorted(jobs)
    assert len(desk.elastic()) == 1  # all is taken
    desk.user.jobs(desk.app, 2)
    assert desk.elastic()[1:] == [("pending_submission", 2, 60)]


def test_limits_of_the_elastic_queue_hold(desk):
    desk.user.jobs(desk.app, 100)
    assert desk.elastic(min_nodes=2)[-1][1] == 8
    desk.user.jobs(desk.app, 1, num_nodes=9)  # wider than any allocation: nobody asks for it
    for number in range(2, 10):
        assert len(desk.elastic()) == number
    assert len(desk.elastic()) == 9  # max_pending


def test_only_work_with_its_tags_counts(desk):
    desk.user.jobs(desk.app, 3, tags={"x": "y"})
    assert desk.elastic(filter_tags={"x": "z"}) == []
    assert desk.elastic(filter_tags={"x": "y"}) == [("pending_submission", 3, 60)]
    assert desk.last()["filter_tags"] == {"x": "y"}


def test_an_allocation_is_sized_to_what_is_idle(desk):
    desk.user.jobs(desk.app, 6)
    sized = {"use_backfill": True, "wall_time_pad_min": 5}
    assert desk.elastic(**sized) == []
    assert desk.elastic((4, 5), **sized) == []  # over before it could begin
    assert desk.elastic((2, 30), (4, 20), (1, 500), **sized) == [("pending_submission", 4, 15)]
    desk.user.patch("/jobs/", {"filter": {"site_id": desk.site}, "patch": {"wall_time_min": 20}})
    desk.change(state="finished")
    assert len(desk.elastic((4, 25), **sized)) == 1, "no job would end in it"
    assert len(desk.elastic((4, 26), **sized)) == 2
    assert best_window([{"num_nodes": 1, "wall_time_min": 0}], least=1, pad=5) == (1, 0)
    assert best_window([{"num_nodes": 3, "wall_time_min": 9}], least=4, pad=5) is None


def test_idle_nodes_are_looked_for_in_the_default_queue_where_none_is_named(desk):
    desk.user.jobs(desk.app, 2)
    default = {"scheduler": {"kind": "slurm", "default_queue": "debug"}}
    assert desk.elastic((4, 30), use_backfill=True, queue="", site=default) == [("pending_submission", 2, 25)]


def test_a_queue_without_idle_nodes_raises_an_error_or_logs_a_message(desk, caplog):
    desk.user.jobs(desk.app, 2)
    with pytest.raises(NoQueueError, match="no idle nodes of queue 'debugg'"):
        desk.elastic((4, 30), use_backfill=True, queue="debugg")
    with caplog.at_level("INFO"):
        desk.elastic(use_backfill=True)
    assert "2.0 nodes are missing; queue 'debug' has no idle ones that would do" in caplog.text


def test_one_of_its_own_that_waits_too_long_is_taken_back(desk):
    desk.user.jobs(desk.app, 1)
    desk.elastic()
    mine = desk.last()["id"]
    users = desk.user.post("/batch-jobs/", {"site_id": desk.site, "num_nodes": 1})["id"]
    desk.elastic(max_queue_wait_min=5)
    desk.elastic(max_queue_wait_min=5, later=6)
    states = {number: desk.user.get(f"/batch-jobs/{number}")["state"] for number in (mine, users)}
    assert states == {mine: "pending_deletion", users: "pending_submission"}


def test_what_is_refused_is_not_asked_for_again_at_once(desk):
    desk.user.jobs(desk.app, 1)
    desk.elastic()
    desk.change(state="submit_failed", status_info={**desk.last()["status_info"], "error": "no"})
    assert len(desk.elastic()) == 1
    assert len(desk.elastic(later=2)) == 2


def test_patience_doubles_up_to_an_hour():
    now = datetime.now(UTC)

    def row(state="submit_failed", maker="m", **info):
        return {"state": state, "status_info": {"made_by": maker, **info}, "last_update": now.isoformat()}

    assert patience_sec([], "m", now) == 0
    assert patience_sec([row(), row()], "m", now) == 120
    assert (
        patience_sec([row(maker="user"), row("finished", exit_code=1), row("finished", exit_code=0), row()], "m", now)
        == 60
    )
    assert patience_sec([row("finished", exit_code=0), row()], "m", now) == 0
    assert patience_sec([row("finished", exit_code=143), row()], "m", now) == 0, "it was cancelled"
    assert patience_sec([row()] * 20, "m", now) == 3600


def test_so_many_equal_allocations_are_kept(desk):
    loop = QueueMaintainer(
        desk.api, desk.site, MaintainerSettings(enabled=True, num_queued_jobs=3, num_nodes=2, wall_time_min=9)
    )
    desk.user.post("/batch-jobs/", {"site_id": desk.site, "num_nodes": 1, "wall_time_min": 9})
    for _ in range(2):
        loop.step()
        assert desk.batches()[1:] == [("pending_submission", 2, 9)] * 3
    desk.change(state="finished")
    loop.step()
    assert [state for state, nodes, _ in desk.batches() if nodes == 2].count("pending_submission") == 3


@pytest.fixture
def site(world, tmp_path, monkeypatch):
    cluster = TestCluster("pbs", tmp_path, monkeypatch)
    user = world.user()
    running = RunningSite(tmp_path / "site", world.url, token=user.token, run_jobs=False, slots=2)
    running.folder.choose_scheduler("pbs")
    text = running.folder.settings_file.read_text()
    running.folder.settings_file.write_text(text + "idle_sec = 5\noutlook_poll_sec = 0.3\n")
    running.user, running.cluster = user, cluster
    yield running
    cluster.bad()
    running.close()


@pytest.mark.slow("each way in which a scheduler goes wrong is waited for")
def test_an_agent_lives_with_a_scheduler_that_goes_wrong_in_every_way(site, world):
    seed = random.randrange(1000)
    print(f"seed {seed}")
    user, cluster = site.user, site.cluster
    with site.folder.settings_file.open("a") as file:
        file.write("command_timeout_sec = 1.5\n")
    site.start()
    cluster.bad("random", seed=seed)
    app = user.app(site.site_id, command_template="sh -c 'until [ -e \"$1\" ]; do sleep 0.1; done' sh {{ go }}")
    go = site.folder.state / "go"
    jobs = user.jobs(app, 6, parameters={"go": str(go)})
    batch = user.post("/batch-jobs/", {"site_id": site.site_id, "num_nodes": 1, "wall_time_min": 5})["id"]
    eventually(lambda: user.get(f"/batch-jobs/{batch}")["state"] == "running")
    for mode in ("hang", "garbage", "truncated", "fail", "empty", "forget"):
        cluster.bad(mode)
        before = len(cluster.calls())
        eventually(lambda before=before: len(cluster.calls()) >= before + 3)
        assert user.get(f"/batch-jobs/{batch}")["state"] != "submit_failed"
        assert site.agent.poll() is None
    cluster.bad()
    go.touch()
    eventually(lambda: set(user.states(*jobs)) == {"JOB_FINISHED"})
    row = eventually(lambda: (r := user.get(f"/batch-jobs/{batch}"))["state"] == "finished" and r)
    assert row["status_info"]["exit_code"] == 0
    assert row["start_time"] < row["end_time"]
    assert [event["to_state"] for event in user.events(entity="batch_job", entity_id=batch, to_state="finished")] == [
        "finished"
    ]
    loops = eventually(lambda: health.read(site.folder.state / health.FILE))
    assert loops["allocations"] == health.LoopRecord(errors=0, failing="")
    assert len(list((cluster.place / "jobs").glob("*.json"))) == 1


def test_a_scheduler_that_is_not_there_is_said_in_the_check_and_makes_batch_jobs_wait(site):
    site.start()
    site.cluster.bad("fail")
    batch = site.user.post("/batch-jobs/", {"site_id": site.site_id, "num_nodes": 1, "wall_time_min": 5})["id"]
    row = eventually(lambda: (r := site.user.get(f"/batch-jobs/{batch}"))["status_info"] and r)
    assert row["state"] == "pending_submission"
    assert "no clear" in row["status_info"]["waits"]
    findings = {finding.what: finding for finding in check(site.folder)}
    assert findings["scheduler"].good is False
    assert "check that it runs" in findings["scheduler"].detail
    site.cluster.bad()
    row = eventually(lambda: (r := site.user.get(f"/batch-jobs/{batch}"))["state"] == "finished" and r)
    assert "waits" not in row["status_info"]


def test_a_loop_that_fails_shows_in_the_site_s_row_until_it_works_again(site):
    def failing_loops():
        return site.user.get(f"/sites/{site.site_id}")["failing_loops"]

    def tellings():
        rows = site.user.get("/events/", entity="site", entity_id=site.site_id, ordering="position")["results"]
        return [list(row["data"]["failing_loops"]) for row in rows if "failing_loops" in row["data"]]

    site.start()
    eventually(lambda: site.user.get(f"/sites/{site.site_id}")["allowed_queues"])
    site.cluster.bad("fail")
    row = eventually(failing_loops)
    assert list(row) == ["outlook"]
    assert "gives no clear answer" in row["outlook"]["error"]
    assert datetime.fromisoformat(row["outlook"]["since"]) <= datetime.now(UTC)
    eventually(lambda: "loop outlook" in {finding.what for finding in check(site.folder) if finding.good is False})
    calls = len(site.cluster.calls())
    eventually(lambda: len(site.cluster.calls()) > calls + 1)
    assert tellings() == [["outlook"]], "an event at each beat, or none"
    site.kill()
    site.cluster.bad()
    site.start()  # the words of an agent that was killed are taken back by the next
    eventually(lambda: failing_loops() == {})
    assert tellings() == [["outlook"], []]


def test_a_job_fails_only_where_no_queue_of_the_site_can_hold_it(site):
    with site.folder.settings_file.open("a") as file:
        file.write("[scheduler.queues.workq]\ncores = 2\ngpus = 0\nmax_nodes = 2\n")
        file.write("[scheduler.queues.gpuq]\ncores = 8\ngpus = 1\nmax_nodes = 1\n")
    app = site.user.app(site.site_id, command_template="true")
    fitting = [site.user.jobs(app, 1, **ask)[0] for ask in ({"num_nodes": 2}, {"gpus_per_rank": 1.0})]
    (wide,) = site.user.jobs(app, 1, num_nodes=2, gpus_per_rank=0.5)
    site.start()
    eventually(lambda: site.user.states(wide) == ["FAILED"])
    message = site.user.events(job_id=wide, to_state="FAILED")[-1]["data"]["message"]
    assert message == (
        "no place of this site can hold it: needs 1 GPUs on each node; queue 'workq' has 0; "
        "needs 2 nodes; queue 'gpuq' has 1"
    )
    assert site.user.states(*fitting) == ["PREPROCESSED"] * 2
    assert [event["type"] for event in site.user.events(job_id=fitting[0])] == ["job.created"]


def test_the_check_shows_what_backfill_would_find(site):
    text = site.folder.settings_file.read_text()
    for queue, good, detail in (("debug", None, "2 nodes for"), ("debugg", False, "no such queue")):
        table = f"[elastic_queue]\nenabled = true\nuse_backfill = true\nqueue = '{queue}'\n"
        site.folder.settings_file.write_text(f"{text}\n{table}")
        (backfill,) = [finding for finding in check(site.folder) if finding.what == f"backfill {queue}"]
        assert backfill.good is good
        assert detail in backfill.detail


def test_one_that_is_deleted_before_it_is_submitted_never_is(site):
    site.cluster.bad("fail")
    site.start()
    batch = site.user.post("/batch-jobs/", {"site_id": site.site_id, "num_nodes": 1, "wall_time_min": 5})["id"]
    eventually(lambda: site.user.get(f"/batch-jobs/{batch}")["status_info"])
    site.user.patch(f"/batch-jobs/{batch}", {"state": "pending_deletion"})
    calls = len(site.cluster.calls())
    eventually(lambda: len(site.cluster.calls()) > calls + 3)
    assert site.user.get(f"/batch-jobs/{batch}")["state"] == "pending_deletion"  # nobody can know yet
    site.cluster.bad()
    row = eventually(lambda: (r := site.user.get(f"/batch-jobs/{batch}"))["state"] == "finished" and r)
    assert row["status_info"]["reason"] == "never submitted"
    assert row["scheduler_id"] is None


def replace_program(path, text):
    """Put another program in the place of one that may just be starting, which cannot be written to."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(text)
    new.chmod(0o755)
    new.replace(path)


def test_bad_bytes_of_a_scheduler_become_the_reason_of_the_batch_job(site):
    qsub = site.cluster.bin / "qsub"
    good = qsub.read_text()
    replace_program(qsub, "#!/bin/sh\nprintf 'odd \\000 and \\377 from \\033[31mqsub' >&2\nexit 1\n")
    site.start()
    body = {"site_id": site.site_id, "num_nodes": 1, "wall_time_min": 5}
    batch = site.user.post("/batch-jobs/", body)["id"]
    row = eventually(lambda: (r := site.user.get(f"/batch-jobs/{batch}"))["status_info"] and r)
    assert "odd \\x00 and \ufffd from" in str(row["status_info"].get("waits") or row["status_info"].get("error"))
    replace_program(qsub, good)
    fine = site.user.post("/batch-jobs/", body)["id"]
    eventually(lambda: site.user.get(f"/batch-jobs/{fine}")["state"] in ("queued", "running", "finished"))
    assert not site.folder.set_aside.exists()
