"""What each process of a site inherits, and what it never does."""

import os

import pytest

from storax._runtime.settings import save_profile
from storax_agent.prepare.client_variables import ClientVariables
from storax_agent.schedulers.base import Request
from storax_agent.schedulers.command import CommandRunner
from storax_agent.schedulers.local import LocalScheduler
from storax_agent.settings.job_environment import AWS, SSH, ProcessEnvironment
from storax_agent.settings.site import SiteFolder, SiteSettings
from waiting import eventually

USUAL = {
    "PATH": "/bin",
    "HOME": "/h",
    "LANG": "C",
    "LC_TIME": "C",
    "LD_LIBRARY_PATH": "/l",
    "MODULEPATH": "/m",
    "TZ": "UTC",
}
SECRETS = {
    "STORAX_TOKEN": "x", "STORAX_REDIS_URL": "redis://h", "AWS_SECRET_ACCESS_KEY": "x", "HF_TOKEN": "x", "PGPASSWORD": "x",
    "OPENAI_API_KEY": "x", "DATABASE_URL": "postgres://u:p@h/d", "HTTPS_PROXY": "http://u:p@h:3128", "http_proxy": "u@h:1",
}  # fmt: skip
FOREIGN = {
    "PYTHONPATH": "/p", "VIRTUAL_ENV": "/v", "CONDA_PREFIX": "/c", "SBATCH_ACCOUNT": "a", "SLURM_JOB_ID": "9", "PMI_RANK": "3",
    "PBS_JOBID": "9", "STORAX_AGENT_SLOTS": "2", "SSH_AUTH_SOCK": "/s", "MYLAB_DATA": "/d",
}  # fmt: skip
ALL = {**USUAL, **SECRETS, **FOREIGN}


def test_a_job_inherits_what_the_list_names_and_nothing_else():
    assert ProcessEnvironment().job(ALL) == USUAL
    assert ProcessEnvironment(["PATH"]).job(ALL) == {"PATH": "/bin"}


def test_a_pattern_passes_no_secret_but_a_full_name_does():
    assert ProcessEnvironment(passed=["MYLAB_*"]).job(ALL) == {**USUAL, "MYLAB_DATA": "/d"}
    everything = ProcessEnvironment(passed=["*"]).job(ALL)
    assert not set(everything) & (set(SECRETS) | {"SBATCH_ACCOUNT", "STORAX_AGENT_SLOTS"})
    assert everything.keys() >= {"PYTHONPATH", "VIRTUAL_ENV", "SLURM_JOB_ID", "MYLAB_DATA"}
    assert ProcessEnvironment(passed=["HF_TOKEN", "HTTPS_PROXY"]).job(ALL) == {
        **USUAL, "HF_TOKEN": "x", "HTTPS_PROXY": SECRETS["HTTPS_PROXY"],
    }  # fmt: skip


def test_a_proxy_without_a_user_is_passed_on():
    proxies = {"http_proxy": "http://h:3128", "HTTPS_PROXY": "h:3128", "no_proxy": "localhost"}
    assert ProcessEnvironment().job(proxies) == proxies


def test_values_that_the_site_sets_win():
    assert ProcessEnvironment(fixed={"PATH": "/own", "X": "1"}).job(ALL) == {**USUAL, "PATH": "/own", "X": "1"}


def test_a_job_in_an_allocation_gets_what_its_script_set_but_no_secret():
    inside = ProcessEnvironment().job(ALL, in_allocation=True)
    assert inside.keys() >= {"SLURM_JOB_ID", "PBS_JOBID", "PMI_RANK", "MYLAB_DATA", *USUAL}
    assert not set(inside) & {*SECRETS, "SBATCH_ACCOUNT", "STORAX_AGENT_SLOTS"}


def test_a_tool_that_moves_files_gets_its_own_credentials_and_no_others():
    ssh = ProcessEnvironment().with_own(ALL, SSH)
    assert ssh == {**USUAL, "SSH_AUTH_SOCK": "/s"}
    aws = ProcessEnvironment().with_own(ALL, AWS)
    assert aws == {**USUAL, **{name: SECRETS[name] for name in ("AWS_SECRET_ACCESS_KEY", "HTTPS_PROXY", "http_proxy")}}


