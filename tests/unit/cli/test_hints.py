"""No hint that a command can print speaks of Python or REST."""

import ast
import re
from pathlib import Path

import pytest

import storax
import storax_api
import storax_core
from fakes.rest import problem
from storax import errors
from storax.cli.terminal.hints import hint_of, translated

PYTHON = re.compile(r"\w\(\)|\w\(\.\.\.\)|objects\.|=True|=\"|_name=|GET /api|query\.|job\.\w+\(")
# Hints for those who write Python or REST: of slices, instances, keys, functions and classes, which no command uses.
FOREIGN = re.compile(
    r"save\(\)|bulk_|order_by|filter\(\)|uuid4|run\(\)|set_project|\.sync\(\) to store|result\(|return_when|timeout=|"
    r"site = |objects\.all|list\(query\)|isoformat|trust=True|autosave|subroles|\(await "
)
ROOTS = [Path(p) for m in (storax, storax_core, storax_api) for p in m.__path__]
FOLDERS = ("_orm", "_jobs", "_runtime", "errors.py", "client.py", "lifecycle", "commands", "queries", "api")


def hints():
    """Yield every literal hint of the client's models and of the server, with its place."""
    for root in ROOTS:
        for path in root.rglob("*.py"):
            if root.name == "storax" and not {*path.relative_to(root).parts} & set(FOLDERS):
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.keyword) and node.arg == "hint":
                    yield from ((path.name, text) for text in texts(node.value))


def texts(node):
    """Yield the constant texts of an expression; places of an f-string become ``x``."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(p.value if isinstance(p, ast.Constant) else "x" for p in node.values)
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body)
        yield from texts(node.orelse)


def test_hints_are_in_the_words_of_the_command_line():
    every_hint = list(hints())
    assert len(every_hint) > 60, "the search finds the hints"
    python = {
        (place, text) for place, text in every_hint if PYTHON.search(translated(text)) and not FOREIGN.search(text)
    }
    assert python == set()


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (errors.Leased("x", hint="Call cancel() first, then delete it."), "storax job cancel"),
        (errors.StaleVersion("x", hint="Call refresh_from_db()."), "again"),
        (errors.IllegalMove("x", hint="Legal from A: B. An operator may use force=True."), "Legal from A: B."),
        (errors.IllegalMove("x", hint="An operator may use force=True."), "--force"),
        (errors.InvalidInput("x", hint="Name the site: site_name=."), "--site NAME"),
    ],
)
def test_a_python_hint_is_translated(error, hint):
    assert hint in hint_of(error)
    assert not PYTHON.search(hint_of(error))


def test_a_refusal_of_the_server_names_the_option(shell):
    refused = problem(409, "illegal_move", hint="Legal from FAILED: READY. An operator may use force=True.")
    shell.script.on("POST", "/jobs/query", {"columns": [], "rows": [], "next": None, "count": 1})
    shell.script.on("PATCH", "/jobs/", refused)
    ran = shell("job", "modify", "12", "--set", "state=RUNNING", "--yes")
    assert "An operator may use --force." in ran.err
