"""Whatever a job, an App or a server names itself: no command hands it to a terminal unseen, and JSON keeps its value."""

import ast
import io
import json
from pathlib import Path

import pytest

import storax.cli
from fakes.rest import job, problem
from storax import Site
from storax.cli.terminal.output import Form, show, show_one
from storax.cli.terminal.visible import note, say, visible, visible_json

ESCAPE, CSI, RIGHT_TO_LEFT, ISOLATE, TAG = "\x1b]0;owned\x07", "\x9b2J", "\u202e", "\u2067", "\U000e0041"
HOSTILE = f"a{ESCAPE}{CSI}{RIGHT_TO_LEFT}{ISOLATE}{TAG}\r\nb"
CONTROLS = (*"\x1b\x07\x9b\r", RIGHT_TO_LEFT, ISOLATE, TAG)


class Screen(io.StringIO):
    def isatty(self):
        return True


def unseen(text):
    return [c for c in text.replace("\x1b[1m", "").replace("\x1b[0m", "") if not c.isprintable() and c != "\n"]


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize(
    "print_rows", [show, lambda rows, *, form, columns, out: show_one(rows[0], form=form, out=out)]
)
def test_no_form_of_output_steers_a_terminal(form, print_rows):
    screen = Screen()
    print_rows([{"workdir": HOSTILE, "tags": {HOSTILE: HOSTILE}}], form=form, columns=["workdir", "tags"], out=screen)
    assert unseen(screen.getvalue()) == []
    assert "x1b" in screen.getvalue() or "u001b" in screen.getvalue()


@pytest.mark.parametrize("form", [Form.JSON, Form.NDJSON])
@pytest.mark.parametrize("stream", [Screen, io.StringIO])
def test_json_keeps_its_value_everywhere(form, stream):
    out = stream()
    show([{"workdir": HOSTILE}], form=form, columns=["workdir"], out=out)
    read = json.loads(out.getvalue())
    assert (read[0] if form is Form.JSON else read) == {"workdir": HOSTILE}


def test_a_pipe_gets_csv_and_ids_as_they_are():
    for form in (Form.CSV, Form.IDS):
        pipe = io.StringIO()
        show([{"workdir": HOSTILE}], form=form, columns=["workdir"], out=pipe)
        assert all(c in pipe.getvalue() for c in CONTROLS)


def test_an_escaped_json_is_the_same_json():
    text = json.dumps({HOSTILE: [HOSTILE, "é", "😀"]}, ensure_ascii=False, indent=2)
    assert json.loads(visible_json(text)) == json.loads(text)
    assert unseen(visible_json(text)) == []
    assert "é" in visible_json(text)


def test_letters_of_every_script_stay_as_they_are():
    for text in ("Größe", "日本", "שלום", "مرحبا", "e\u0301", "😀"):
        assert visible(text) == text


def test_a_line_break_inside_a_text_starts_no_line_of_its_own(capsys):
    say("Job 1 failed: x\nJob 2 is fine")
    note("a\nb")
    ran = capsys.readouterr()
    assert (ran.out, ran.err) == ("Job 1 failed: x\n  Job 2 is fine\n", "a\n  b\n")


def test_explain_shows_what_a_program_left_behind(shell):
    end = {"position": 1, "to_state": "FAILED", "data": {"message": HOSTILE, "stderr_tail": HOSTILE}}
    names = {"id": 1, "name": f"{RIGHT_TO_LEFT}app", "parameters": {}, "site_id": 1}
    shell.script.on("GET", "/jobs/1", job(1, state="FAILED", workdir=HOSTILE, attempt=1, max_attempts=1, losses=0))
    shell.script.on("GET", "/sites/1", dict.fromkeys(Site._columns) | {"id": 1, "name": f"{RIGHT_TO_LEFT}site"})
    shell.script.on("GET", "/apps/1", names)
    page = {"columns": list(end), "rows": [list(end.values())], "next": None, "count": None}
    shell.script.on("POST", "/events/query", page)
    ran = shell("job", "explain", "1")
    assert ran.status == 0, ran.err
    assert unseen(ran.out) == []
    assert r"\x1b]0;owned\x07" in ran.out
    assert r"\u202e" in ran.out


def test_an_error_shows_what_a_server_says(shell):
    shell.script.on("GET", "/jobs/1", problem(404, "not_found", HOSTILE, hint=HOSTILE))
    ran = shell("job", "explain", "1")
    assert ran.status == 3
    assert unseen(ran.err) == []
    assert r"\u202e" in ran.err


def test_no_command_prints_past_the_one_function():
    folder = Path(storax.cli.__file__).parent
    for path in [p for p in folder.rglob("*.py") if p.parent.name != "terminal"]:
        for node in ast.walk(ast.parse(path.read_text())):
            call = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            assert call not in ("print", "sys.stdout.write", "sys.stderr.write", "typer.echo"), f"{path}:{node.lineno}"
