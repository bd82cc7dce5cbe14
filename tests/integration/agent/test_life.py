"""The agent against a stand-in for the server: what it survives, and what it never does twice or not at all."""

import contextlib
import os
import signal
import time

import pytest

from fakes.processes import alive, in_group, watches
from fakes.session_server import SessionServer
from fakes.site import TOKEN, RunningSite
from waiting import eventually, in_one_of

SLOW = "echo $$ > pid; echo run >> runs; while [ ! -e go ]; do sleep 0.02; done; exit {code}"


@pytest.fixture
def server():
    server = SessionServer()
    yield server
    server.close()


@pytest.fixture
def site(tmp_path, server):
    site = RunningSite(tmp_path / "site", server.url)
    yield site
    site.close()


def slow(server, number=1, *, code=0, **fields):
    """Jobs that run until a file ``go`` is in their workdir."""
    app = server.app(SLOW.format(code=code), use_shell=True)
    return server.jobs(app, number, **fields)


def go(site, *jobs):
    for job in jobs:
        site.file(f"w/{job}").mkdir(parents=True, exist_ok=True)
        site.file(f"w/{job}/go").touch()


def wait_running(site, server, *jobs):
    eventually(lambda: all(server.state(job) == "RUNNING" and site.read(f"w/{job}/pid").strip() for job in jobs))


def runs(site, job):
    return site.read(f"w/{job}/runs").count("run")


def finished(server, *jobs):
    try:
        eventually(lambda: server.states(list(jobs)) == {"JOB_FINISHED"})
    except AssertionError as error:
        raise AssertionError(f"{error}; told: { ({job: server.accepted_states(job) for job in jobs}) }") from error


def test_a_job_runs_and_is_reported(site, server):
    site.start()
    job = server.job(server.app("echo {{ x }}"), parameters={"x": "a  b"})
    finished(server, job)
    assert server.accepted_states(job) == ["RUNNING", "RUN_DONE"]
    assert server.store.jobs[job]["return_code"] == 0
    assert site.read(f"w/{job}/job.out") == "a  b\n"


def test_a_long_job_is_running_before_it_ends(site, server):
    site.start()
    (job,) = slow(server)
    wait_running(site, server, job)
    go(site, job)
    finished(server, job)
    assert server.accepted_states(job) == ["RUNNING", "RUN_DONE"]


def test_results_and_failures_come_back(site, server):
    site.start()
    write = server.app("printf %s {{ text }} > $STORAX_RESULT_FILE", use_shell=True)
    good = server.job(write, parameters={"text": '{"a": [1, null]}'})
    bad = server.job(write, parameters={"text": "{nonsense"})
    large = server.job(server.app("head -c 1100000 /dev/zero > $STORAX_RESULT_FILE", use_shell=True))
    failing = server.job(
        server.app("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo line $i >&2; done; exit 3", use_shell=True)
    )
    missing = server.job(server.app("no-such-program"))
    killed = server.job(server.app("kill -9 $$", use_shell=True))
    finished(server, good)
    assert server.store.jobs[good]["return_value"] == {"a": [1, None]}
    eventually(lambda: server.states([bad, large, failing, missing, killed]) == {"FAILED"})
    assert "not JSON" in server.data(bad)["message"]
    assert "larger than 1 MiB" in server.data(large)["message"]
    assert server.data(failing)["stderr_tail"].splitlines()[0] == "line 3"
    assert server.store.jobs[failing]["return_code"] == 3
    assert "command not found: 'no-such-program'" in server.data(missing)["message"]
    assert server.store.jobs[missing]["return_code"] == 127
    assert server.data(killed)["message"] == "killed by SIGKILL"
    assert server.store.jobs[killed]["return_code"] == -9
    assert list(site.folder.results.iterdir()) == []


def test_jobs_see_no_secret_of_the_agent(site, server):
    site.environment = {"STORAX_TOKEN": "stx_x", "MY_PASSWORD": "p", "OMP_PROC_BIND": "true"}
    site.start()
    app = server.app("env", environment={"FROM_APP": "1"})
    job = server.job(app, threads_per_rank=2)
    finished(server, job)
    names = {line.partition("=")[0]: line.partition("=")[2] for line in site.read(f"w/{job}/job.out").splitlines()}
    assert names["OMP_PROC_BIND"] == "true"
    assert (names["FROM_APP"], names["OMP_NUM_THREADS"], names["STORAX_JOB_ID"]) == ("1", "2", str(job))
    assert not {"STORAX_TOKEN", "MY_PASSWORD"} & set(names)
    assert TOKEN not in site.log
    assert site.folder.token_file.stat().st_mode & 0o077 == 0
    assert site.folder.path.stat().st_mode & 0o077 == 0


