"""Ids of allocations and a user's values, which reach a batch system's commands: none of them is an option there."""

from contextlib import suppress
from pathlib import Path

import pytest

from storax_agent.schedulers import template
from storax_agent.schedulers.base import Request
from storax_agent.schedulers.cluster import Cluster
from storax_agent.schedulers.command import Ran
from storax_agent.schedulers.files import Files
from storax_agent.schedulers.local import LocalScheduler
from storax_agent.schedulers.lsf import Lsf
from storax_agent.schedulers.pbs import Pbs
from storax_agent.schedulers.sge import Sge
from storax_agent.schedulers.slurm import Slurm
from storax_agent.settings.scheduler_kinds import BATCH_SYSTEMS, KINDS, SCHEDULERS, is_id
from storax_agent.settings.site import SiteFolder, SiteSettings
from storax_core.resources.batch_job import SCHEDULER_ID

FORGED = ("--me", "-u", "0", "", " 1", "1 2", "1\n", "1,2", "all", "*", "1;id", "$(id)", "@1", "1.-5@0", "1" * 30)
VENDORS = {"slurm": Slurm, "lsf": Lsf, "sge": Sge, "pbs": Pbs}
GOOD = {"slurm": "1234", "lsf": "1234", "sge": "1234", "pbs": "1234[].server-1.lab", "local": "7.4242@1234567.25"}


@pytest.fixture
def calls():
    return []


@pytest.fixture(params=VENDORS)
def cluster(request, tmp_path, calls):
    """A scheduler whose commands are only written down; each lists no job, and fails."""

    def run(argv, *, stdin=None):
        calls.append([*argv, *(["<", str(stdin)] if stdin else [])])
        return Ran(0, "", "")

    settings = SiteSettings(name="s", site_id=1, url="http://x")
    return Cluster(VENDORS[request.param](run), SiteFolder(tmp_path), settings)


def test_each_kind_has_a_form_that_the_server_accepts():
    assert GOOD.keys() == set(KINDS)
    assert VENDORS.keys() == set(BATCH_SYSTEMS)
    for kind, text in GOOD.items():
        assert is_id(kind, text), kind
        assert SCHEDULER_ID.fullmatch(text), kind


def test_only_a_kind_that_reports_idle_nodes_asks_for_them(cluster, calls):
    with suppress(ValueError):  # the answer is empty
        cluster.vendor.windows()
    assert bool(calls) == SCHEDULERS[cluster.vendor.kind].reports_idle_nodes


@pytest.mark.parametrize("text", FORGED)
def test_no_kind_takes_what_is_no_id(text):
    assert [kind for kind in KINDS if is_id(kind, text)] == []


@pytest.mark.parametrize("text", FORGED)
def test_no_command_gets_a_forged_id(cluster, calls, text):
    cluster.vendor.listed()
    own = calls[0]
    cluster.cancel([text])
    cluster.statuses([text])
    cluster.cancel([text, GOOD[cluster.vendor.kind]])
    arguments = [argument for argv in calls if argv != own for argument in argv]
    assert text not in arguments
    assert not any(text and f"={text}" in argument for argument in arguments)
    assert any(GOOD[cluster.vendor.kind] in argument for argument in arguments), "the others are still ended"


def test_a_claim_of_a_job_script_is_no_option_either(tmp_path, cluster, monkeypatch):
    monkeypatch.setattr(cluster.vendor, "listed", list)
    Files(tmp_path / "state/allocations").claim(7).write_text("--me\n")
    assert cluster.find([7]) == {}


def test_the_local_scheduler_ends_only_runners_of_its_own(tmp_path, monkeypatch):
    killed = []
    monkeypatch.setattr("storax_agent.schedulers.local.os.kill", lambda *call: killed.append(call))
    from storax_agent.launch.process_identity import start_time_of

    scheduler = LocalScheduler(SiteFolder(tmp_path))
    import os

    scheduler.cancel([f"7.{os.getpid()}@{start_time_of(os.getpid()):.2f}", *FORGED])
    assert killed == []


REQUEST = Request(7, 1, 10, "debug", "lab", "serial", {})


@pytest.mark.parametrize("value", ["-x", "--uid=0", "a -W evil", "a\t-x", " -x"])
def test_a_users_value_begins_no_option_in_a_job_script(value):
    def script(request, params):
        return template.render("{{ run }}", request, runner=["r"], folder=Path("/f"), params=params)

    for request, params in (
        (REQUEST._replace(queue=value), {}),
        (REQUEST._replace(project=value), {}),
        (REQUEST, {"constraint": value}),
    ):
        with pytest.raises(template.TemplateError, match=r"option of its own|cannot stand in a job script"):
            script(request, params)
    assert script(REQUEST._replace(queue="big-mem"), {"constraint": "a100-80 b"})
