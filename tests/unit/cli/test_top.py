"""A frame of `storax top` fits its terminal, no name steers it, and the last one stays while the server is away."""

import io
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from fakes.rest import NO_ROWS
from storax.cli.terminal.table import width_of
from storax.cli.top.frame import Size, lines
from storax.cli.top.snapshot import Chosen, Snapshot

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
LINE = "No space left on device while writing the checkpoint of the relaxation of a surface " * 3
RATES = {"started": 12.0, "finished": 9.5, "failed": 0.0}


def snapshot(number=0, **names):
    names = {"app": "Relax", "site": "cluster", "workdir": "w", "failure_line": LINE} | names
    running = [
        {"id": n, "duration": timedelta(hours=n), "app": names["app"], "site": names["site"], "attempt": 1}
        | {"workdir": names["workdir"]}
        for n in range(number, 0, -1)
    ]
    failures = [
        {"last": NOW - timedelta(minutes=n), "jobs": 10, "app": names["app"], "return_code": 1, "newest_id": n}
        | {"failure_line": names["failure_line"]}
        for n in range(number)
    ]
    sites = [
        {"id": n, "name": names["site"], "running": n, "last_refresh": heard}
        for n, heard in enumerate((NOW, None, NOW - timedelta(hours=2)))
    ]
    counts = {"CANCELLED": 1, "RUNNING": 1234567, "READY": 2, "JOB_FINISHED": 10**9, "AWAITING_PARENTS": 10**7}
    return Snapshot(
        Chosen("all jobs", {}), NOW, counts, {"last minute": RATES, "last 10 min": RATES}, running, failures, sites
    )


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def stdout(monkeypatch):
    """Make stdout a terminal with this encoding, or a pipe."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")

    def change(encoding="utf-8", *, terminal=True):
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace")
        stream.isatty = lambda: terminal
        monkeypatch.setattr("sys.stdout", stream)

    return change


def part(frame, title):
    """Return the lines below a title."""
    begin = next(n for n, line in enumerate(frame) if line.startswith(title)) + 1
    return frame[begin : frame.index("", begin) if "" in frame[begin:] else None]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("size", [Size(80, 24), Size(80, 60), Size(200, 24)])
def test_a_frame_fits_its_terminal(monkeypatch, stdout, encoding, size):
    stdout(encoding)
    monkeypatch.setenv("NO_COLOR", "1")
    frame = lines(snapshot(100, app="Überströmung" * 5, workdir="深い/" * 30), size)
    assert len(frame) <= size.lines
    assert max(map(width_of, frame)) <= size.columns
    for title in ("Running now", "Failures", "Sites"):
        assert len(part(frame, title)) > 1 + 1, "the names of its columns, and rows"
    assert "\n".join(frame).encode(encoding)


def test_a_higher_terminal_shows_more_and_a_table_that_needs_less_leaves_its_room_to_others(stdout):
    stdout()
    low, high = (lines(snapshot(100), Size(80, height)) for height in (24, 50))
    assert len(part(high, "\x1b[1mRunning")) > len(part(low, "\x1b[1mRunning")) + 5
    assert len(high) in (49, 50)
    assert len(part(high, "\x1b[1mSites")) == 1 + 3


def test_states_are_in_the_order_of_a_jobs_life_and_silent_sites_come_first(stdout):
    stdout(terminal=False)
    frame = lines(snapshot(1), Size())
    states = [word for word in frame[1].split() if not word[0].isdigit()]
    assert states == ["AWAITING_PARENTS", "READY", "RUNNING", "JOB_FINISHED", "CANCELLED"]
    agents = [line.split("  ")[-1].strip() for line in part(frame, "Sites")[1:]]
    assert agents == ["never started", "silent, heard 2h ago", "active, heard 0s ago"]
    assert LINE.strip() in "\n".join(frame), "a pipe gets all of a line"


@pytest.mark.parametrize("terminal", [True, False])
def test_no_name_of_an_app_a_site_or_an_error_steers_the_terminal(stdout, terminal):
    stdout(terminal=terminal)
    evil = "\x1b[2J\x1b]52;c;ZQ==\x07\r\n\u202e"
    frame = lines(snapshot(2, app=evil, site=evil, workdir=evil, failure_line=evil), Size(200, 40), evil)
    text = "".join(frame)
    for code in ("\x1b[1m", "\x1b[0m", "\x1b[32m", "\x1b[33m", "\x1b[35m", "\x1b[36m"):  # our own colours
        text = text.replace(code, "")
    assert text.isprintable()
    assert "\\x1b[2J" in text


def test_the_last_frame_stays_while_the_server_is_away_and_ctrl_c_is_no_failure(shell, monkeypatch):
    out = Terminal()
    monkeypatch.setattr("sys.stdout", out)
    for name, value in (("COLUMNS", "80"), ("LINES", "24"), ("TERM", "xterm"), ("FORCE_COLOR", "")):
        monkeypatch.setenv(name, value)
    answers = iter([{"counts": {"RUNNING": 60}}] * 2 + [httpx.ConnectError("refused")] * 50)

    def rates(_):
        if "Trying again" in out.getvalue():
            raise KeyboardInterrupt
        return next(answers)

    shell.script.on("POST", "/events/counts", rates)
    shell.script.on(
        "POST", "/jobs/counts", lambda ask: {"counts": {"PREPROCESSED": 7} if ask.body["by"] == "state" else {}}
    )
    shell.script.on("POST", "/jobs/query", NO_ROWS | {"columns": ["id"]})
    shell.script.on("POST", "/jobs/failures", {"groups": [], "jobs": 0, "more": False, "since": NOW.isoformat()})
    assert shell("top", "--interval", "0.1").status == 0
    last = out.getvalue().rpartition("\x1b[H")[2]
    assert "PREPROCESSED 7" in last
    assert "Trying again" in last
    assert "60.0" in last


def test_ages_are_by_the_servers_clock_which_may_differ_from_this_machines(shell):
    """The events of the last minute, and the last contact of an agent, have times of the server."""
    now = NOW.replace(year=2020)
    counts = {"counts": {}}
    site = [1, "near", (now - timedelta(seconds=5)).isoformat()]
    shell.script.on("POST", "/jobs/counts", (200, counts, {"date": format_datetime(now, usegmt=True)}))
    shell.script.on("POST", "/events/counts", counts)
    shell.script.on("POST", "/jobs/query", NO_ROWS | {"columns": ["id"]})
    shell.script.on("POST", "/jobs/failures", {"groups": [], "jobs": 0, "more": False, "since": now.isoformat()})
    shell.script.on("POST", "/sites/query", NO_ROWS | {"columns": ["id", "name", "last_refresh"], "rows": [site]})
    assert "active, heard 5s ago" in shell("top", "--once").out
    since = [r.body["filter"]["timestamp_after"] for r in shell.script.requests if r.path == "/events/counts"]
    assert [datetime.fromisoformat(at) for at in since] == [now - timedelta(minutes=n) for n in (1, 10)]


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_an_interval_that_cannot_be_is_refused(shell, seconds):
    ran = shell("top", "--interval", seconds)
    assert (ran.status, ran.out) == (2, "")
    assert "between 0.1 and 3600 seconds" in ran.err
