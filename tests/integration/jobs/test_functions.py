"""Python function Apps through the whole platform: the client's class, the real server, a site's warm workers."""

import math
import os
import signal

import pytest

from fakes.processes import alive, in_group
from fakes.site import RunningSite
from storax import App, Client, EventLog, Job
from storax.errors import InvalidInput
from waiting import eventually

SCALE = 10


def scaled(x):
    return SCALE * math.floor(x)


class Square(App):
    """Uses a helper, a constant and a module of this file."""

    site = "test"

    def run(self, x, power=2):
        print("squaring", x)
        return {"value": scaled(x) ** power, "job": self.job.id, "pid": os.getpid()}


class Faulty(App):
    site = "test"
    max_attempts = 1

    def run(self, how="raise"):
        if how == "exit":
            os._exit(3)
        if how == "leave":
            raise SystemExit(75)
        if how == "strange":
            return object()
        if how == "large":
            return "x" * (2 << 20)
        if how == "nan":
            return float("nan")
        if how == "thread":
            import threading

            threading.Thread(target=threading.Event().wait, args=(60,), daemon=True).start()
            return os.getpid()
        if how == "child":
            import subprocess

            return [os.getpid(), subprocess.Popen(["sleep", "60"]).pid]
        raise ValueError(f"no {how}")


class Slow(App):
    site = "test"

    def run(self, seconds=60):
        import subprocess
        import time
        from pathlib import Path

        child = subprocess.Popen(["sleep", str(seconds)])
        Path("pids").write_text(f"{os.getpid()} {child.pid}")
        time.sleep(seconds)


@pytest.fixture
def site(tmp_path, world):
    user = world.user()
    site = RunningSite(tmp_path / "site", world.url, token=user.token)
    site.folder.add_policy("allow_functions = true\n")
    with Client(world.url, user.token):
        yield site
        site.close()


def jobs_of(app, *parameters, **fields):
    jobs = [Job(app=app, workdir=f"{app.__name__}/{i}", parameters=p, **fields) for i, p in enumerate(parameters)]
    return Job.objects.bulk_create(jobs)


def test_a_function_runs_and_its_value_comes_back(site):
    Square.sync()
    site.start()
    job = Square.submit("a", x=3.7)
    result = job.result(timeout=60)
    assert result["value"] == 900
    assert result["job"] == job.id
    assert (job.return_code, job.state) == (0, "JOB_FINISHED")
    assert site.read("a/job.out") == "squaring 3.7\n"
    assert Square.submit("b", x=2, power=1).result(timeout=60)["pid"] == result["pid"], "the worker is warm"
    assert App.load_by_name("Square").submit("c", x=1).result(timeout=60)["value"] == 100


def test_parameters_are_checked_before_anything_is_stored(site):
    Square.sync()
    with pytest.raises(InvalidInput, match="needs the parameter 'x'"):
        Square.submit("a")
    with pytest.raises(InvalidInput, match="no parameter 'y'"):
        Square.submit("a", x=1, y=2)
    assert Job.objects.count() == 0


def test_an_exception_comes_back_with_its_type_message_and_traceback(site):
    Faulty.sync()
    site.start()
    job = Faulty.submit("a", how="luck")
    with pytest.raises(Job.Failed, match="ValueError: no luck") as failed:
        job.result(timeout=60)
    assert (failed.value.exception, failed.value.exception_message) == ("ValueError", "no luck")
    assert 'raise ValueError(f"no {how}")' in failed.value.traceback_tail
    assert "worker.py" not in failed.value.traceback_tail
    assert "ValueError: no luck" in site.read("a/job.err")
    assert job.return_code == 1


@pytest.mark.parametrize(
    ("how", "reason", "code"),
    [
        ("exit", r"its worker ended before run\(\) returned: exit code 3", 3),
        ("leave", "SystemExit: 75", 75),
        ("strange", r"cannot be stored: A object has no JSON form; it is kept in result-\d+.pickle of its workdir", 1),
        ("large", r"larger than 1 MiB; it is kept in result-\d+.json of its workdir", 1),
        ("nan", r"The value nan has no JSON form; it is kept in result-\d+.pickle", 1),
    ],
)
def test_what_goes_wrong_in_a_function_is_that_jobs_alone(site, how, reason, code):
    Faulty.sync(), Square.sync()
    site.start()
    (bad,) = jobs_of(Faulty, {"how": how})
    good = jobs_of(Square, *({"x": n} for n in range(20)))
    with pytest.raises(Job.Failed, match=reason):
        bad.result(timeout=60)
    assert bad.return_code == code
    assert [job.result(timeout=60)["value"] for job in good] == [100 * n * n for n in range(20)]


