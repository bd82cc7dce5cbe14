"""What is saved stays: kill -9 at any moment of a save, restarts, damaged files, rows that others changed."""

import os
import random
import resource
import threading
import time
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest

import storax
from storax import DataFrameRecord, EventLog, errors
from storax._engine import protocol, session
from storax.data import DataFrame

ROWS = 400_000
ROUNDS = int(os.environ.get("STORAX_CHAOS_ROUNDS", "4"))
COLUMNS = [f"n{i}" for i in range(6)]


def wide(value: float) -> pd.DataFrame:
    texts = np.arange(ROWS).astype(str)
    return pd.DataFrame({name: np.full(ROWS, value) for name in COLUMNS} | {"s": texts})


def test_g19_a_kill_at_any_instant_of_a_save_leaves_the_old_or_the_new_version_whole(own_home):
    seed = int(os.environ.get("STORAX_SEED", time.time_ns() % 10**9))
    print(f"STORAX_SEED={seed}")
    draw = random.Random(seed)
    storax.engine.set_project("p")
    data = own_home.folder.projects / "p" / "data"
    df = DataFrame.from_pandas(wide(0.0), "x")
    began = time.monotonic()
    df.save()
    length = time.monotonic() - began
    there, kept_old = 0.0, False
    for number in range(1, ROUNDS + 1):
        df = DataFrame.from_pandas(wide(float(number)), "x")
        saving = threading.Thread(target=_quietly, args=(df.save,))
        saving.start()
        while not list(data.glob(".*.new")) and saving.is_alive():
            time.sleep(0.0005)  # until the save has begun
        time.sleep(draw.uniform(0, length * 0.7))
        own_home.kill()
        saving.join(60)
        storax.engine.set_project("p")
        assert not list(data.glob(".*.new")), "what was written aside is cleared away"
        df = storax.data.load_data_frame("x")
        back = df.to_pandas()
        values = set(np.unique(back[COLUMNS].to_numpy()))
        assert values in ({there}, {float(number)}), f"torn: {values} (seed {seed})"
        assert (len(back), back["s"].iloc[-1]) == (ROWS, str(ROWS - 1))
        kept_old |= values == {there}
        if not kept_old:
            length /= 2  # the first save, on a machine that was busy, took longer than these do
        there = values.pop()
        row = DataFrameRecord.objects.get(id=df.record_id)
        assert (row.edition, row.saved_edition) == (df.edition, df.edition)
    assert kept_old, f"no kill came before the end of its save (seed {seed})"


def _quietly(call):
    with suppress(errors.StoraxError):
        call()


def test_autosave_keeps_every_change_over_a_kill(own_home):
    storax.engine.set_project("p", autosave=True)
    df = DataFrame.from_dict({"a": [1, 2]}, "x")
    df.add(df["a"] * 2, "b").set_role("b", "target")
    own_home.kill()
    storax.engine.set_project("p")
    loaded = storax.data.load_data_frame("x")
    assert (loaded.to_dict(), loaded.roles["target"]) == ({"a": [1, 2], "b": [2.0, 4.0]}, ["b"])
    storax.engine.set_project("p", autosave=False)
    loaded.add(1, "c")
    storax.project.restart()
    assert loaded.load().colnames == ["a", "b"]


def test_after_a_restart_the_catalogue_tells_what_was_lost(project):
    saved = DataFrame.from_dict({"a": [1]}, "saved").save()
    saved.add(1, "b")
    never = DataFrame.from_dict({"a": [1]}, "never")
    storax.project.restart()
    row = DataFrameRecord.objects.get(id=saved.record_id)
    assert (row.edition, row.saved_edition, row.in_memory) == (1, 1, False)
    assert [c["name"] for c in row.columns] == ["a"]
    assert row.last_change == {"action": "lost", "edition": 3, "reason": "it was not saved"}
    assert not DataFrameRecord.objects.filter(id=never.record_id).exists()
    actions = [
        e.data.get("last_change", {}).get("action")
        for e in EventLog.objects.filter(entity="data_frame", entity_id=never.record_id).order_by("position")
    ]
    assert actions == ["created", "lost", None]


def test_a_restart_without_a_loss_tells_nothing(project):
    df = DataFrame.from_dict({"a": [1]}, "x").save()
    df.unload()
    before = DataFrameRecord.objects.get(id=df.record_id).version
    storax.project.restart()
    storax.project.restart()
    assert DataFrameRecord.objects.get(id=df.record_id).version == before


def test_an_edition_stands_for_one_content_for_ever(project):
    df = DataFrame.from_dict({"a": [1]}, "x")
    first = df.edition
    df.save().add(1, "lost")
    lost = df.edition
    df.load()
    assert df.edition == first
    df.add(2, "b")
    assert df.edition not in (first, lost)
    assert EventLog.objects.filter(entity="data_frame", entity_id=df.record_id, version=df.edition).count() == 1


