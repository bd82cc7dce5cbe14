"""Full disks at a site: named, a pause and losses of what ran; when there is room again everything goes on."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from fakes.disk import small_disk
from fakes.site import RunningSite
from storax_agent.control import site as control
from storax_agent.control.checks import check
from storax_agent.files.free_space import FullError
from storax_agent.files.locks import holder
from waiting import eventually
from world import User, World

WRITES = "while [ ! -e ../gate ]; do sleep 0.05; done; head -c 300000 /dev/zero > out || exit 3"
BEAT = {"session_ttl_sec": 60, "heartbeat_sec": 0.5}


@contextmanager
def closing(site: RunningSite) -> Iterator[RunningSite]:
    try:
        yield site
    finally:
        site.close()


def site_of(user: User, path: Path, *, min_free_mb: int) -> RunningSite:
    site = RunningSite(path, user.world.url, token=user.token, name=path.name, **BEAT)
    limit_free_space(site, min_free_mb)
    return site


def limit_free_space(site: RunningSite, min_free_mb: int) -> None:
    text = site.folder.settings_file.read_text().partition("[launcher]")[0]
    site.folder.settings_file.write_text(f"{text}[launcher]\nmin_free_mb = {min_free_mb}\n")


def failing(user: User, site: RunningSite) -> dict[str, Any]:
    return dict(user.get(f"/sites/{site.site_id}")["failing_loops"])


def disk_finding(site: RunningSite) -> Any:
    return next(finding for finding in check(site.folder) if finding.what == "disk")


def test_a_site_with_too_little_room_starts_nothing_and_says_so_until_there_is_room(
    world: World, tmp_path: Path
) -> None:
    user = world.user()
    with closing(site_of(user, tmp_path / "tight", min_free_mb=1 << 30)) as site:
        site.start()
        jobs = user.jobs(user.app(site.site_id), 3)
        reason = eventually(lambda: failing(user, site).get("disk"))["error"]
        assert f"{site.folder.data} is full" in reason
        assert "min_free_mb in site.toml" in reason
        assert not disk_finding(site).good
        assert user.states(*jobs) == ["PREPROCESSED"] * 3
        site.kill()
        limit_free_space(site, 0)
        site.start()
        eventually(lambda: user.states(*jobs) == ["JOB_FINISHED"] * 3)
        eventually(lambda: failing(user, site) == {})
        assert disk_finding(site).good
    assert {(row["attempt"], row["losses"]) for row in user.get("/jobs/")["results"]} == {(1, 0)}


@pytest.mark.needs("root")
def test_a_full_data_folder_costs_what_ran_a_loss_and_nothing_else(world: World, tmp_path: Path) -> None:
    user = world.user()
    with ExitStack() as stack:
        site = site_of(user, tmp_path / "full", min_free_mb=0)
        disk = stack.enter_context(small_disk(site.folder.data, mib=16))
        stack.enter_context(closing(site)).start()
        jobs = user.jobs(user.app(site.site_id, command_template=f"sh -c {WRITES!r}"), 40)
        eventually(lambda: user.states(*jobs).count("RUNNING") == 2)
        ran = [job for job, state in zip(jobs, user.states(*jobs), strict=True) if state == "RUNNING"]
        disk.fill()
        (disk.path / "w" / "gate").touch()  # an empty file takes no block
        eventually(lambda: "disk" in failing(user, site))
        time.sleep(3.0)
        rows = user.get("/jobs/", limit=100)["results"]
        assert {row["state"] for row in rows} <= {"PREPROCESSED", "RESTART_READY"}
        assert sorted(row["id"] for row in rows if row["attempt"]) == ran, "nothing else was started"
        assert f"{site.folder.data} is full" in failing(user, site)["disk"]["error"]
        assert not disk_finding(site).good
        disk.empty()
        eventually(lambda: user.states(*jobs) == ["JOB_FINISHED"] * 40)
        eventually(lambda: failing(user, site) == {})
    rows = user.get("/jobs/", limit=100)["results"]
    assert {row["id"]: (row["attempt"], row["losses"]) for row in rows} == {
        job: (2, 1) if job in ran else (1, 0) for job in jobs
    }
    lost = user.events(job_id=ran[0], to_state="RUN_TIMEOUT")[0]["data"]
    assert "is full" in lost["message"]
    assert "exit code 3" in lost["message"]


@pytest.mark.needs("root")
def test_a_full_state_folder_loses_no_result(world: World, tmp_path: Path) -> None:
    user, gate = world.user(), tmp_path / "gate"
    with ExitStack() as stack:
        folder = tmp_path / "state"
        disk = stack.enter_context(small_disk(folder / "state", mib=8))
        site = stack.enter_context(closing(site_of(user, folder, min_free_mb=0)))
        site.start()
        command = f"sh -c 'while [ ! -e {gate} ]; do sleep 0.05; done'"
        jobs = user.jobs(user.app(site.site_id, command_template=command), 20)
        eventually(lambda: user.states(*jobs).count("RUNNING") == 2)
        disk.fill()
        gate.touch()
        eventually(lambda: f"{disk.path} is full" in failing(user, site).get("disk", {}).get("error", ""))
        disk.empty()
        eventually(lambda: user.states(*jobs) == ["JOB_FINISHED"] * 20)
    assert max(row["losses"] for row in user.get("/jobs/")["results"]) <= 1


@pytest.mark.needs("root")
def test_an_agent_that_starts_on_a_full_state_folder_waits_for_room_and_says_so(world: World, tmp_path: Path) -> None:
    user = world.user()
    with ExitStack() as stack:
        folder = tmp_path / "begins"
        disk = stack.enter_context(small_disk(folder / "state", mib=2))
        site = stack.enter_context(closing(site_of(user, folder, min_free_mb=0)))
        (job,) = user.jobs(user.app(site.site_id))
        disk.fill()
        with pytest.raises(FullError, match=f"{disk.path} is full"):
            control.start(site.folder)
        out = site.folder.log / "agent.out"
        with out.open("wb") as log:
            arguments = [sys.executable, "-P", "-m", "storax_agent", "run", str(site.folder.path)]
            site.agent = subprocess.Popen(arguments, stdout=log, stderr=log, env=os.environ, start_new_session=True)
        reason = eventually(lambda: failing(user, site).get("disk"))["error"]
        assert reason.startswith(f"the agent does not start: {disk.path} is full")
        assert site.agent.poll() is None
        assert "Traceback" not in out.read_text()
        assert reason in out.read_text()
        disk.empty()
        eventually(lambda: user.states(job) == ["JOB_FINISHED"])
        eventually(lambda: failing(user, site) == {})
        assert holder(site.folder.lock) == site.agent.pid


@pytest.mark.needs("root")
def test_a_runner_on_a_full_state_folder_ends_with_the_reason(world: World, tmp_path: Path) -> None:
    user = world.user()
    with ExitStack() as stack:
        folder = tmp_path / "runner"
        disk = stack.enter_context(small_disk(folder / "state", mib=2))
        site = stack.enter_context(closing(site_of(user, folder, min_free_mb=0)))
        disk.fill()
        arguments = [sys.executable, "-P", "-m", "storax_agent", "run", str(site.folder.path), "--batch-job", "1"]
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"storax_agent: {disk.path}")
    assert "is full" in done.stderr
    assert done.stderr.count("\n") == 1
