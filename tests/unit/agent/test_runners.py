"""What a runner tells the site's agent: why it failed, and which of its loops do; of others, nothing."""

import time

import pytest

from storax.errors import ServerDown
from storax_agent.loops.allocations.runners import FAILING_SEC, forget_reason, note_reason, runner_reports
from storax_agent.loops.health import Health
from storax_agent.mainloop.loop import LoopHealth
from storax_agent.settings.site import SiteFolder


@pytest.fixture
def part(tmp_path):
    def part(name):
        folder = SiteFolder(tmp_path, part=name)
        folder.state.mkdir(parents=True, exist_ok=True)
        return folder

    return part


def failing(folder, name, error, *, for_sec):
    loop = LoopHealth(name)
    loop.failed(error)
    loop.since = time.time() - for_sec
    Health(folder.state / "loops.json", [loop, LoopHealth("well")]).step()


def test_a_batch_job_shows_a_reason_until_another_runner_begins(part, tmp_path):
    note_reason(part("batch-7"), ValueError("no mpiexec"))
    note_reason(part("batch-8-0"), "one")
    note_reason(part("batch-8-1"), "two")
    site = SiteFolder(tmp_path)
    assert runner_reports(site, [7, 8, 9]) == {
        7: {"error": "no mpiexec"},
        8: {"error": "partition 0: one; partition 1: two"},
    }
    assert runner_reports(site, [9]) == {}
    forget_reason(part("batch-7"))
    assert runner_reports(site, [7]) == {}


def test_a_loop_is_reported_when_it_fails_for_longer_and_the_server_is_there(part, tmp_path):
    long = FAILING_SEC + 1
    failing(part("batch-1"), "pull", OSError("disk"), for_sec=long)
    failing(part("batch-2"), "pull", OSError("disk"), for_sec=0)
    failing(part("batch-3"), "pull", ServerDown("away"), for_sec=long)
    failing(part("batch-4-1"), "pull", OSError("disk"), for_sec=long)
    assert runner_reports(SiteFolder(tmp_path), [1, 2, 3, 4]) == {
        1: {"failing_loops": {"pull": "OSError('disk')"}},
        4: {"failing_loops": {"partition 1: pull": "OSError('disk')"}},
    }


def test_a_site_without_state_tells_nothing(tmp_path):
    assert runner_reports(SiteFolder(tmp_path / "none"), [1]) == {}
