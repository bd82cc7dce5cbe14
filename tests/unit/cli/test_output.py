"""Every form of output reads back as what it was; a terminal gets colours, a pipe never does."""

import csv
import io
import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from storax.cli.terminal.output import Form, chosen, show, show_one, text_of

MOMENT = datetime(2026, 1, 31, 12, 0, 0, 500, tzinfo=UTC)
ROWS = [
    {"id": 1, "state": "FAILED", "tags": {"k": "v", "n": "2"}, "last_update": MOMENT, "return_code": 3},
    {"id": 20, "state": "RUNNING", "tags": {}, "last_update": MOMENT, "return_code": None},
]
COLUMNS = list(ROWS[0])


class Terminal(io.StringIO):
    def isatty(self):
        return True


def printed(form, rows=ROWS, columns=COLUMNS, out=None):
    out = out or io.StringIO()
    count = show(rows, form=form, columns=columns, out=out)
    return count, out.getvalue()


def test_json_is_one_list():
    count, text = printed(Form.JSON)
    assert (count, len(json.loads(text))) == (2, 2)
    assert json.loads(text)[0] == {
        "id": 1,
        "state": "FAILED",
        "tags": {"k": "v", "n": "2"},
        "last_update": "2026-01-31T12:00:00.000500Z",
        "return_code": 3,
    }


def test_ndjson_is_one_object_a_line():
    _, text = printed(Form.NDJSON)
    assert [json.loads(line)["id"] for line in text.splitlines()] == [1, 20]


def test_csv_reads_back_with_json_in_its_cells():
    _, text = printed(Form.CSV)
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["id"] for row in rows] == ["1", "20"]
    assert json.loads(rows[0]["tags"]) == {"k": "v", "n": "2"}
    assert rows[1]["return_code"] == ""


def test_ids_are_the_first_column_alone():
    assert printed(Form.IDS, columns=["id"]) == (2, "1\n20\n")


def test_rows_that_stream_are_not_collected():
    def endless():
        yield ROWS[0]
        raise KeyboardInterrupt

    out = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        show(endless(), form=Form.NDJSON, columns=COLUMNS, out=out)
    assert out.getvalue().startswith('{"id":1')


def test_a_table_in_a_pipe_is_aligned_plain_and_uncut():
    rows = [{**ROWS[0], "tags": {"k": "x" * 300}}]
    _, text = printed(Form.TABLE, rows)
    head, line = text.splitlines()
    assert head.split() == ["ID", "STATE", "TAGS", "LAST_UPDATE", "RETURN_CODE"]
    assert "x" * 300 in line
    assert "\x1b" not in text
    assert line.index("FAILED") == head.index("STATE")


def test_a_table_on_a_terminal_is_coloured_and_fits(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    _, text = printed(Form.TABLE, [{**ROWS[0], "tags": {"k": "x" * 300}}], out=Terminal())
    assert "\x1b[31mFAILED\x1b[0m" in text
    assert "…" in text
    plain = text.replace("\x1b[31m", "").replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert max(map(len, plain.splitlines())) <= 60


def test_failed_and_cancelled_have_different_colours(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    rows = [{"id": n, "state": state} for n, state in enumerate(("FAILED", "CANCELLED"))]
    _, text = printed(Form.TABLE, rows, columns=["id", "state"], out=Terminal())
    assert "\x1b[31mFAILED\x1b[0m" in text
    assert "\x1b[35mCANCELLED\x1b[0m" in text


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colours_can_be_turned_off(monkeypatch, name, value):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(name, value)
    assert "\x1b" not in printed(Form.TABLE, out=Terminal())[1]


def test_no_row_prints_nothing_in_a_table_and_an_empty_list_in_json():
    assert printed(Form.TABLE, []) == (0, "")
    assert printed(Form.JSON, [])[1] == "[]\n"


def test_control_characters_never_reach_the_terminal():
    assert text_of("a\x1b[2Jb\nc") == r"a\x1b[2Jb\nc"
    assert text_of({"k\x07": "v"}) == r"k\x07=v"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), ({}, "-"), (0, "0"), (False, "false"), ([1, 2], "1,2"), (MOMENT, "2026-01-31T12:00:00Z"), ("é", "é")],
)
def test_a_cell_is_one_word_where_it_can_be(value, text):
    assert text_of(value) == text


def test_one_thing_is_a_line_a_field_or_an_object():
    out = io.StringIO()
    show_one({"id": 1, "command_id": UUID(int=1)}, form=Form.JSON, out=out)
    assert json.loads(out.getvalue()) == {"id": 1, "command_id": "00000000-0000-0000-0000-000000000001"}
    out = io.StringIO()
    show_one(ROWS[0], form=Form.TABLE, out=out)
    assert out.getvalue().splitlines()[1] == "state        FAILED"


def test_columns_follow_the_form_unless_they_are_named():
    ask = {"narrow": ("id", "a"), "wide": ("id", "a", "b"), "every": ("id", "a", "b", "c")}
    assert chosen(Form.TABLE, None, **ask) == ["id", "a"]
    assert chosen(Form.WIDE, None, **ask) == ["id", "a", "b"]
    assert chosen(Form.CSV, None, **ask) == ["id", "a", "b", "c"]
    assert chosen(Form.IDS, None, **ask) == ["id"]
    assert chosen(Form.JSON, "b, a", **ask) == ["b", "a"]
