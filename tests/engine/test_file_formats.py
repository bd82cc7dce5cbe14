"""Files of a project that the previous release wrote are read; those of a newer one are refused by name."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from storax._file_formats import UnknownFormat
from storax_engine.pipelines import fit_folder
from storax_engine.projects import bundle
from storax_engine.remote import tuning_files
from storax_engine.tuning.search import Search

RECORDED = Path(__file__).parent / "fixtures" / "project_of_the_previous_release"
REFUSAL = r"{} has format 2, and this Storax reads formats up to 1. Install the newer Storax that wrote it."


@pytest.fixture
def project(tmp_path):
    """A copy of the folder of a project: a fit, and a tuning with one trial that has ended and one that has not."""
    return Path(shutil.copytree(RECORDED, tmp_path / "project"))


def newer(path):
    """Have the file written by a release whose format is not known here."""
    path.write_text(json.dumps({"version": 2, "something": "else"}))
    return REFUSAL.format(path)


def test_a_fit_of_the_previous_release_is_read_and_then_has_a_version(project):
    ((folder, facts),) = fit_folder.fits_in(project / "pipelines")
    assert (facts["id"], facts["name"], facts["targets"], facts["job_id"]) == (5, "sums", ["spent"], 12)
    fit_folder.write_facts(folder, facts)
    assert json.loads((folder / "pipeline.json").read_text())["version"] == fit_folder.VERSION
    assert list(fit_folder.fits_in(project / "pipelines")) == [(folder, facts)]


def test_a_fit_of_a_newer_release_is_refused_before_its_record_counts_as_lost(project):
    refusal = newer(project / "pipelines" / "abc" / "pipeline.json")
    with pytest.raises(UnknownFormat, match=refusal):
        list(fit_folder.fits_in(project / "pipelines"))


def test_a_tuning_of_the_previous_release_goes_on(project):
    folder = project / "tunings" / "search"
    settings = json.loads((folder / "search.json").read_text())
    search = Search(folder, settings)
    assert [trial["state"] for trial in search.trials] == ["COMPLETE", "RUNNING"]
    assert search.best()["scores"] == {"rmse": 1.5}
    outcome = tuning_files.read_outcome(folder, 0)
    assert (outcome.targets, outcome.scores, outcome.job_id) == (["spent"], {"rmse": 1.5}, 12)
    search.tell(1, {"rmse": 1.25})
    assert Search(folder, settings).best()["number"] == 1
    assert json.loads((folder / "trials.json").read_text())["version"] == tuning_files.VERSION


@pytest.mark.parametrize("name", ["search.json", "trials.json"])
def test_a_tuning_of_a_newer_release_is_refused(project, name):
    folder = project / "tunings" / "search"
    settings = json.loads((folder / "search.json").read_text())
    refusal = newer(folder / name)
    with pytest.raises(UnknownFormat, match=refusal):
        Search(folder, settings)


def test_an_outcome_of_a_trial_of_a_newer_release_is_refused(project):
    folder = project / "tunings" / "search"
    refusal = newer(folder / "trial-0.json")
    with pytest.raises(UnknownFormat, match=refusal):
        tuning_files.read_outcome(folder, 0)


def test_a_project_that_a_newer_release_saved_is_refused(tmp_path):
    saved = tmp_path / "saved.zip"
    with zipfile.ZipFile(saved, "w") as zipped:
        zipped.writestr("project.json", json.dumps({"format": 2, "name": "sums"}))
    for read in (lambda: bundle.name_in(saved), lambda: bundle.read(saved, tmp_path / "sums")):
        with pytest.raises(UnknownFormat, match=REFUSAL.format(saved)):
            read()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["saved.zip"]