def test_a_row_that_others_changed_or_deleted_hinders_nothing(project):
    df = DataFrame.from_dict({"a": [1]}, "x")
    row = DataFrameRecord.objects.get(id=df.record_id)
    row.last_change = {"action": "touched"}
    row.save()
    df.add(1, "b")
    assert DataFrameRecord.objects.get(id=df.record_id).edition == df.edition
    DataFrameRecord.objects.filter(id=df.record_id).delete()
    df.add(1, "c").save()
    assert df.record_id != row.id
    assert DataFrameRecord.objects.get(id=df.record_id).saved_edition == df.saved_edition
    storax.project.restart()
    assert df.load().colnames == ["a", "b", "c"]


def test_a_damaged_file_is_named_and_the_rest_is_there(home, project):
    DataFrame.from_dict({"a": [1]}, "good").save()
    bad = DataFrame.from_dict({"a": list(range(1000))}, "bad").save()
    file = home.folder.projects / project / "data" / "bad.parquet"
    whole = file.read_bytes()
    file.write_bytes(whole[:20] + b"\xff" * 60 + whole[80:])
    with pytest.raises(errors.StoraxError, match="'bad' is damaged"):
        bad.load()
    assert bad.refresh().in_memory
    file.write_bytes(whole[:100])
    storax.project.suspend()
    storax.engine.set_project(project)
    assert storax.data.load_data_frame("good").to_dict() == {"a": [1]}
    with pytest.raises(errors.StoraxError, match="bad"):
        storax.data.load_data_frame("bad")
    file.write_bytes(whole)
    storax.project.restart()
    assert storax.data.load_data_frame("bad").nrows() == 1000


def test_names_that_files_could_not_bear(project):
    names = ["a/b", "..", ".x", "UPPER", "upper", "ü" * 100, "ü" * 99 + "v", "x.parquet", "a b", "%2F", "~", "con:*?"]
    for name in names:
        DataFrame.from_dict({"n": [name]}, name).save()
    storax.project.restart()
    assert storax.data.list_data_frames()["on_disk"] == sorted(names)
    for name in names:
        assert storax.data.load_data_frame(name).to_dict() == {"n": [name]}
        DataFrame(name).delete()
    storax.project.restart()
    assert storax.data.list_data_frames()["on_disk"] == []


def test_a_full_disk_leaves_the_old_version(home, project):
    df = DataFrame.from_dict({"a": [1]}, "x").save()
    df.add([2], "b")
    DataFrame.from_pandas(wide(1.0), "x")
    before = resource.prlimit(home.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(home.pid, resource.RLIMIT_FSIZE, (300_000, before[1]))  # no file may grow beyond it
    try:
        with pytest.raises(errors.StoraxError, match="File too large"):
            df.save()
    finally:
        resource.prlimit(home.pid, resource.RLIMIT_FSIZE, before)
    assert [file.name for file in (home.folder.projects / project / "data").iterdir()] == ["x.parquet"]
    assert df.refresh().nrows() == ROWS
    assert df.load().colnames == ["a"]


def test_what_no_command_is_gets_an_error_and_the_engine_lives(home, project):
    running = home.folder.read()
    for name, arguments in (
        ("nonsense", {}), ("add", {}), ("add", {"project": project, "frame": 3, "name": [], "expression": 7}),
        ("open_project", {"project": project, "more": 1}), ("look", {"project": project, "source": {}}),
        ("look", {"project": project, "source": {"frame": "x", "steps": [{"step": "nonsense"}]}}),
    ):  # fmt: skip
        with pytest.raises(errors.StoraxError):
            protocol.command(running, name, arguments)
    for body in (b"", b"[", b"[]", b"\xff\xfe", b"3"):
        connection = protocol.Connection(running.socket)
        connection.request("POST", "/v1/do/hello", body, {"authorization": f"Bearer {running.secret}"})
        assert connection.getresponse().status == 400
        connection.close()
    for body in (b"", b"\0" * 8, b"\xff" * 20, (2).to_bytes(8, "big") + b"{}"):
        connection = protocol.Connection(running.socket)
        connection.request(
            "POST",
            "/v1/do/put_table",
            body,
            {"authorization": f"Bearer {running.secret}", "content-type": protocol.ARROW},
        )
        assert connection.getresponse().status == 400
        connection.close()
    with pytest.raises(errors.InvalidInput, match="did not arrive whole"):
        session.call("put_table", {"frame": "x", "source": "test", "given": {}}, table=iter([b"junk" * 100]))
    assert protocol.command(running, "hello", {}) == "hello"
    assert home.pid == running.process.pid
