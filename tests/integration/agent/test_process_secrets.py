"""What a job can read of the site's processes: no secret is in their environment or command line."""

import os
from pathlib import Path

import pytest

from fakes.session_server import SessionServer
from fakes.site import TOKEN, RunningSite
from storax_agent.settings.environment_secrets import VARIABLE
from waiting import eventually

SECRETS = {
    "STORAX_TOKEN": "canary-of-the-account", "AWS_SECRET_ACCESS_KEY": "canary-of-the-cloud",
    "LAB_URL": "postgres://me:canary-in-a-url@db/x", "HF_TOKEN": "canary-for-jobs",
}  # fmt: skip


@pytest.fixture
def server():
    server = SessionServer()
    yield server
    server.close()


@pytest.fixture
def site(tmp_path, server):
    site = RunningSite(tmp_path / "site", server.url, pass_environment=["HF_TOKEN"])
    with site.folder.settings_file.open("a") as file:
        file.write("[policy]\nallow_functions = true\n")
    site.environment = SECRETS
    yield site
    site.close()


def shown(pid):
    """What every process of the same user can read of one."""
    return "\n".join(Path(f"/proc/{pid}/{name}").read_text(errors="replace") for name in ("environ", "cmdline"))


def test_no_secret_is_shown_by_agent_launcher_and_workers(site, server):
    source = "class Calls:\n    def run(self):\n        import os, time\n        open('pid', 'w').write(str(os.getppid()))\n        while not os.path.exists('go'): time.sleep(0.02)\n"
    call = server.job(server.app(None, source_code=source, name="Calls"))
    site.start()
    eventually(lambda: site.read(f"w/{call}/pid"))
    worker = int(site.read(f"w/{call}/pid"))
    for pid in (site.pid, site.launcher):
        assert "canary" not in shown(pid), pid
        assert TOKEN not in shown(pid), pid
    for pid in (worker, *(int(path.name) for path in Path("/proc").glob("[0-9]*") if _parent(path) == worker)):
        assert shown(pid).replace("canary-for-jobs", "").count("canary") == 0, "only what pass_environment names"
    assert VARIABLE not in shown(worker)
    site.file(f"w/{call}/go").touch()
    eventually(lambda: server.state(call) == "JOB_FINISHED")


def _parent(path):
    try:
        return int((path / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def test_a_job_gets_what_the_site_passes_on_and_no_other_secret(site, server):
    site.start()
    job = server.job(server.app("env", name="shows"))
    eventually(lambda: server.state(job) == "JOB_FINISHED")
    text = site.read(f"w/{job}/job.out")
    assert "HF_TOKEN=canary-for-jobs" in text
    assert text.count("canary") == 1
    assert VARIABLE not in text


def test_the_agent_keeps_its_pid_and_its_secrets(tmp_path):
    """Tools that it starts, as those of S3, log in with them."""
    import subprocess
    import sys

    code = (
        "import os\nfrom storax_agent.settings.environment_secrets import hide_secrets\nhide_secrets()\n"
        "print(os.getpid(), os.environ.get('AWS_SECRET_ACCESS_KEY'), os.environ.get('STORAX_TOKEN'), len(os.listdir('/proc/self/fd')))\n"
        "print('canary' in open('/proc/self/environ').read())\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", code], env={**os.environ, **SECRETS}, stdout=subprocess.PIPE, text=True
    )
    out, _ = process.communicate(timeout=60)
    assert out.split()[:3] == [str(process.pid), "canary-of-the-cloud", "None"]
    assert out.split()[-1] == "False"
    assert int(out.split()[3]) <= 5, "the file that brought them is closed"


def test_the_helper_of_a_transfer_service_shows_no_secret(tmp_path):
    from storax_agent.transfers.separate_process.messages import Configure
    from storax_agent.transfers.separate_process.service import Helper

    helper = Helper(Configure({}, "/", "/", 1), {**os.environ, **SECRETS})
    try:
        assert "canary" not in shown(helper._process.pid)
    finally:
        helper.close()
