"""What README and docs show is true: each page's Python runs as a script, each command line of theirs exists."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import typer.main

from fakes import page_script
from fakes.page_script import claims_of
from storax._engine import process
from storax._engine.folder import EngineFolder
from storax.cli import root
from storax.local import LocalStack
from waiting import HANG_SEC

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of one language, in order."""
    return [body for kind, body in BLOCK.findall(page.read_text(encoding="utf-8")) if kind == language]


WITH_PYTHON = [p for p in PAGES if blocks(p, "python")]
LINES = sorted(
    {
        line.split("storax ", 1)[1].split("  #")[0].strip()
        for page in PAGES
        for body in blocks(page, "console")
        for line in body.splitlines()
        if re.match(r"(PW=\S+ )?(\.venv/bin/)?storax ", line)
    }
)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_there_is_something_to_run() -> None:
    assert {name_of(p) for p in WITH_PYTHON} >= {"README.md", "docs/tutorial.md", "docs/how-to/ask-the-log.md"}
    assert len(LINES) > 20


@pytest.mark.parametrize("page", WITH_PYTHON, ids=name_of)
def test_each_python_block_of_a_page_proves_what_it_shows(page: Path) -> None:
    assert [
        b for b in blocks(page, "python") if not claims_of(b) and not re.search(r"^\s*assert ", b, re.MULTILINE)
    ] == []


@pytest.mark.parametrize(
    ("line", "fails"),
    [
        ("print(1 + 1)  # => 2", False),
        ("print(1 + 1)  # => 3", True),
        ("print('job 7 ended')  # => job ... ended", False),
        ("if False:\n    print(2)  # => 2", True),
        ("for n in (1, 2):\n    print(n)  # => 1", True),
    ],
)
def test_a_comment_that_claims_another_output_fails_its_page(tmp_path: Path, line: str, fails: bool) -> None:
    script = tmp_path / "script.py"
    script.write_text(line + "\n", encoding="utf-8")
    try:
        page_script.run(script)
        failed = False
    except AssertionError:
        failed = True
    assert failed is fails


@pytest.mark.slow("a page of pipelines fits, tunes and runs jobs as its reader would")
@pytest.mark.parametrize("page", WITH_PYTHON, ids=name_of)
def test_the_python_of_a_page_runs_as_one_script(stack: LocalStack, tmp_path: Path, page: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("\n\n".join(blocks(page, "python")), encoding="utf-8")
    own = {"STORAX_URL": stack.url, "STORAX_TOKEN": stack.token, "STORAX_HOME": str(tmp_path / "home")}
    own["PYTHONPATH"] = str(ROOT / "tests")
    argv = [sys.executable, "-W", "error", "-m", "fakes.page_script", str(script)]
    try:
        done = subprocess.run(
            argv, cwd=tmp_path, env=os.environ | own, capture_output=True, text=True, timeout=HANG_SEC
        )
    finally:
        process.stop(EngineFolder(tmp_path / "home" / "engine"))
    assert done.returncode == 0, done.stderr


def test_the_readme_script_finishes_its_three_jobs(stack: LocalStack, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(blocks(ROOT / "README.md", "python")[0], encoding="utf-8")
    assert len([line for line in script.read_text().splitlines() if line.strip()]) <= 11
    own = {"STORAX_URL": stack.url, "STORAX_TOKEN": stack.token, "STORAX_HOME": str(tmp_path / "home")}
    argv = [sys.executable, str(script)]
    done = subprocess.run(argv, cwd=tmp_path, env=os.environ | own, capture_output=True, text=True, timeout=HANG_SEC)
    assert done.stdout == "{'JOB_FINISHED': 3}\n", done.stderr


@pytest.mark.parametrize("line", LINES)
def test_a_command_line_of_the_pages_exists(line: str) -> None:
    arguments = [
        w for w in shlex.split(line.split(" < ")[0].split(" > ")[0].split(" | ")[0], comments=True) if w != "..."
    ]
    command: Any = typer.main.get_command(root)
    context: Any = click.Context(command, info_name="storax")
    while hasattr(command, "resolve_command"):
        _, command, arguments = command.resolve_command(context, arguments)
        context = click.Context(command, parent=context, info_name=command.name)
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert [w for w in arguments if w.startswith("-") and w.split("=")[0] not in known] == []