def test_work_that_this_site_cannot_or_will_not_do_fails_with_the_reason(site, server):
    site.start()
    reasons = {
        server.job(server.app("true"), num_nodes=4): "needs 4 nodes; this site has 1",
        server.job(server.app("true"), ranks_per_node=3): "needs 3 cores; this site has 2",
        server.job(server.app("true"), gpus_per_rank=0.5): "needs 1 GPUs; this site has 0",
        server.job(server.app(None)): "runs no Python functions",
        server.job(server.app("echo {{ x }}")): "parameter 'x' is missing",
        server.job(server.app("true"), workdir="../../etc"): "'..'",
    }
    eventually(lambda: server.states(list(reasons)) == {"FAILED"})
    for job, reason in reasons.items():
        assert reason in server.data(job)["message"]
        assert server.accepted_states(job) == ["FAILED"]


def test_cancelling_leaves_no_process(site, server):
    site.start()
    app = server.app("echo $$ > pid; trap '' TERM; sleep 600 & sleep 601", use_shell=True)
    jobs = server.jobs(app, 2)
    queued = server.job(app)
    wait_running(site, server, *jobs)
    pids = [int(site.read(f"w/{job}/pid")) for job in jobs]
    began = time.monotonic()
    for job in (*jobs, queued):
        server.cancel(job)
    eventually(lambda: server.states(jobs) == {"CANCELLED"})
    assert time.monotonic() - began < 30
    assert [server.data(job)["message"] for job in jobs] == ["cancelled", "cancelled"]
    eventually(lambda: not any(in_group(pid) for pid in pids))
    eventually(lambda: server.state(queued) == "CANCELLED")
    assert server.accepted_states(queued) == ["CANCELLED"]


def test_a_killed_agent_is_replaced_and_no_exit_code_is_lost(site, server):
    site.start()
    jobs = [*slow(server), *slow(server, code=7)]
    wait_running(site, server, *jobs)
    launcher = site.launcher
    site.kill()
    go(site, jobs[1])
    time.sleep(0.3)
    site.start()
    go(site, jobs[0])
    finished(server, jobs[0])
    eventually(lambda: server.state(jobs[1]) == "FAILED")
    assert server.store.jobs[jobs[1]]["return_code"] == 7
    assert [runs(site, job) for job in jobs] == [1, 1]
    assert site.launcher == launcher
    assert len(server.store.sessions) == 1, "the session was taken up again"


def test_a_killed_launcher_costs_no_exit_code(site, server):
    site.start()
    jobs = [*slow(server), *slow(server, code=7)]
    wait_running(site, server, *jobs)
    pids = [int(site.read(f"w/{job}/pid")) for job in jobs]
    site.kill_launcher()
    eventually(lambda: all(watches(site.launcher, pid) for pid in pids))
    go(site, *jobs)
    finished(server, jobs[0])
    eventually(lambda: server.state(jobs[1]) == "FAILED")
    assert server.store.jobs[jobs[1]]["return_code"] == 7
    assert [runs(site, job) for job in jobs] == [1, 1]


def test_agent_and_launcher_killed_together(site, server):
    site.start()
    jobs = slow(server, 2)
    more = slow(server, 3)
    wait_running(site, server, *jobs)
    site.kill()
    site.kill_launcher()
    go(site, *jobs, *more)
    site.start()
    finished(server, *jobs, *more)
    assert all(runs(site, job) <= 2 for job in jobs)
    assert [runs(site, job) for job in more] == [1, 1, 1]


def test_a_storm_of_kills_loses_no_job(site, server):
    site.start()
    app = server.app("sh -c 'echo run >> runs; sleep 0.02'")
    jobs = server.jobs(app, 150)
    for number in range(6):
        time.sleep(0.25)
        if number % 2:
            site.kill_launcher()
        if number % 3 == 0:
            site.kill()
            site.start()
    finished(server, *jobs)
    assert all(server.accepted_states(job).count("RUN_DONE") == 1 for job in jobs)
    assert max(runs(site, job) for job in jobs) <= 1 + 3, "once more for each kill of the launcher"


def test_what_ended_during_an_outage_is_reported_afterwards(site, server):
    site.start()
    jobs = [*slow(server), *slow(server, code=7)]
    wait_running(site, server, *jobs)
    server.down = True
    go(site, *jobs)
    eventually(lambda: not site.groups())
    time.sleep(0.2)
    site.kill()
    site.start()
    time.sleep(0.3)
    site.kill()
    server.down = False
    site.start()
    finished(server, jobs[0])
    eventually(lambda: server.state(jobs[1]) == "FAILED")
    assert [runs(site, job) for job in jobs] == [1, 1]
    assert [server.accepted_states(job) for job in jobs] == [["RUNNING", "RUN_DONE"], ["RUNNING", "RUN_ERROR"]]


