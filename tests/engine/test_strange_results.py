"""What a job leaves may be anything: it leads out of no folder, and holds up nobody."""

import json
import threading
import time

import numpy as np
import pytest

import storax
from fakes.star_schema import pipeline, star
from storax import Job, errors
from waiting import eventually


@pytest.fixture
def schema(project):
    return star()


@pytest.fixture
def strange(home, user, project):
    """A site whose jobs leave what the test writes: called with a submitted fit and what is to be in its folder."""
    name = f"strange{time.monotonic_ns()}"
    session = user.session(user.site(name))

    def leave(job_id, files):
        (folder,) = (
            place
            for place in (home.folder.projects / project / "orders").iterdir()
            if json.loads((place / "state.json").read_text())["job_id"] == job_id
        )
        for file, content in files.items():
            (folder / file).parent.mkdir(exist_ok=True)
            content(folder / file) if callable(content) else (folder / file).write_text(content)
        (job,) = user.acquire(session)
        assert job["id"] == job_id
        user.finish(session, job)

    leave.site = name
    return leave


GOOD = '{"targets": ["y"]}'
STRANGE = {
    "no targets": {"result.json": "{}", "trained/learned.json": "{}"},
    "a list": {"result.json": "[1]", "trained/learned.json": "{}"},
    "a number": {"result.json": "1", "trained/learned.json": "{}", "progress.json": "7"},
    "no JSON": {"result.json": "\x00", "trained/learned.json": "{}"},
    "too long": {"result.json": json.dumps({"targets": ["y" * 2_000_000]}), "trained/learned.json": "{}"},
    "no folder": {"result.json": GOOD, "trained": "a file"},
    "a link": {"result.json": GOOD, "trained/learned.json": lambda at: at.symlink_to("/etc/passwd")},
}


def test_a_strange_result_is_an_error_that_names_the_job_and_holds_up_no_other(home, project, schema, strange, site):
    for what, files in STRANGE.items():
        submission = pipeline(schema, name="strange").submit(schema.train, site=strange.site)
        strange(submission.job_id, files)
        with pytest.raises(errors.StoraxError, match=rf"[Jj]ob {submission.job_id}"):
            submission.wait()
        assert storax.pipeline.list_pipelines() == [], what
    assert pipeline(schema).fit(schema.train, site="test").fitted


def test_features_are_taken_from_the_folder_of_the_run_alone(home, project, schema, strange, user, tmp_path):
    pipe = pipeline(schema).fit(schema.train)
    secret = tmp_path / "secret.parquet"
    storax.data.DataFrame("people").to_parquet(secret)
    caught = []

    def ask():
        try:
            caught.append(pipe.transform(schema.test, site=strange.site))
        except errors.StoraxError as error:
            caught.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    eventually(lambda: Job.objects.filter(tags={"project": project, "work": "transform"}).exists())
    job = Job.objects.filter(tags={"project": project, "work": "transform"}).get()
    eventually(lambda: list((home.folder.projects / project / "orders").glob("*/state.json")))
    link = {"features.parquet": lambda at: at.symlink_to(secret)}
    strange(job.id, {"result.json": json.dumps({"features": str(secret)}), **link})
    thread.join(60)
    assert secret.exists()
    assert isinstance(caught[0], errors.StoraxError)


def test_what_lies_about_in_the_folder_of_a_project_does_not_keep_it_shut(home, project, schema):
    storax.project.data_frames.save_all()
    pipe = pipeline(schema, name="kept").fit(schema.train)
    before = pipe.predict(schema.test)
    folder = home.folder.projects / project
    (folder / "orders" / ".DS_Store").write_text("")
    (folder / "orders" / "damaged").mkdir()
    (folder / "orders" / "damaged" / "manifest.json").write_text("{")
    (folder / "orders" / "of_the_previous_release").mkdir()
    (folder / "orders" / "of_the_previous_release" / "ticket.json").write_text("{")
    newer = {"version": 99, "token": "newer", "task": {"kind": "predict"}}
    (folder / "orders" / "newer").mkdir()
    (folder / "orders" / "newer" / "manifest.json").write_text(json.dumps(newer))
    for name, content in {"cut": '{"name"', "other": "[]", "less": '{"id": 7}'}.items():
        (folder / "pipelines" / name).mkdir()
        (folder / "pipelines" / name / "pipeline.json").write_text(content)
    storax.project.restart()
    storax.project.data_frames.load_all()
    assert storax.project.pipelines.names == ["kept"]
    assert np.array_equal(storax.pipeline.load("kept").predict(schema.test), before)
    left = {place.name for place in (folder / "orders").iterdir()}
    assert left == {".DS_Store", "damaged", "newer", "of_the_previous_release"}, "what cannot be read is left alone"
    assert "has format 99" in home.folder.log.read_text()
    assert (folder / "pipelines" / "cut").exists(), "what cannot be read is left alone"
