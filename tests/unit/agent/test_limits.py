"""What a site does not allow is refused before the scheduler is asked, and no value can become a line of a job script."""

import json
import subprocess
import time
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from storax_agent.allocations.limits import Allocation
from storax_agent.loops.allocations.scheduler_snapshot import capabilities
from storax_agent.schedulers import template
from storax_agent.schedulers.base import Request
from storax_agent.schedulers.command import CommandRunner
from storax_agent.schedulers.limits import allowed_queues, objection, resolved
from storax_agent.schedulers.local import LocalScheduler
from storax_agent.schedulers.pbs import Pbs
from storax_agent.settings.scheduler import ElasticQueues, ElasticSettings, SchedulerSettings
from storax_agent.settings.site import SiteFolder, SiteSettings

OWN = {"debug": {"max_nodes": 2, "max_walltime": 60}, "long": {"max_nodes": 8}}
PLAIN = Request(5, 1, 30, "debug", "", "serial", {})


def settings(**values):
    return SchedulerSettings.model_validate(values)


def test_the_lower_of_two_limits_holds():
    ours = settings(queues={"debug": {"max_nodes": 4, "max_walltime": 10, "max_queued_jobs": 3}})
    assert allowed_queues(ours, OWN) == {"debug": {"max_nodes": 2, "max_walltime": 10, "max_queued_jobs": 3}}
    assert allowed_queues(settings(), OWN) == OWN
    assert allowed_queues(ours, {}) == {"debug": {"max_nodes": 4, "max_walltime": 10, "max_queued_jobs": 3}}


@pytest.mark.parametrize(
    ("fields", "reason", "allowed"),
    [
        ({"num_nodes": 3}, "asks for 3 nodes; queue 'debug' allows 2", 2),
        ({"wall_time_min": 61}, "asks for 61 minutes; queue 'debug' allows 60", 60),
        ({"queue": "debgu"}, "no queue 'debgu' at this site. Did you mean 'debug'?", ["debug", "long"]),
        ({"queue": "", "num_nodes": 9}, "asks for 9 nodes; this site allows 8", 8),
        ({"project": "other"}, "project 'other' is not among", ["physics"]),
        ({"optional_params": {"qos": "high"}}, "'qos' is not allowed", ["constraint"]),
    ],
)
def test_a_refusal_says_what_was_asked_and_what_is_allowed(fields, reason, allowed):
    ours = settings(projects=["physics"], optional_params={"constraint": ""})
    good = PLAIN._replace(project="physics")
    assert objection(good, ours, OWN) is None
    refused = objection(good._replace(**fields), ours, OWN)
    assert reason in refused.error
    assert refused.info()["allowed"] == allowed


def test_a_scheduler_that_tells_no_limits_is_left_to_refuse_by_itself():
    assert objection(PLAIN._replace(num_nodes=500, queue="any"), settings(), {}) is None
    assert objection(PLAIN._replace(queue="", wall_time_min=9999), settings(), OWN) is None  # "long" has no limit


def test_what_is_not_asked_for_is_the_sites_default():
    ours = settings(default_queue="long", default_project="p")
    assert resolved(PLAIN._replace(queue=""), ours)[3:5] == ("long", "p")
    assert resolved(PLAIN._replace(project="q"), ours)[3:5] == ("debug", "q")


def test_an_elastic_queue_whose_least_is_above_its_most_is_refused():
    with pytest.raises(ValueError, match="min_nodes = 3 is above max_nodes = 2"):
        ElasticSettings(min_nodes=3, max_nodes=2)


def test_backfill_that_could_never_be_found_is_refused():
    def site(kind, *, queue="", **scheduler):
        elastic = {"enabled": True, "use_backfill": True, "queue": queue}
        fields = {"scheduler": {"kind": kind, **scheduler}, "elastic_queue": elastic}
        return SiteSettings(name="s", site_id=1, url="http://x", **fields)

    for kind in ("lsf", "sge"):
        with pytest.raises(ValueError, match=f"use_backfill: {kind} tells of no idle nodes"):
            site(kind, queue="debug")
    with pytest.raises(ValueError, match="which queue's idle nodes"):
        site("slurm")
    assert site("slurm", default_queue="debug").elastic_queue[0].use_backfill
    assert site("pbs", queue="debug").elastic_queue[0].use_backfill
    assert site("local").elastic_queue[0].use_backfill


