"""A table on a terminal fits: other columns go before anything that says who or why is cut."""

import io
from datetime import timedelta

import pytest

from storax.cli.terminal.output import Form, show, text_of
from storax.cli.terminal.table import width_of

WHY = "QOSMaxJobsPerUserLimit: the account physics-production has 12 of 12 jobs of the queue regular under way"
ROW = {
    "id": 1234567, "state": "pending_submission", "site": "perlmutter-production", "num_nodes": 128,
    "queue": "regular", "project": "m1234", "scheduler_id": "9876543", "why": WHY,
}  # fmt: skip


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def printed(monkeypatch):
    """Print rows on a terminal of so many columns; return its lines."""
    monkeypatch.setenv("NO_COLOR", "1")

    def run(rows, columns, width, **options):
        monkeypatch.setenv("COLUMNS", str(width))
        out = Terminal()
        show(rows, form=Form.TABLE, columns=columns, out=out, **options)
        return out.getvalue().splitlines()

    return run


def column(lines, name):
    """Return the text of one column of a table of one row, its lines joined without blanks."""
    begin = lines[0].index(name.upper())
    end = next((at for at in range(begin + len(name), len(lines[0])) if lines[0][at] != " "), None)
    return "".join(line[begin:end].strip() for line in lines[1:]).replace(" ", "")


@pytest.mark.parametrize("width", [80, 100, 132, 200])
def test_who_and_why_are_complete_at_every_width(printed, capsys, width):
    lines = printed([ROW], list(ROW), width)
    assert max(map(len, lines)) <= width
    for name in ("state", "site", "why"):
        assert column(lines, name) == ROW[name].replace(" ", "")
    left_out = [name for name in ROW if name.upper() not in lines[0].split()]
    assert left_out == list(ROW)[len(ROW) - 1 - len(left_out) : -1], "from the right, by worth"
    assert all(name in capsys.readouterr().err for name in left_out)


def test_columns_that_were_named_are_all_shown(printed):
    lines = printed([ROW], list(ROW), 80, named=True)
    assert [name.lower() for name in lines[0].split()] == list(ROW)


def test_a_wide_terminal_has_everything_in_one_line(printed, capsys):
    assert len(printed([ROW], list(ROW), 300)) == 2
    assert capsys.readouterr().err == ""


def test_wide_characters_keep_columns_aligned(printed):
    lines = printed([{"name": "日本", "state": "x"}, {"name": "ab", "state": "y"}], ["name", "state"], 80)
    assert [width_of(line[: line.index(state)]) for line, state in zip(lines[1:], "xy", strict=True)] == [6, 6]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.9, "0s"), (59, "59s"), (60, "1m"), (7500, "2h5m"), (86400, "1d"), (90061, "1d1h"), (3601, "1h")],
)
def test_a_duration_is_one_word_of_two_units(seconds, text):
    assert text_of(timedelta(seconds=seconds)) == text
