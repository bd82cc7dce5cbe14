"""What the server decides stands in one place: others import it, or have it generated."""

import re

import pytest

from house.repository import FOLDERS, GENERATED, python_files, text_of
from storax_core.resources import RESOURCES

HAND_WRITTEN = tuple(f"{folder}/" for folder in FOLDERS)
WHERE = {
    "states in which a job is runnable": (r"PREPROCESSED\W{1,8}RESTART_READY", set()),
    "names of hooks": (r"handle_error\W{1,8}handle_timeout", set()),
    "the hook of a state": (r"RUN_ERROR\W{1,6}handle_error", {"core/storax_core/lifecycle/states.py"}),
    "the condition of a runnable job": (r"not_before\s*<=\s*now\(\)", {"core/storax_core/resources/job.py"}),
    "the order of runnable jobs": (r"priority DESC, \S*\bid\b", {"core/storax_core/resources/job.py"}),
    "the pattern of a template's parameters": (
        r"A-Za-z_\]\[A-Za-z0-9_\]\*\)\\s\*\\}",
        {"core/storax_core/commands/apps.py"},
    ),
    "the lock that writers hold": (r"\b8360,? (AND objid|1\b)", {"core/storax_core/log/watermark.py"}),
}


@pytest.mark.parametrize("what", WHERE)
def test_it_is_defined_once(what):
    pattern, files = WHERE[what]
    definition = re.compile(pattern)
    written = [n for n in python_files() if n.startswith(HAND_WRITTEN) and not n.startswith(GENERATED)]
    assert {n for n in written if definition.search(text_of(n))} == files


def test_generic_commands_tell_nouns_apart_in_one_place():
    names = "|".join(re.escape(r.entity) for r in RESOURCES)
    special = re.compile(
        rf"\b(resource|child|entity)(\.entity)? (is|is not|==|!=) (JOBS|APPS|SESSIONS|BATCH_JOBS|TRANSFERS|\"({names})\")"
    )
    generic = ("core/storax_core/log/", "core/storax_core/commands/")
    assert [n for n in python_files() if n.startswith(generic) and special.search(text_of(n))] == []