def test_what_the_site_says_of_a_queue_s_nodes_goes_before_the_scheduler_s_words():
    ours = SchedulerSettings(kind="slurm", queues={"debug": {"cores": 8, "max_nodes": 9}})
    limits = allowed_queues(ours, {"debug": {"max_nodes": 2, "cores": 4}})
    assert limits == {"debug": {"max_nodes": 2, "cores": 8}}


def test_a_pbs_queue_without_a_longest_run_has_idle_nodes_for_any_time(tmp_path, monkeypatch):
    queues = {"debug": {"resources_max": {"walltime": "01:00:00"}}, "free": {}}
    answers = {"qstat": {"Queue": {name: {"enabled": "True", "started": "True", **row} for name, row in queues.items()}},
            "pbsnodes": {"nodes": {"n1": {"state": "free"}}}}  # fmt: skip
    for name, tree in answers.items():
        (tmp_path / name).write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps({'pbs_version': '23', **tree})}\nEND\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert {name: rows[0]["wall_time_min"] for name, rows in Pbs(CommandRunner(5.0)).windows().items()} == {
        "debug": 60,
        "free": 0,
    }


def test_a_site_tells_what_it_asks_for_by_itself(tmp_path):
    elastic = [{"enabled": True, "wall_time_min": 30, "filter_tags": {"k": "v"}}, {"enabled": False}]
    fields = {"slots": 3, "gpus": 0, "memory_mb": 9, "elastic_queue": elastic}
    site = SiteSettings(name="s", site_id=1, url="http://x", **fields)
    assert capabilities(LocalScheduler(SiteFolder(tmp_path)), site)["elastic_queues"] == [
        {
            "queue": "", "job_mode": "serial", "max_nodes": 1, "wall_time_min": 30, "filter_tags": {"k": "v"},
            "node": {"num_nodes": 1, "cores": 3, "gpus": 0, "memory_mb": 9},
        }
    ]  # fmt: skip


def test_elastic_queues_that_would_ask_for_the_same_work_are_refused():
    def queues(value):
        return TypeAdapter(ElasticQueues).validate_python(value)

    one, other = {"enabled": True, "filter_tags": {"kind": "wide"}}, {"enabled": True}
    assert [queue.job_mode for queue in queues({"enabled": True})] == ["serial"]
    assert len(queues([one, other, {"enabled": False}])) == 3
    with pytest.raises(ValueError, match="would both ask for the same work; give each tags of its own"):
        queues([one, other, other])


def script(text, request=PLAIN, params=None, folder=Path("/tmp/a b")):
    return template.render(text, request, runner=["run it", "$(id)"], folder=folder, params=params or {})


@pytest.mark.parametrize("kind", ["slurm", "pbs", "lsf", "sge"])
def test_the_shipped_templates_make_scripts_that_bash_can_read(kind, tmp_path):
    file = tmp_path / "script.sh"
    file.write_text(script(template.default(kind), PLAIN._replace(num_nodes=2, project="p")))
    done = subprocess.run(["bash", "-n", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "'run it' '$(id)' &" in file.read_text()
    assert "{{" not in file.read_text().replace("${", "")


@pytest.mark.parametrize("value", ["a\nb", "a'b", 'a"b', "$(id)", "`id`", "a;b\\", "a\rb", "a\0b", "a|b", "é"])
def test_no_value_becomes_shell_or_another_line(value):
    with pytest.raises(template.TemplateError, match="cannot stand in a job script"):
        script("{{ params.x }}{{ run }}", params={"x": value})
    with pytest.raises(template.TemplateError, match="queue"):
        script("{{ run }}", PLAIN._replace(queue=value))


def test_a_value_with_a_space_stays_one_word():
    assert script("#X {{ params.x }}\n{{ run }}", params={"x": "a b"}).startswith("#X 'a b'\n")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{{ nodes }}{{ run }}", "'nodes' is undefined"),
        ("\n\n{% if %}{{ run }}", "line 3"),
        ("echo", "has no {{ run }}"),
        ("{{ run.__class__.__mro__ }}{{ run }}", "unsafe"),
        ("{{ 1 / 0 }}{{ run }}", "division"),
    ],
)
def test_a_template_that_cannot_work_is_named(text, reason):
    with pytest.raises(template.TemplateError) as refusal:
        script(text)
    assert reason in str(refusal.value)
    assert template.NAME in str(refusal.value)


