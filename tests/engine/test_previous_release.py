"""Remote runs of the previous release: their jobs run, and their results are collected."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import storax
from storax import PipelineRecord
from storax.errors import StoraxError
from storax_engine import at_site
from storax_engine.remote import manifest, outcome
from storax_engine.remote.manifest import Bucket, Fit, Manifest, Prepare, Score, State, Transform, Trial
from waiting import eventually

RECORDED = Path(__file__).parent / "fixtures" / "previous_release"
KINDS = {
    "fit": Fit, "fit_buckets": Fit, "failed": Fit, "finished": Fit, "score": Score, "transform": Transform,
    "trial": Trial,
}  # fmt: skip


@pytest.fixture
def recorded(tmp_path):
    """A copy of a recorded folder, by its name."""

    def copy(name):
        return Path(shutil.copytree(RECORDED / name, tmp_path / name))

    return copy


@pytest.mark.parametrize("name", KINDS)
def test_a_recorded_run_is_read_as_a_manifest_and_a_state(name):
    run, state = manifest.read_manifest(RECORDED / name), manifest.read_state(RECORDED / name)
    ticket = json.loads((RECORDED / name / "ticket.json").read_text())
    assert type(run.task) is KINDS[name]
    assert (run.token, state.job_id) == (ticket["token"], ticket["job_id"])
    assert list(state.step_ids) == ticket.get("step_ids", [])
    assert (state.failed_at is not None) == (name == "failed")


def test_what_is_to_become_of_a_recorded_result_is_kept():
    fit = manifest.read_manifest(RECORDED / "finished").task
    assert (fit.name, fit.tags, fit.frames) == ("sums", ("far",), {"people": 3, "orders": 1})
    score = manifest.read_manifest(RECORDED / "score").task
    assert (score.pipeline, score.set_used) == ("7", "test")
    trial = manifest.read_manifest(RECORDED / "trial").task
    assert (trial.tuning, trial.number) == ("search", 0)
    assert manifest.read_manifest(RECORDED / "fit_buckets").task.buckets == 2
    failure = outcome.read(RECORDED / "failed", outcome.Failure)
    assert failure.hint == "storax job explain 108"
    assert outcome.read(RECORDED / "finished", outcome.Result).targets == ["spent"]


def test_recorded_steps_are_read_as_steps():
    steps = RECORDED / "fit_buckets" / "steps"
    assert manifest.read_manifest(steps / "prepare").task == Prepare()
    assert manifest.read_manifest(steps / "bucket-0001").task == Bucket(bucket=1)


def test_the_command_of_a_job_of_the_previous_release_does_its_work(recorded):
    folder = recorded("fit")
    subprocess.run([sys.executable, "-P", "-m", "storax_engine.at_site", str(folder)], check=True)
    assert outcome.read(folder, outcome.Result).targets == ["spent"]
    assert (folder / "trained" / "learned.json").exists()


@pytest.mark.parametrize("name", ["score", "transform", "trial", "fit_buckets"])
def test_every_kind_of_recorded_work_is_done(recorded, monkeypatch, name):
    folder = recorded(name)
    if name == "trial":
        tuning = recorded("fit")
        for part in (0, 1):
            shutil.copy(tuning / "tables" / f"train-{part}.parquet", tuning / "tables" / f"test-{part}.parquet")
        order = json.loads((folder / "order.json").read_text())
        (folder / "order.json").write_text(json.dumps({**order, "tables": str(tuning)}))
    steps = sorted((folder / "steps").iterdir(), reverse=True) if name == "fit_buckets" else []
    for place in (*steps, folder):
        monkeypatch.setattr(sys, "argv", ["at_site", str(place)])
        assert at_site.main() == 0, (place / "error.json").read_text()
    if name == "transform":
        assert pq.read_table(folder / "features.parquet").num_rows == 30
    elif name != "fit_buckets":
        assert outcome.read(folder, outcome.Result).scores


def test_a_state_is_written_in_the_present_format_and_then_read_from_there(recorded):
    folder = recorded("fit")
    state = manifest.read_state(folder).changed(unwanted=True)
    manifest.write(folder, state)
    assert json.loads((folder / "state.json").read_text())["version"] == manifest.VERSION
    assert manifest.read_state(folder) == state


def test_a_format_of_a_newer_storax_is_refused_and_named(tmp_path):
    manifest.write(tmp_path, Manifest(token="t", task=Prepare(), version=manifest.VERSION + 1))
    manifest.write(tmp_path, State(job_id=1, version=manifest.VERSION + 1))
    for read in (manifest.read_manifest, manifest.read_state):
        with pytest.raises(StoraxError, match=rf"has format {manifest.VERSION + 1}.*up to {manifest.VERSION}"):
            read(tmp_path)


def test_a_result_of_a_newer_storax_is_refused_and_named(tmp_path):
    outcome.write(tmp_path, outcome.Result(version=outcome.VERSION + 1))
    with pytest.raises(ValueError, match=f"has format {outcome.VERSION + 1}"):
        outcome.read(tmp_path, outcome.Result)


def test_a_run_that_finished_under_the_previous_release_is_collected(own_home, user):
    site = user.site()
    token = json.loads((RECORDED / "finished" / "ticket.json").read_text())["token"]
    job = user.job(user.app(site), tags={"order": token})
    storax.engine.set_project("p")
    own_home.kill()
    folder = own_home.folder.projects / "p" / "orders" / token
    shutil.copytree(RECORDED / "finished", folder)
    ticket = json.loads((folder / "ticket.json").read_text())
    (folder / "ticket.json").write_text(json.dumps({**ticket, "job_id": job["id"]}))
    session = user.session(site)
    user.finish(session, *user.acquire(session))
    storax.engine.set_project("p")
    # The recorded data model is the engine's short form, which no handle writes: so the record is read, no handle.
    eventually(lambda: PipelineRecord.objects.filter(name="sums").exists())
    record = PipelineRecord.objects.get(name="sums", job_id=job["id"])
    assert (record.tags, record.frames, record.targets) == (["far"], {"people": 3, "orders": 1}, ["spent"])
    eventually(lambda: not folder.exists())
