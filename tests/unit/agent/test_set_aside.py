"""Records that are set aside are kept, counted and bounded; reasons are text that the server takes."""

import json
import os

import pytest

from storax_agent.files import set_aside as module
from storax_agent.files.set_aside import SetAside
from storax_agent.server.storable import flaw, storable


@pytest.fixture
def aside(tmp_path):
    return SetAside(tmp_path / "state/set-aside")


def test_a_record_is_kept_under_its_name_for_the_owner_alone(aside):
    aside.put("report of job 7, lease 2", "refused \udcff", b"\xff{}")
    aside.put("report of job 7, lease 2", "refused again", "{}")
    (path,) = aside.folder.iterdir()
    assert (path.name, path.stat().st_mode & 0o77) == ("report-of-job-7-lease-2.json", 0)
    assert json.loads(path.read_text())["record"] == "{}"
    assert [(record.name, record.reason) for record in aside.summary().newest] == [
        ("report of job 7, lease 2", "refused again")
    ]


def test_the_oldest_records_go_and_the_newest_are_shown(aside, monkeypatch):
    monkeypatch.setattr(module, "MOST", 7)
    for number in range(12):
        aside.put(f"row {number}", "why", "x")
        os.utime(aside.folder / f"row-{number}.json", (number, number))
    summary = aside.summary()
    assert (summary.count, [record.name for record in summary.newest]) == (7, [f"row {n}" for n in (11, 10, 9, 8, 7)])


def test_a_disk_that_takes_no_record_stops_nobody_and_a_strange_file_is_no_record(aside, caplog):
    aside.folder.parent.mkdir()
    aside.folder.touch()
    aside.put("row 1", "why", "the record")
    assert "the record" in caplog.text
    assert aside.summary().count == 0
    aside.folder.unlink()
    aside.put("row 1", "why", "x")
    (aside.folder / "odd.json").write_bytes(b"\xff[")
    assert [record.name for record in aside.summary().newest] == ["row 1"]


def test_what_the_server_does_not_take_is_written_as_text():
    odd = {"a\udcff": ["\0", float("nan"), float("inf"), 2**70, 1e300, 2**62, True, None, ("x", 1)]}
    assert storable(odd) == {"a\\udcff": ["\\x00", "nan", "inf", str(2**70), 1e300, 2**62, True, None, ["x", 1]]}
    deep = []
    for _ in range(5000):
        deep = [deep]
    assert "too deep" in json.dumps(storable(deep))
    assert "nested deeper than" in flaw(deep)
    assert flaw({"a": ["fine", {"b": "\ud800"}]}) == "['a'][1]['b'] is '\\ud800', which is no valid Unicode text"
    assert flaw({"a\udcff": 1}) == "key is 'a\\udcff', which is no valid Unicode text"
    assert flaw({"a": [1, None, "grün\0"]}) == ""