def begin(tmp_path, number, command):
    text = template.render("{{ run }}", PLAIN, runner=command, folder=tmp_path, params={})
    return subprocess.Popen(["bash", "-c", text], env={"PATH": "/usr/bin:/bin", "JOB_ID": number}, stdout=-1, text=True)


def test_a_script_that_was_queued_twice_runs_once(tmp_path):
    first = begin(tmp_path, "1", ["sh", "-c", "exit 3"])
    assert first.wait(60) == 3
    first.stdout.close()
    second = begin(tmp_path, "2", ["sh", "-c", f"touch {tmp_path}/twice"])
    assert second.wait(60) == 0
    assert "has begun as 1" in second.communicate()[0]
    assert not (tmp_path / "twice").exists()
    assert (tmp_path / "1.exit").read_text().startswith("version=2 exit_code=3 began=")
    assert not (tmp_path / "2.exit").exists()


@pytest.mark.parametrize("scheduler_says", [None, 1_700_000_000])
def test_the_runner_gets_the_time_when_the_script_began_not_when_its_modules_were_loaded(tmp_path, scheduler_says):
    text = template.render("SECONDS=100\n{{ run }}", PLAIN, runner=["sh", "-c", "echo $STORAX_BEGAN"], folder=tmp_path,
                           params={})  # fmt: skip
    env = {"SLURM_JOB_START_TIME": str(scheduler_says)} if scheduler_says else {}
    before = time.time()
    out = subprocess.run(["bash", "-c", text], env={"PATH": "/usr/bin:/bin", **env}, capture_output=True, text=True)
    began = int(out.stdout)
    assert began == scheduler_says if scheduler_says else before - 102 <= began <= time.time() - 100


def test_the_time_left_counts_from_the_start_time_that_the_script_passed():
    row = {"id": 1, "wall_time_min": 10}

    def left(began, **changed):
        allocation = Allocation.of(row)
        vars(allocation).update(changed)
        allocation.begin({"STORAX_BEGAN": str(began)})
        return allocation.left_sec

    now = time.time()
    assert left(now - 200) == pytest.approx(395, abs=20)
    assert left(now - 200, margin_sec=60) == pytest.approx(340, abs=20)
    for unbelievable in (now - 601, now + 100, "", "soon"):
        assert left(unbelievable) == pytest.approx(595, abs=20)


def test_an_allocation_says_why_it_ends():
    def reason(ago, scheduler_id="1234", lost=""):
        allocation = Allocation.of({"id": 7, "wall_time_min": 60, "scheduler_id": scheduler_id})
        allocation.began -= 60 * ago
        return allocation.end_reason(lost=lost)

    assert reason(61) == "allocation 1234 reached its wall time of 60 min"
    assert reason(12) == "allocation 1234 was ended after 12.0 of its 60 min"
    assert reason(12, lost="n1: no route to host") == "allocation 1234 lost its nodes: n1: no route to host"
    assert reason(61, scheduler_id=None) == "the allocation of BatchJob 7 reached its wall time of 60 min"


@pytest.mark.parametrize("pause", [0, 0.001, 0.01, 0.05])
@pytest.mark.parametrize("code", [9, 127])
def test_a_script_that_gets_a_signal_to_end_waits_for_its_runner_and_returns_its_code(tmp_path, pause, code):
    ready = tmp_path / "ready"
    looping = f"trap 'exit {code}' TERM; touch {ready}; while :; do sleep {pause}; done"
    with begin(tmp_path, "1", ["sh", "-c", looping]) as running:
        while not ready.exists():
            assert running.poll() is None
        running.terminate()
        assert running.wait(60) == code
    assert (tmp_path / "1.exit").read_text().split()[1] == f"exit_code={code}"
