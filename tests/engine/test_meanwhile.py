"""What happens to a project while work for it goes on."""

import threading
import time

import pyarrow as pa
import pytest

import storax
from fakes.star_schema import pipeline, star
from storax import Job, PipelineRecord, errors
from storax_engine.command_progress import Work
from storax_engine.frames.columns import Database
from storax_engine.frames.frame import Frame
from storax_engine.pipelines import subsets
from waiting import LIMIT, eventually


@pytest.fixture
def schema(project):
    return star()


@pytest.fixture
def held(user):
    """A site without an agent: its jobs stay where they are."""
    name = f"held{time.monotonic_ns()}"
    user.site(name)
    return name


def in_thread(call):
    caught = []

    def run():
        try:
            caught.append(call())
        except errors.StoraxError as error:
            caught.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, caught


@pytest.mark.parametrize("leave", [storax.project.restart, lambda: storax.engine.delete_project(storax.project.name)])
def test_who_waits_for_a_site_hears_that_the_project_was_closed(home, project, schema, held, leave):
    thread, caught = in_thread(lambda: pipeline(schema).fit(schema.train, site=held))
    eventually(lambda: list((home.folder.projects / project / "orders").glob("*/state.json")))  # its job is known
    leave()
    thread.join(60)
    assert not thread.is_alive(), "it waits for ever"
    assert isinstance(caught[0], errors.NoProject)
    job = Job.objects.filter(tags={"project": project}).get()
    assert str(job.id) in caught[0].message
    storax.engine.set_project(project)


def test_a_fit_whose_project_is_closed_meanwhile_fails_and_leaves_no_row(home, project, schema):
    """Else it would be in the catalogue and on the disk, and unknown to the project as it was opened again."""
    slow = pipeline(schema, predictors=[storax.predictors.XGBoostRegressor(n_estimators=2500)])
    thread, caught = in_thread(lambda: slow.fit(schema.train))
    eventually(lambda: Job.objects.filter(tags={"project": project}, state="RUNNING").exists())
    eventually(lambda: storax.engine.memory()["shared"])  # it learns
    storax.project.restart()
    thread.join(LIMIT)
    assert isinstance(caught[0], errors.NoProject), caught
    assert Job.objects.filter(tags={"project": project}).get().state == "FAILED"
    assert storax.pipeline.list_pipelines() == []
    assert not PipelineRecord.objects.filter(job_id=Job.objects.filter(tags={"project": project}).get().id).exists()


class Changing:
    """A project in which somebody changes every data frame between two looks."""

    database = Database()

    def __init__(self):
        self.looks = 0

    def frame(self, name):
        self.looks += 1
        table = pa.table({"x": [float(self.looks)]})
        return Frame(table, {"x": "numerical"}, edition=self.looks)


def test_the_editions_recorded_for_a_fit_are_those_of_the_rows_it_read():
    seen = subsets.Snapshot(Changing())
    subset = {"population": {"frame": "a"}, "peripheral": {"b": {"frame": "a"}}}
    spec = {"data_model": {"table": "a", "joins": [{"right": {"table": "b"}}]}}
    read = subsets.tables(seen, spec, subset, Work())
    edition = subsets.editions(seen, subset)["a"]
    assert {name: frame.table["x"][0].as_py() for name, frame in read.items()} == {"a": edition, "b": edition}
