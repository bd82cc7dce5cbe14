"""Every change of a data frame is an event of its owner's, with its version."""

import pytest

import storax
from storax import Client, DataFrameRecord, EventLog, ProjectRecord, errors
from storax.data import DataFrame


def test_each_create_column_role_save_and_delete_is_in_the_log(project):
    df = DataFrame.from_dict({"a": [1, 2]}, "x")
    record = df.record_id
    df.add(df["a"] * 2, "b", role="numerical", unit="m").set_role("a", "target").save()
    df.remove("b")
    df.load()
    df.unload()
    df.delete()
    events = list(EventLog.objects.filter(entity="data_frame", entity_id=record).order_by("position"))
    assert [e.version for e in events] == list(range(1, 10))
    assert [(e.type.partition(".")[2], e.data.get("last_change", {}).get("action")) for e in events] == [
        ("created", "created"), ("updated", "column_added"), ("updated", "role_set"), ("updated", "saved"),
        ("updated", "columns_removed"), ("updated", "loaded"), ("updated", "unloaded"), ("updated", "deleted"),
        ("deleted", None),
    ]  # fmt: skip
    assert events[1].data["last_change"] == {"action": "column_added", "column": "b", "role": "numerical", "unit": "m"}
    assert events[1].data["columns"][1] == {"name": "b", "role": "numerical", "dtype": "float64", "unit": "m"}
    assert (events[2].data["edition"], events[3].data["saved_edition"]) == (3, 3)
    assert "columns" not in events[3].data


def test_the_catalogue_can_be_asked(project):
    row = ProjectRecord.objects.get(name=project)
    DataFrame.from_dict({"a": [1, 2, 3]}, "big").save()
    DataFrame.from_dict({"a": [1]}, "small")
    frames = DataFrameRecord.objects.filter(project_id=row.id)
    assert [f.name for f in frames.filter(nrows__gt=1)] == ["big"]
    assert [f.name for f in frames.filter(saved_edition__isnull=True)] == ["small"]
    assert [f.name for f in frames.order_by("-nrows")] == ["big", "small"]


def test_a_save_that_changes_nothing_is_no_event(project):
    df = DataFrame.from_dict({"a": [1]}, "x").save()
    before = DataFrameRecord.objects.get(id=df.record_id).version
    df.save()
    assert DataFrameRecord.objects.get(id=df.record_id).version == before


def test_another_user_sees_none_of_it(project, platform):
    df = DataFrame.from_dict({"a": [1]}, "x")
    other = platform.user()
    with Client(platform.url, other.token):
        assert not DataFrameRecord.objects.filter(name="x").exists()
        assert not ProjectRecord.objects.filter(name=project).exists()
        with pytest.raises(errors.NotFound):
            storax.current_client().request("GET", f"/data-frames/{df.record_id}")


def test_deleting_a_project_logs_the_deletion_of_each_of_its_frames(project):
    record = DataFrame.from_dict({"a": [1]}, "x").record_id
    storax.engine.delete_project(project)
    assert EventLog.objects.filter(entity="data_frame", entity_id=record, type="data_frame.deleted").count() == 1


def test_the_catalogue_refuses_what_could_leave_a_folder(home):
    for name, why in (
        ("..", "becomes a folder"),
        ("a/b", "becomes a folder"),
        (".a", "becomes a folder"),
        (" a", "blank"),
    ):
        with pytest.raises(errors.InvalidInput, match=why):
            ProjectRecord.objects.create(name=name)