def test_a_result_that_cannot_be_stored_is_kept_and_its_job_is_not_tried_again(site):
    Faulty.sync()
    site.start()
    job = Faulty.submit("a", how="large", max_attempts=20)
    with pytest.raises(Job.Failed, match=r"larger than 1 MiB; it is kept in result-\d+.json of its workdir"):
        job.result(timeout=60)
    assert (job.attempt, job.return_value) == (1, None)
    assert site.read(f"a/result-{job.id}.json") == f'"{"x" * (2 << 20)}"'


@pytest.mark.parametrize("how", ["thread", "child"])
def test_a_worker_with_something_left_behind_is_not_used_again(site, how):
    Faulty.sync()
    site.start()
    results = [Faulty.submit(str(n), how=how).result(timeout=60) for n in range(3)]
    pids = [one if how == "thread" else one[0] for one in results]
    assert len(set(pids)) == 3
    if how == "child":
        eventually(lambda: not any(alive(one[1]) for one in results))


def test_a_killed_worker_costs_its_own_job_and_a_second_attempt_mends_it(site):
    Slow.sync()
    site.start()
    one, two = jobs_of(Slow, {"seconds": 60}, {"seconds": 2}, max_attempts=1)
    pid = int(eventually(lambda: site.read("Slow/0/pids").split())[0])
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(Job.Failed, match="killed by SIGKILL"):
        one.result(timeout=60)
    assert two.result(timeout=60) is None
    eventually(lambda: not in_group(pid))


def test_cancel_ends_the_workers_process_group_and_no_other(site):
    Slow.sync()
    site.start()
    cancelled, late = jobs_of(Slow, {}, {})
    first, second = ([int(w) for w in eventually(lambda n=n: site.read(f"Slow/{n}/pids").split())] for n in range(2))
    cancelled.cancel()
    with pytest.raises(Job.Cancelled, match="cancelled"):
        cancelled.result(timeout=60)
    eventually(lambda: not any(map(alive, first)))
    assert all(map(alive, second))
    late.cancel()
    eventually(lambda: not any(map(alive, second)))


def test_a_function_that_returns_when_it_is_stopped_is_cancelled_and_keeps_its_result(site):
    class Polite(App):
        site = "test"

        def run(self):
            import signal
            import time
            from pathlib import Path

            class Stopped(Exception):
                pass

            def stop(*_):
                raise Stopped

            signal.signal(signal.SIGTERM, stop)
            try:
                Path("up").touch()
                time.sleep(60)
            except Stopped:
                return "stopped"

    Polite.sync()
    text = site.folder.settings_file.read_text()
    site.folder.settings_file.write_text(text.replace("kill_grace_sec = 1.0", "kill_grace_sec = 60.0"))
    site.start()
    job = Polite.submit("polite")
    eventually(lambda: (site.folder.data / "polite/up").exists())
    assert job.cancel().requested == 1
    with pytest.raises(Job.Cancelled):
        job.result(timeout=60)
    assert job.return_value == "stopped"


def test_functions_and_commands_share_the_cores(site):
    class Wait(App):
        site = "test"
        command_template = "sleep 0.4"

    Slow.sync(), Wait.sync()
    site.start()
    jobs = jobs_of(Slow, *[{"seconds": 0.4}] * 4) + jobs_of(Wait, *[{}] * 4)
    most = 0

    def all_done():
        nonlocal most
        most = max(most, Job.objects.filter(state="RUNNING").count())
        return Job.objects.filter(state="JOB_FINISHED").count() == len(jobs)

    eventually(all_done)
    assert most <= 2, "this site has 2 cores"