def test_lost_answers_lose_nothing_and_repeat_nothing(site, server):
    app = server.app("echo run >> runs", use_shell=True)
    server.lose = ["/acquire", "/report", "/report", "/acquire"]
    jobs = server.jobs(app, 5)
    site.start()
    finished(server, *jobs)
    assert server.lose == []
    assert [runs(site, job) for job in jobs] == [1] * 5
    assert all(server.accepted_states(job).count("RUN_DONE") == 1 for job in jobs)


def test_a_lost_session_stops_its_jobs_and_takes_them_up_again(site, server):
    site.start()
    jobs = slow(server, 2)
    wait_running(site, server, *jobs)
    pids = [int(site.read(f"w/{job}/pid")) for job in jobs]
    server.expire()
    eventually(lambda: not any(in_group(pid) for pid in pids))
    go(site, *jobs)
    finished(server, *jobs)
    assert [runs(site, job) for job in jobs] == [2, 2]
    assert [server.accepted_states(job).count("RUN_DONE") for job in jobs] == [1, 1]


def test_a_stale_report_stops_the_process(site, server):
    app = server.app("echo $$ > pid; sleep 600 & sleep 601", use_shell=True)
    job = server.job(app, state="AWAITING_PARENTS")
    server.steal = {job}
    # The answer to its first report stops the process, which must have said its pid by then.
    server.reject, server.rejection = lambda _: not site.read(f"w/{job}/pid").strip(), 503
    server.store.jobs[job]["state"] = "PREPROCESSED"
    site.start()
    pid = int(eventually(lambda: site.read(f"w/{job}/pid").strip()))
    eventually(lambda: [row["id"] for row in server.store.refused] == [job])
    eventually(lambda: not in_group(pid))
    assert server.accepted_states(job) == []


def test_a_stale_end_is_refused_and_forgotten(site, server):
    site.start()
    (job,) = slow(server)
    wait_running(site, server, job)
    server.take_away(job)
    site.kill()
    site.start()
    go(site, job)
    eventually(lambda: server.store.refused)
    other = server.job(server.app("true"))
    finished(server, other)
    assert {row["id"] for row in server.store.refused} == {job}
    assert server.accepted_states(job) == ["RUNNING"]


def test_one_report_that_the_server_cannot_take_does_not_hold_up_others(site, server):
    server.reject = lambda rows: any((row.get("patch") or {}).get("return_value") == "poison" for row in rows)
    app = server.app("printf '\"%s\"' {{ x }} > $STORAX_RESULT_FILE", use_shell=True)
    good = [server.job(app, parameters={"x": f"ok{n}"}) for n in range(5)]
    bad = server.job(app, parameters={"x": "poison"})
    site.start()
    finished(server, *good)
    eventually(lambda: server.state(bad) == "FAILED")
    assert "the server refused what this job reported: not this one" in server.data(bad)["message"]


def test_sigterm_leaves_jobs_running_for_the_next_agent(site, server):
    site.start()
    (job,) = slow(server)
    wait_running(site, server, job)
    pid = int(site.read(f"w/{job}/pid"))
    began = time.monotonic()
    site.stop()
    assert time.monotonic() - began < 30
    assert alive(pid)
    assert site.launcher is not None
    site.start()
    go(site, job)
    finished(server, job)
    assert runs(site, job) == 1


@pytest.mark.parametrize("how", ["setting", "variable", "signal"])
def test_an_agent_that_is_to_stop_its_jobs_ends_and_reports_them_and_leaves_nothing(tmp_path, how):
    def attempt(number):  # the agent gives itself 4.7 s, of which a stubborn job takes 3
        with contextlib.closing(SessionServer()) as server:
            stop_with_jobs(tmp_path / f"site{number}", server, how)

    in_one_of(attempt)


