"""Closed, full and broken standard streams, and encodings that lack characters: no traceback, and the right status."""

import io
import json
import os
import subprocess
import sys

import pytest

from storax.cli.terminal.output import Form, show, show_one
from storax.cli.terminal.streams import is_unicode

STORAX = (sys.executable, "-c", "from storax.cli import main; main()")


def run(tmp_path, *arguments, redirect="", **environment):
    """Run a command line of the shell, with streams redirected, in a process of its own."""
    command = ["sh", "-c", f'exec "$@" {redirect}', "sh", *STORAX, *arguments]
    env = os.environ | {"STORAX_HOME": str(tmp_path / "höme")} | environment
    env.pop("PYTHONUNBUFFERED", None)
    return subprocess.run(command, env=env, capture_output=True, timeout=300, check=False)


@pytest.mark.parametrize(
    ("arguments", "redirect", "status"),
    [
        (("--help",), ">&-", 0),
        (("status",), ">&-", 1),
        (("status", "-o", "json"), ">&- 2>&- <&-", 1),
        (("job", "ls"), ">&- 2>&-", 8),
        (("job", "ls"), "2>/dev/full", 8),
        (("--help",), ">/dev/full", 1),
        (("job", "ls", "--help"), ">/dev/full", 1),
        (("status", "-o", "json"), ">/dev/full", 1),
    ],
)
def test_a_lost_stream_is_no_traceback_and_keeps_the_status(tmp_path, arguments, redirect, status):
    ran = run(tmp_path, *arguments, redirect=redirect)
    assert (ran.returncode, ran.stdout) == (status, b"")
    assert b"Traceback" not in ran.stderr
    assert b"Exception" not in ran.stderr
    assert (b"No space left" in ran.stderr) == (redirect == ">/dev/full")


@pytest.mark.parametrize("arguments", [("--help",), ("job", "--help"), ("--version",)])
def test_a_reader_who_left_is_no_error_of_any_command(arguments):
    reader, writer = os.pipe()
    os.close(reader)
    ran = subprocess.run([*STORAX, *arguments], stdout=writer, stderr=subprocess.PIPE, timeout=300, check=False)
    os.close(writer)
    assert (ran.returncode, ran.stderr) == (0, b"")


@pytest.mark.parametrize("environment", [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}])
def test_characters_that_the_encoding_lacks_are_escaped(tmp_path, environment):
    plain = run(tmp_path, "status", **environment)
    assert (plain.returncode, plain.stderr) == (1, b"")
    home = json.loads(run(tmp_path, "status", "-o", "json", **environment).stdout)["data"]
    assert home == str(tmp_path / "höme" / "local"), "JSON stays exact"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "cp1252"])
def test_json_is_the_same_in_every_encoding(encoding):
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding, errors="backslashreplace", write_through=True)
    row = {"id": 1, "workdir": "é/日本/\udcff"}
    show_one(row, form=Form.JSON, out=out)
    assert json.loads(raw.getvalue().decode(encoding)) == row
    raw.truncate(raw.seek(0))
    show([row], form=Form.NDJSON, columns=list(row), out=out)
    assert json.loads(raw.getvalue().decode(encoding)) == row
    assert is_unicode(out) == (encoding == "utf-8")


def test_a_table_in_ascii_is_cut_with_dots(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="backslashreplace", write_through=True)
    monkeypatch.setattr(out, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    show([{"id": 1, "workdir": "w" * 100}], form=Form.TABLE, columns=["id", "workdir"], out=out)
    assert out.buffer.getvalue().decode().splitlines()[1].endswith("www...")
