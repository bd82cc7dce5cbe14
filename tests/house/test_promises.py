"""The list of promises names tests that are there, and the page shows every promise."""

import re

import pytest

from house.repository import ROOT, text_of
from tools.promises.declared import Promise, promises
from tools.promises.page import Result, page

ALL = [*(f"P{number}" for number in range(1, 27)), *(f"S{number}" for number in range(1, 21))]


def test_every_promise_is_there_in_order_with_a_test_or_what_it_lacks():
    assert [promise.id for promise in promises()] == ALL
    assert [promise.id for promise in promises() if not (promise.tests or promise.missing)] == []


@pytest.mark.parametrize("promise", promises(), ids=lambda promise: promise.id)
def test_the_tests_of_a_promise_are_there(promise: Promise):
    for test in promise.tests:
        path, _, name = test.partition("::")
        assert (ROOT / path).is_file(), path
        assert not name or f"def {name}(" in text_of(path), test


def test_the_page_is_that_of_the_list_and_names_no_failure():
    reached = dict(re.findall(r"^\| ([PS]\d+) .*\| ([^|]*) \|$", text_of("docs/promises.md"), re.MULTILINE))
    assert text_of("docs/promises.md") == page((one, reached.get(one.id, "")) for one in promises()), "make promises"
    assert "failed" not in "".join(reached.values())


def test_a_result_counts_and_shows_its_figures():
    result = Result(passed=2, failed=1, skipped={"make test-root"}, figures=["0 lost", "0 lost"])
    assert result.text() == "**1 failed**; 2 passed; 0 lost; more by `make test-root`"
    assert Result(skipped={"make test-root"}).text("3 passed") == "3 passed"
    assert Result().text() == "not run"


def test_a_test_belongs_to_the_promise_that_names_it_or_its_file():
    promise = Promise("P1", "a", "b", ("tests/x.py", "tests/y.py::test_one"))
    assert promise.covers("tests/x.py::test_any")
    assert promise.covers("tests/y.py::test_one[case]")
    assert not promise.covers("tests/y.py::test_one_more")