def test_a_command_of_the_scheduler_gets_no_options_of_another_submission(monkeypatch):
    for name, value in {**SECRETS, **FOREIGN, "SLURM_CONF": "/etc/s.conf", "MINE": "1"}.items():
        monkeypatch.setenv(name, value)
    ran = CommandRunner(10, ProcessEnvironment(passed=["MINE"]))(["env"])
    names = {line.partition("=")[0] for line in ran.out.splitlines()}
    assert names >= {"PATH", "SLURM_CONF", "MINE", "STORAX_AGENT_SLOTS"}
    assert not names & (set(SECRETS) | set(FOREIGN) - {"STORAX_AGENT_SLOTS"})


def test_an_allocation_of_this_machine_starts_from_the_same_environment(tmp_path, monkeypatch):
    for name, value in {**SECRETS, **FOREIGN, "SLURM_JOB_NODELIST": "n1"}.items():
        monkeypatch.setenv(name, value)
    folder = SiteFolder(tmp_path / "site")
    folder.make()
    scheduler = LocalScheduler(
        folder, runner=lambda _: ["/bin/sh", "-c", f"env > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/env"]
    )
    scheduler.submit([Request(1, 1, 5, "", "", "serial", {})])
    file = tmp_path / "env"
    names = {line.partition("=")[0] for line in eventually(lambda: file.exists() and file.read_text()).splitlines()}
    assert names >= {"PATH", "STORAX_AGENT_SLOTS", "STORAX_BEGAN"}
    assert not names & ({*SECRETS, *FOREIGN, "SLURM_JOB_NODELIST"} - {"STORAX_AGENT_SLOTS"})


def test_lists_of_a_file_of_the_release_before_keep_their_meaning(tmp_path):
    folder = SiteFolder(tmp_path)
    folder.settings_file.write_text('name = "s"\nsite_id = 1\nurl = "http://h"\npass_environment = ["HF_TOKEN"]\n')
    assert folder.load().environment.job(ALL) == {**USUAL, "HF_TOKEN": "x"}


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.setenv("STORAX_HOME", str(tmp_path / "home"))
    return SiteFolder(tmp_path / "site")


def variables(folder: SiteFolder, **settings: str) -> ClientVariables:
    return ClientVariables(folder, SiteSettings(name="s", site_id=1, url="http://here:1", **settings))


def test_a_client_in_a_job_needs_nothing_where_the_owners_profile_leads_to_the_site(site):
    save_profile("local", url="http://here:1", token="stx_a")
    of_job = variables(site)
    assert of_job() == {"STORAX_HOME": os.environ["STORAX_HOME"]} == variables(site, profile="local")()
    save_profile("default", url="http://other:1", token="stx_b")  # the owner has logged in elsewhere meanwhile
    site.path.mkdir()
    site.token_file.write_text("stx_c")
    assert of_job() == {
        "STORAX_HOME": os.environ["STORAX_HOME"], "STORAX_URL": "http://here:1", "STORAX_TOKEN_FILE": str(site.token_file),
    }  # fmt: skip


def test_a_client_in_a_job_takes_the_profile_of_the_site(site):
    save_profile("default", url="http://here:1", token="stx_a")
    save_profile("bob", url="http://here:1", token="stx_b")
    assert variables(site, profile="bob")()["STORAX_PROFILE"] == "bob"


def test_a_token_file_is_read_and_a_missing_one_is_named(site, monkeypatch, tmp_path):
    from storax._runtime.settings import SettingsError, resolve

    file = tmp_path / "token"
    file.write_text("stx_f\n")
    monkeypatch.setenv("STORAX_URL", "http://here:1")
    monkeypatch.setenv("STORAX_TOKEN_FILE", str(file))
    assert resolve().secret == "stx_f"
    assert resolve("http://other:1").secret is None
    monkeypatch.setenv("STORAX_TOKEN_FILE", str(tmp_path / "none"))
    with pytest.raises(SettingsError, match="STORAX_TOKEN_FILE"):
        resolve()
