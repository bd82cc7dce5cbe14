"""The list of `make guards` fits the code: a guard that moved, or a test that was renamed, would be checked no more."""

import pytest

from house.repository import ROOT
from tools.guards.mutations import Guard, GuardError, guards


@pytest.mark.parametrize("guard", guards(), ids=lambda guard: guard.name)
def test_each_guard_is_in_its_file_once_and_its_tests_are_there(guard: Guard):
    source = (ROOT / guard.file).read_text(encoding="utf-8")
    assert guard.removed_from(source) != source
    for test in guard.tests:
        path, _, name = test.partition("::")
        assert f"def {name.split('[')[0]}(" in (ROOT / path).read_text(encoding="utf-8"), test


@pytest.mark.parametrize("source", ["", "x = 1; x = 1"])
def test_a_guard_that_is_not_there_once_is_named(source: str):
    guard = Guard("one", "a.py", "x = 1", "x = 2", ("test",))
    with pytest.raises(GuardError, match=r"one: a\.py holds its text"):
        guard.removed_from(source)
