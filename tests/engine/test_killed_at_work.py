"""kill -9 of the engine while it imports, adds, scores, deletes or loads a project: what was saved is whole after it."""

import os
import random
import threading
import time
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest

import storax
from fakes.star_schema import pipeline, star
from storax import DataFrameRecord, Job, PipelineRecord, ProjectRecord, errors
from storax._engine import protocol
from storax.data import DataFrame, load_data_frame
from storax.models.job_rules import FINAL
from waiting import eventually

ROWS = 200_000
ROUNDS = max(1, int(os.environ.get("STORAX_CHAOS_ROUNDS", "4")) // 4)
ENDED = set(FINAL)


@pytest.fixture
def draw():
    seed = int(os.environ.get("STORAX_SEED", time.time_ns() % 10**9))
    print(f"STORAX_SEED={seed}")
    return random.Random(seed)


def kill_during(home, call, begun):
    """Begin it in a thread, kill the engine once ``begun`` returns, and open the project again."""
    thread = threading.Thread(target=_quietly, args=(call,))
    thread.start()
    begun(thread)
    home.kill()
    thread.join(60)
    assert not thread.is_alive()
    storax.engine.set_project("p")


def _quietly(call):
    with suppress(errors.StoraxError):
        call()


def after(draw, most):
    pause = draw.uniform(0, most)
    return lambda _thread: time.sleep(pause)


def whole(home, expected):
    """Every saved frame can be read, the catalogue has these and no others, and nothing lies about."""
    data = home.folder.projects / "p" / "data"
    assert [file.name for file in data.iterdir() if file.suffix != ".parquet"] == []
    project = ProjectRecord.objects.get(name="p").id
    rows = {row.name: row for row in DataFrameRecord.objects.filter(project_id=project)}
    on_disk = storax.data.list_data_frames()["on_disk"]
    assert sorted(rows) == on_disk
    assert on_disk in expected
    for name in on_disk:
        frame = load_data_frame(name)
        assert rows[name].edition == rows[name].saved_edition == frame.edition
        assert [column["name"] for column in rows[name].columns] == frame.to_arrow().column_names


def test_a_kill_while_it_imports_adds_or_deletes_leaves_what_was_saved(own_home, tmp_path, draw):
    storax.engine.set_project("p")
    DataFrame.from_dict({"a": [1, 2]}, "kept").save()
    pd.DataFrame({"a": np.arange(ROWS), "b": np.arange(ROWS) / 3}).to_csv(tmp_path / "x.csv", index=False)
    for _ in range(ROUNDS):
        for name in ("kept", "new"):
            kill_during(
                own_home,
                lambda name=name: DataFrame.from_csv(str(tmp_path / "x.csv"), name),
                after(draw, 0.3),
            )
            whole(own_home, [["kept"]])
            assert load_data_frame("kept").to_dict() == {"a": [1, 2]}
        kept = load_data_frame("kept")
        kill_during(own_home, lambda frame=kept: [frame.add(i, f"n{i}") for i in range(100)], after(draw, 0.2))
        whole(own_home, [["kept"]])
        assert load_data_frame("kept").to_dict() == {"a": [1, 2]}
        names = [f"d{i}" for i in range(20)]
        gone = [DataFrame.from_dict({"a": [1]}, name).save() for name in names]
        kill_during(own_home, lambda frames=gone: [frame.delete() for frame in frames], after(draw, 0.2))
        whole(own_home, [sorted([*names[i:], "kept"]) for i in range(21)])
        for name in storax.data.list_data_frames()["on_disk"][:-1]:
            DataFrame(name).delete()


@pytest.mark.slow("fits, and engines that start again")
def test_a_kill_while_it_scores_leaves_the_fit_and_no_job_at_work(own_home, draw):
    storax.engine.set_project("p")
    pipe = pipeline(star(), name="sums").fit(star().train)
    storax.project.data_frames.save_all()
    known = 0
    for _ in range(ROUNDS):
        kill_during(own_home, lambda: pipe.score(star().test), after(draw, 0.3))
        storax.project.data_frames.load_all()
        again = storax.pipeline.load("sums")
        assert again.id == pipe.id
        assert len(again.scores) in (known, known + 1)
        known = len(again.scores)
        assert PipelineRecord.objects.get(id=int(pipe.id)).scores == again.scores
        jobs = Job.objects.filter(tags={"project": "p", "pipeline": "sums", "work": "score"})
        eventually(lambda jobs=jobs: {job.state for job in jobs} <= ENDED)
        assert again.score(star().test)["rsquared"] > 0.9
        known += 1


def test_a_kill_while_it_loads_a_project_leaves_it_whole_or_not_at_all(own_home, tmp_path):
    storax.engine.set_project("p")
    for name in ("x", "y"):
        DataFrame.from_dict({f"n{i}": np.random.default_rng(i).normal(size=ROWS) for i in range(6)}, name).save()
    file = storax.project.save(tmp_path / "p.storax")
    projects = own_home.folder.projects

    def begun(thread):
        while not list(projects.glob(".loading-*/data/*.parquet")) and thread.is_alive():
            time.sleep(0.0005)

    running = own_home.folder.read()
    arguments = {"path": str(file), "name": "copy"}
    kill_during(own_home, lambda: protocol.command(running, "unbundle_project", arguments), begun)
    assert [entry.name for entry in projects.iterdir() if entry.name.startswith(".")] == []
    project_names = storax.engine.list_projects()
    assert project_names in (["p"], ["copy", "p"])
    if project_names == ["p"]:
        storax.project.load(file, name="copy")
    storax.engine.set_project("copy")
    storax.project.data_frames.load_all()
    assert [frame.nrows() for frame in storax.project.data_frames] == [ROWS, ROWS]
