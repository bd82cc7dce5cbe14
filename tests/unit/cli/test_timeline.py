"""Stages of jobs over time: from the changes of the log, as bars in characters, and as rows for programs."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from fakes.rest import job, rows
from storax import EventLog, Job
from storax.cli.job.pictures.bars import ASCII, BOXES, Scale, bar, marks
from storax.cli.job.pictures.stages import Stage, stages

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def at(seconds):
    return NOW + timedelta(seconds=seconds)


def changes(*moves):
    """Return changes of jobs: (job, state, seconds) or (job, state, seconds of the server, seconds of the site)."""
    for number, state, seconds, *site in moves:
        yield number, state, at(seconds), {"at": at(site[0]).isoformat()} if site else {}


def spans(*moves):
    every = stages(changes(*moves))
    return [(s.job_id, s.state, s.attempt, seconds(s.begin), s.end and seconds(s.end)) for s in every]


def seconds(moment):
    return (moment - NOW).total_seconds()


def text_of(pieces):
    return "".join(piece.text for piece in pieces)


def drawn(*moves, width=10, begin=0, end=10, characters=ASCII):
    every = list(stages(changes(*moves)))
    return bar(every, Scale(at(begin), at(end), width), at(end), characters)


def test_stages_are_the_times_in_a_state_and_attempts_are_counted():
    assert spans(
        (1, "PREPROCESSED", 0), (2, "READY", 1), (1, "RUNNING", 2), (1, "RUN_ERROR", 5), (1, "RESTART_READY", 5),
        (2, "PREPROCESSED", 6), (1, "RUNNING", 7), (1, "RUN_DONE", 9), (1, "JOB_FINISHED", 9),
    ) == [
        (1, "PREPROCESSED", 0, 0, 2), (1, "RUNNING", 1, 2, 5), (2, "READY", 0, 1, 6),
        (1, "RESTART_READY", 1, 5, 7), (1, "RUNNING", 2, 7, 9), (2, "PREPROCESSED", 0, 6, None),
    ]  # fmt: skip


def test_a_run_of_no_duration_is_a_stage_and_an_end_is_none():
    moves = [(1, "RUNNING", 1), (1, "RUN_ERROR", 1), (1, "FAILED", 1), (1, "RESTART_READY", 8), (1, "CANCELLED", 9)]
    assert spans(*moves) == [(1, "RUNNING", 1, 1, 1), (1, "RESTART_READY", 1, 8, 9)]


def test_the_time_of_the_site_counts_where_it_can_be_right():
    late = [(1, "PREPROCESSED", 0), (1, "RUNNING", 100, 10), (1, "RUN_DONE", 100, 40), (1, "JOB_FINISHED", 100)]
    assert (1, "RUNNING", 1, 10, 40) in spans(*late)
    for wrong in (-8 * 86_400, 101):
        assert (1, "RUNNING", 1, 100, None) in spans((1, "PREPROCESSED", 0), (1, "RUNNING", 100, wrong))
    assert (1, "RUNNING", 1, 50, None) in spans((1, "PREPROCESSED", 50), (1, "RUNNING", 60, 20)), (
        "time does not go back"
    )


@pytest.mark.parametrize("wrong", ["yesterday", 7])
def test_a_time_of_a_site_that_cannot_be_read_does_not_count(wrong):
    (stage,) = stages([(1, "RUNNING", at(5), {"at": wrong})])
    assert stage.begin == at(5)


def test_a_bar_has_a_character_for_each_kind_of_stage():
    moves = [(1, "AWAITING_PARENTS", 0), (1, "READY", 2), (1, "PREPROCESSED", 4), (1, "RUNNING", 6), (1, "RUN_DONE", 8)]
    assert text_of(drawn(*moves)) == "..::..##=="
    assert text_of(drawn(*moves, characters=BOXES)) == "··░░··██▒▒"
    assert text_of(drawn(*moves, begin=-10, width=20)) == " " * 10 + "..::..##=="


def test_a_short_run_is_seen_and_every_attempt_has_its_number():
    moves = [(1, "PREPROCESSED", 0)]
    for attempt in range(11):
        moves += [(1, "RUNNING", 10 * attempt + 5), (1, "RUN_ERROR", 10 * attempt + 5.1)]
        moves += [(1, "RESTART_READY", 10 * attempt + 5.1)]
    assert text_of(drawn(*moves, end=110, width=22)) == ".#.2.3.4.5.6.7.8.9.+.+"


def test_a_run_that_failed_has_the_colour_of_its_outcome():
    moves = [(1, "RUNNING", 0), (1, "RUN_ERROR", 5), (1, "RESTART_READY", 5), (1, "RUNNING", 7)]
    assert [(p.text, p.state) for p in drawn(*moves)] == [
        ("#####", "RUN_ERROR"), ("..", "RESTART_READY"), ("2##", "RUNNING"),
    ]  # fmt: skip


def test_a_job_without_stages_has_an_empty_bar_and_a_moment_has_a_scale():
    assert drawn() == []
    moment = Scale.of([], NOW, 30)
    assert (moment.begin, moment.seconds) == (NOW, 1)
    assert Scale.of([Stage(1, "RUNNING", 1, at(-5))], NOW, 30) == Scale(at(-5), NOW, 30)


ZONE = timezone(timedelta(hours=5, minutes=30))


@pytest.mark.parametrize("length", [1, 7, 60, 3_599, 7_200, 86_399, 86_400, 400_000, 10**7, 10**9])
@pytest.mark.parametrize("width", [20, 57, 200])
def test_marks_are_round_local_times_at_their_place(length, width):
    begin = datetime(2001, 1, 31, 7, 41, 13, tzinfo=UTC)
    scale = Scale(begin, begin + timedelta(seconds=length), width)
    line = marks(scale, ZONE)
    assert len(line) <= width
    for label in filter(None, map(str.strip, line.split("|"))):
        assert line.count(f"|{label}") == 1
        place = begin + timedelta(seconds=scale.seconds * line.index(f"|{label}") / width)
        cell = timedelta(seconds=scale.seconds / width)
        form = {8: "%H:%M:%S", 5: "%H:%M", 11: "%m-%d %H:%M", 10: "%Y-%m-%d"}[len(label)]
        local = place.astimezone(ZONE)
        assert any(f"{local + part * cell / 1000:{form}}" == label for part in range(1001)), "within its column"


def test_marks_of_an_hour_read_well():
    scale = Scale(at(13), at(3_613), 60)
    assert marks(scale, UTC) == "         |12:10    |12:20    |12:30    |12:40    |12:50"


def page(model, *objects):
    """Answer a query with the requested columns, up to its limit."""

    def answer(request):
        if request.body.get("count"):
            return {"columns": [], "rows": [], "next": None, "count": len(objects)}
        ids = request.body["filter"].get("job_id")
        matching = [one for one in objects if ids is None or one["entity_id"] in ids]
        reply, fields = rows(model, *matching[: request.body["limit"]]), request.body["fields"]
        places = [reply["columns"].index(name) for name in fields]
        return reply | {"columns": fields, "rows": [[row[place] for place in places] for row in reply["rows"]]}

    return answer


@pytest.fixture
def served(shell):
    """A server with a job that ended and one that waits."""
    moves = [(4, "PREPROCESSED", 0), (5, "PREPROCESSED", 5), (4, "RUNNING", 10), (4, "RUN_DONE", 30),
             (4, "JOB_FINISHED", 30)]  # fmt: skip
    events = [
        {"position": n, "entity_id": number, "to_state": state, "timestamp": moment.isoformat(), "data": data}
        for n, (number, state, moment, data) in enumerate(changes(*moves))
    ]
    shell.script.on("POST", "/events/query", page(EventLog, *events))
    shell.script.on("POST", "/jobs/query", page(Job, job(5), job(4, state="JOB_FINISHED")))
    return shell


def test_programs_get_a_row_for_each_stage_from_one_query(served):
    read = json.loads(served("job", "timeline", "-o", "json").out)
    assert read[:2] == [
        {"job": 4, "stage": "PREPROCESSED", "attempt": 0, "begin": "2026-01-31T12:00:00Z",
         "end": "2026-01-31T12:00:10Z", "duration_sec": 10.0},
        {"job": 4, "stage": "RUNNING", "attempt": 1, "begin": "2026-01-31T12:00:10Z", "end": "2026-01-31T12:00:30Z",
         "duration_sec": 20.0},
    ]  # fmt: skip
    assert (read[2]["job"], read[2]["stage"], read[2]["end"]) == (5, "PREPROCESSED", None)
    (body,) = served.script.bodies("/events/query")
    assert body["filter"] == {"job_id": [4, 5], "to_state__isnull": False}
    table = list(csv.DictReader(served("job", "timeline", "-o", "csv").out.splitlines()))
    assert [row["stage"] for row in table] == [row["stage"] for row in read]
    assert table[2]["end"] == ""
    assert served("job", "timeline", "-o", "ids").out == "4\n5\n"


def test_jobs_are_selected_as_by_ls_and_the_newest_40_by_default(served):
    served("job", "timeline")
    body = served.script.bodies("/jobs/query")[-1]
    assert (body["ordering"], body["limit"]) == (["-id"], 40)
    assert body["exclude"][0]["state"] == ["JOB_FINISHED", "FAILED", "CANCELLED"]
    served("job", "timeline", "1-9", "--state", "FAILED", "--limit", "0")
    body = served.script.bodies("/jobs/query")[-1]
    assert "exclude" not in body
    assert body["filter"] == {"id__gt": 0, "id__lt": 10, "state": ["FAILED"]}
    ran = served("job", "timeline", "1-9", "--limit", "1")
    assert "The newest 1 of 2 jobs; use --limit 0 for all." in ran.err


def test_nothing_to_show_is_said(served):
    served.script.on("POST", "/jobs/query", page(Job))
    assert "none ended within a day" in served("job", "timeline").err
    ran = served("job", "timeline", "--state", "FAILED")
    assert (ran.status, ran.out, ran.err) == (0, "", "No job matches --state FAILED.\n")


@pytest.mark.parametrize(("encoding", "run"), [("ascii", "#"), ("cp1252", "#"), ("utf-8", "█")])
def test_a_bar_fits_and_has_what_the_terminal_takes(served, monkeypatch, encoding, run):
    served.script.on("POST", "/jobs/query", page(Job, job(4, state="JOB_FINISHED")))
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace", write_through=True)
    monkeypatch.setattr(out, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("sys.stdout", out)
    served("job", "timeline", "4")
    coloured = out.buffer.getvalue().decode(encoding)
    assert f"\x1b[36m{run}" in coloured
    assert "\x1b[32mJOB_FINISHED\x1b[0m" in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    served("job", "timeline", "4")
    head, line, scale, span, legend = out.buffer.getvalue().decode(encoding)[len(coloured) :].splitlines()
    assert head.split() == ["ID", "STATE", "DURATION"]
    assert line.split()[:3] == ["4", "JOB_FINISHED", "20s"]
    assert all(len(text) <= 60 for text in (line, scale, legend))
    assert run in line
    assert f"{run} running" in legend
    local = NOW.astimezone().isoformat(" ", "seconds")
    assert span.startswith(f"{local} to "), "the zone is named"


def test_a_reader_who_had_enough_is_no_error(served, monkeypatch):
    class Gone(io.StringIO):
        def write(self, _):
            raise BrokenPipeError

    served.script.on("POST", "/jobs/query", page(Job, job(4, state="JOB_FINISHED")))
    monkeypatch.setattr("sys.stdout", Gone())
    ran = served("job", "timeline", "4")
    assert (ran.status, ran.err) == (0, "")