def test_a_site_without_a_word_for_functions_refuses_them(tmp_path, world):
    user = world.user()
    site = RunningSite(tmp_path / "site", world.url, token=user.token)
    try:
        with Client(world.url, user.token):
            Square.sync()
            site.start()
            with pytest.raises(Job.Failed, match="this site runs no Python functions"):
                Square.submit("a", x=1).result(timeout=60)
    finally:
        site.close()


def test_a_killed_launcher_loses_no_function(site):
    Slow.sync()
    site.start()
    (job,) = jobs_of(Slow, {"seconds": 2})
    eventually(lambda: site.read("Slow/0/pids"))
    site.kill_launcher()
    assert job.result(timeout=60) is None
    runs = EventLog.objects.filter(job_id=job.id, to_state="RUNNING").count()
    assert runs == 1


class Union(App):
    site = "test"

    def run(self, values, keep=True):
        return [complex(len(values), 1)] if keep else len(values)


def test_values_are_pickled_only_where_the_site_allows_and_unpickled_only_where_trusted(site):
    import cloudpickle

    assert cloudpickle
    Union.sync()
    site.start()
    with pytest.raises(Job.Failed, match=r"this site's policy .allow_pickle. takes JSON alone"):
        Union.submit("a", values=App.pickled({"x"})).result(timeout=60)
    site.stop()
    text = site.folder.settings_file.read_text()
    site.folder.settings_file.write_text(text + "allow_pickle = true\n")
    site.start()
    job = Union.submit("b", values=App.pickled({"x"}))
    with pytest.raises(InvalidInput, match="unpickling runs any code it holds"):
        job.result(timeout=60)
    assert job.result(trust=True) == [1 + 1j]
    assert Union.submit("c", values=["x"], keep=False).result(timeout=60) == 1


def test_a_preamble_an_environment_and_other_arguments_reach_commands_and_functions(site):
    class Command(App):
        site = "test"
        shell_preamble = ["FROM_PREAMBLE='a  b'", "export FROM_PREAMBLE"]
        environment_variables = {"FROM_APP": "1"}
        command_template = "sh -c 'echo \"$FROM_PREAMBLE $FROM_APP $1\"' sh {{ x }}"

    class Function(App):
        site = "test"
        environment_variables = {"FROM_APP": "1"}

        def shell_preamble(self):
            return "export FROM_PREAMBLE='a  b'"

        def run(self, x):
            import os

            return f"{os.environ['FROM_PREAMBLE']} {os.environ['FROM_APP']} {x}"

    Command.sync(), Function.sync()
    site.start()
    Command.submit("a", x="$(id); 'q'").wait(60)
    assert site.read("a/job.out") == "a  b 1 $(id); 'q'\n"
    assert Function.submit("b", x="y").result(timeout=60) == "a  b 1 y"


def test_another_interpreter_that_is_not_there_is_named(site):
    class Elsewhere(App):
        site = "test"
        python_exe = "/no/such/python"

        def run(self):
            return 1

    Elsewhere.sync()
    site.start()
    with pytest.raises(Job.Failed, match="interpreter '/no/such/python' cannot be started"):
        Elsewhere.submit("a").result(timeout=60)


def test_an_app_that_moves_to_another_name_keeps_its_jobs(site):
    Square.sync()
    site.start()
    first = Square.submit("a", x=1)
    first.result(timeout=60)

    class Squared(Square):
        name = "Squared"

        def run(self, x):
            return x * x

    app = Squared.sync(rename_from="Square")
    assert first.app_id == app.id
    assert Squared.submit("b", x=3).result(timeout=60) == 9, "the new source runs"
    with pytest.raises(InvalidInput, match="no App 'Square'"):
        Job(app="Square", workdir="c", parameters={"x": 1}).save()


@pytest.mark.parametrize(("codes", "attempts"), [([75], 2), ([3], 1), ([], 2)])
def test_only_chosen_exit_codes_of_a_function_are_tried_again(site, codes, attempts):
    Faulty.sync()
    site.start()
    job = Job(app=Faulty, workdir="a", parameters={"how": "leave"}, max_attempts=2, retry_exit_codes=codes)
    job.save()
    assert job.wait(60).attempt == attempts
    last = job.history().filter(to_state="FAILED").last()
    assert ("not in retry_exit_codes" in last.data["why"]) == (attempts == 1)
