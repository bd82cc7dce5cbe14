"""What a site's processes tell each other by files is understood from one release to the next, or refused by name."""

import json
import shutil
from pathlib import Path

import pytest

from storax_agent.files.set_aside import SetAside, SetAsideRecord
from storax_agent.loops import health
from storax_agent.loops.allocations.runners import REASON, runner_reports
from storax_agent.settings.site import SiteFolder

RECORDED = Path(__file__).with_name("fixtures") / "site_of_the_previous_release"


@pytest.fixture
def site(tmp_path):
    """A copy of what the release before files had versions left: a runner's files, and a record that was set aside."""
    return SiteFolder(shutil.copytree(RECORDED, tmp_path / "site"))


def raise_version(path, **fields):
    """Have the file written by a release whose version is not known here."""
    path.write_text(json.dumps({"version": 2, **fields}))


def test_the_files_of_a_runner_of_the_previous_release_are_read(site):
    assert runner_reports(site, [7]) == {7: {"error": "no mpiexec: grün", "failing_loops": {"pull": "OSError('disk')"}}}


def test_a_record_that_the_previous_release_set_aside_is_read(site):
    (record,) = SetAside(site.set_aside).summary().newest
    assert record == SetAsideRecord("report of job 7, lease 2", "refused", 1795976947.915377, '{"id": 7}')


def test_a_reason_of_a_newer_runner_is_refused_by_name_with_the_way_out(site):
    path = site.state / "batch-7" / REASON
    raise_version(path, error={"code": "new"})
    (report,) = runner_reports(site, [7]).values()
    assert report["error"] == (
        f"{path} has format 2, and this Storax reads formats up to 1. Install the newer Storax that wrote it."
    )


def test_a_newer_record_that_was_set_aside_is_counted_and_named(site):
    path = site.set_aside / "new.json"
    raise_version(path, what="else")
    summary = SetAside(site.set_aside).summary()
    assert summary.count == 2
    (refused,) = (record for record in summary.newest if record.name == "new.json")
    assert refused.reason.startswith(f"{path} has format 2, and this Storax reads formats up to 1.")


def test_a_newer_status_of_loops_is_ignored_and_rewritten(site):
    path = site.state / health.FILE
    raise_version(path, loops={"pull": {"errors": "many"}})
    assert health.read(path) == {}
    health.Health(path, []).step()
    assert json.loads(path.read_text()) == {"version": 1, "loops": {}}