def stop_with_jobs(path, server, how):
    site = RunningSite(path, server.url, stop_jobs_on_exit=how == "setting")
    site.environment = {"STORAX_AGENT_STOP_JOBS": "1"} if how == "variable" else {}
    try:
        site.start()
        gentle, stubborn = (
            server.job(server.app("sleep 600")),
            server.job(server.app("trap '' TERM; sleep 600; sleep 601", use_shell=True)),
        )
        waiting = server.job(server.app("sleep 600"))
        eventually(lambda: server.states([gentle, stubborn]) == {"RUNNING"})
        server.hold(waiting)
        began = time.monotonic()
        site.stop(signal.SIGUSR1 if how == "signal" else signal.SIGTERM)
        assert time.monotonic() - began < 30
        assert [server.accepted_states(job)[-1] for job in (gentle, stubborn)] == ["RUN_TIMEOUT"] * 2
        assert server.data(gentle) == {"message": "the agent of site test was stopped", "lease_lost": True}
        assert server.accepted_states(waiting) == []
        assert server.store.sessions == set()
        eventually(lambda: site.launcher is None)
    finally:
        site.close()


def test_the_hard_limit_of_a_run_is_minutes(site, server):
    site.start()
    job = server.job(server.app("sleep 600"), wall_time_limit_min=0.005)
    server.store.jobs[job]["max_attempts"] = 1
    eventually(lambda: "RUN_TIMEOUT" in server.accepted_states(job))
    server.hold(job)
    timed_out = next(data for number, to, data in server.store.moves if (number, to) == (job, "RUN_TIMEOUT"))
    assert timed_out["message"] == "it reached its limit of 0.005 min (wall_time_limit_min)"


def test_site_policy_is_the_sites_not_the_servers(tmp_path, server):
    from storax_agent.settings.policy import app_digest

    known = server.app("echo known")
    site = RunningSite(tmp_path / "site", server.url)
    with site.folder.settings_file.open("a") as file:
        file.write(
            f'[policy]\nallowed_apps = ["{app_digest(server.store.apps[known])}"]\nallowed_submitters = ["ann"]\n'
        )
    try:
        site.start()
        good, bad = server.job(known), server.job(server.app("echo unknown"))
        finished(server, good)
        eventually(lambda: server.state(bad) == "FAILED")
        assert "is not in allowed_apps" in server.data(bad)["message"]
        server.store.apps[known].update(command_template="echo changed", version=2)
        changed = server.job(known)
        eventually(lambda: server.state(changed) == "FAILED")
    finally:
        site.close()


def test_two_agents_of_one_site_are_refused(site):
    from storax_agent.control import site as control
    from storax_agent.files.locks import AlreadyRunningError

    site.start()
    with pytest.raises(AlreadyRunningError, match=f"process {site.pid}"):
        control.start(site.folder)


def test_an_agent_that_comes_up_late_is_not_called_one_that_did_not_start(site, monkeypatch):
    from storax_agent.control import site as control

    monkeypatch.setattr(control, "START_SEC", 0.0)
    with pytest.raises(control.SiteError, match=r"process \d+\) is not up after 0 s, and may still come"):
        control.start(site.folder)
    eventually(lambda: control.holder(site.folder.lock))
    assert control.stop(site.folder, kill=True)[0]


def test_a_paused_agent_goes_on_where_it_was(site, server):
    site.start()
    (job,) = slow(server)
    wait_running(site, server, job)
    os.kill(site.pid, signal.SIGSTOP)
    go(site, job)
    jobs = server.jobs(server.app("true"), 20)
    time.sleep(0.5)
    assert server.state(job) == "RUNNING"
    os.kill(site.pid, signal.SIGCONT)
    finished(server, job, *jobs)
    assert runs(site, job) == 1


def test_restarting_the_agent_under_load_kills_no_job(site, server):
    app = server.app("echo run >> runs; sleep 0.1", use_shell=True)
    jobs = server.jobs(app, 60)
    site.start()
    for number in range(6):
        time.sleep(0.3)
        site.kill() if number % 2 else site.stop()
        site.start()
    finished(server, *jobs)
    assert [runs(site, job) for job in jobs] == [1] * 60
    assert all(server.accepted_states(job) == ["RUNNING", "RUN_DONE"] for job in jobs)


def test_hundreds_of_ends_during_an_outage_all_arrive(site, server):
    app = server.app("sleep 0.5")
    site.start()
    warm = server.jobs(server.app("true"), 300)  # so that many are leased ahead
    jobs = server.jobs(app, 20)
    finished(server, *warm)
    eventually(lambda: sum(row["session_id"] is not None for row in server.store.jobs.values()) >= 2)
    server.down = True
    held = [row["id"] for row in server.store.jobs.values() if row["session_id"] is not None]
    time.sleep(1.0)
    site.kill()
    site.start()
    time.sleep(1.0)
    site.kill()
    server.down = False
    site.start()
    finished(server, *jobs)
    assert len(held) >= 2
    assert all(server.accepted_states(job).count("RUN_DONE") == 1 for job in jobs)
