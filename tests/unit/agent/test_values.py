"""Python values have the JSON form that the documentation promises, in the client and in the worker of a function."""

import ast
import collections
import dataclasses
import datetime
import decimal
import http
import json
import os
import pathlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pandas
import pytest

from storax import Job, errors
from storax._json_values import Unstorable, plain
from storax_agent.prepare.functions import worker

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "values.md"


@dataclasses.dataclass
class Point:
    """A dataclass, as the page names it."""

    x: int
    y: Any


def nested(levels: int) -> Any:
    """Return lists inside lists."""
    return [nested(levels - 1)] if levels > 1 else []


NAMES = {
    "collections": collections, "datetime": datetime, "decimal": decimal, "http": http, "numpy": numpy,
    "pathlib": pathlib, "Point": Point, "nested": nested,
}  # fmt: skip


def rows(columns: int) -> list[list[str]]:
    """Return the cells of the tables of the page with so many columns, without heads."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in cells if len(row) == columns and row[2].startswith("`")]


def example(cell: str) -> Any:
    """Evaluate an example of the page."""
    return eval(cell.strip("`"), NAMES)


ACCEPTED = [(row[2], row[3]) for row in rows(4)]
REFUSED = [(row[1], row[2]) for row in rows(3)]


def test_the_page_has_all_kinds() -> None:
    assert len(ACCEPTED) == 15
    assert len(REFUSED) == 7


@pytest.mark.parametrize(("value", "stored"), ACCEPTED)
def test_a_value_is_stored_as_the_page_says(value: str, stored: str) -> None:
    expected = ast.literal_eval(stored.strip("`"))
    assert plain(example(value)) == expected
    job = Job(app_id=1, workdir="w", parameters={"x": example(value)})
    job.data["x"] = example(value)
    body = job._creation()
    for field in ("parameters", "data"):
        assert json.loads(json.dumps(body[field])) == {"x": expected}, "the same when set and when changed in place"


@pytest.mark.parametrize(("value", "reason"), REFUSED)
def test_a_value_without_a_json_form_is_refused_with_its_place(value: str, reason: str) -> None:
    with pytest.raises(Unstorable) as caught:
        plain(example(value))
    assert reason.strip("`") in str(caught.value)
    with pytest.raises(errors.InvalidInput, match=r"parameters\['x'\]"):
        Job(app_id=1, workdir="w", parameters={"x": example(value)}).save()


@pytest.mark.parametrize("number", [1e16, -1e22, 2.0**64, 1.7976931348623157e308, 1.5e200])
def test_a_large_float_that_was_read_back_as_a_whole_number_may_be_stored_again(number: float) -> None:
    read = int(decimal.Decimal(repr(number)))
    assert plain(read) == number
    assert plain(plain(read)) == number


@pytest.mark.parametrize("number", [2**64, 2**63, -(2**63) - 1, 10**22 + 1, 10**400, 10**5000], ids=int.bit_length)
def test_a_whole_number_that_no_float_has_is_refused(number: int) -> None:
    with pytest.raises(Unstorable, match="does not fit in 64"):
        plain(number)


def test_bytes_of_all_kinds_are_text_and_a_time_has_microseconds() -> None:
    assert [plain(kind(b"abc")) for kind in (bytes, bytearray, memoryview)] == ["YWJj"] * 3
    stamp = pandas.Timestamp("2026-01-01T01:02:03.123456789", tz="Europe/Berlin")
    assert plain(stamp) == "2026-01-01T01:02:03.123456+01:00"


class Liar:
    """Its own methods fail, as do those of the error that they raise."""

    class Mute(Exception):
        def __str__(self) -> str:
            raise ValueError("no words")

        __repr__ = __str__

    def tolist(self) -> Any:
        raise Liar.Mute

    def __repr__(self) -> str:
        raise Liar.Mute


def endless(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


ODD = {"liar": Liar(), "class": {Liar: 1}, "huge": 10**5000, "deep": endless(100_000), "arrays": [numpy.zeros(3)] * 3}


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_a_tag_that_cannot_be_shown_is_refused_in_few_words(value: Any) -> None:
    with pytest.raises((errors.InvalidInput, Liar.Mute)) as caught:
        Job(app_id=1, workdir="w", tags={"x": value})
    assert isinstance(caught.value, Liar.Mute) or len(str(caught.value)) < 200


def test_the_place_in_a_message_is_cut() -> None:
    with pytest.raises(Unstorable) as caught:
        plain({"k" * 10**6: [float("nan")]})
    assert len(str(caught.value)) < 400


def test_the_worker_runs_the_same_rule_without_storax() -> None:
    folder = Path(worker.__file__).parent
    code = "import json, json_values as v; print(json.dumps(v.plain({1: {3, 1}, 'b': b'abc'})))"
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    ran = subprocess.run([sys.executable, "-S", "-c", code], env=environment, capture_output=True, check=True)
    assert json.loads(ran.stdout) == {"1": [1, 3], "b": "YWJj"}


def test_a_result_that_is_kept_can_be_read_again(tmp_path: Path) -> None:
    code = """if True:
        import json, os, sys, worker_results
        folder = os.open(sys.argv[1], os.O_RDONLY)
        class Mute(Exception):
            def __str__(self): raise ValueError
            __repr__ = __str__
        class Liar:
            def tolist(self): raise Mute
            def __repr__(self): raise Mute
            __reduce_ex__ = None
        deep = []
        for _ in range(100_000):
            deep = [deep]
        for number, value in enumerate(({"a": float("inf")}, "x" * (1 << 20), lambda: 1, Liar(), deep)):
            print(json.dumps(worker_results.storable(value, number, folder, pickles=False)))
    """
    environment = {**os.environ, "PYTHONPATH": str(Path(worker.__file__).parent)}
    ran = subprocess.run([sys.executable, "-c", code, tmp_path], env=environment, capture_output=True, check=True)
    messages = [json.loads(line)[1] for line in ran.stdout.splitlines()]
    assert [message.rpartition("kept in ")[2] for message in messages] == [
        "result-0.pickle of its workdir", "result-1.json of its workdir", "result-2.txt of its workdir",
        "result-3.txt of its workdir", "result-4.txt of its workdir",
    ]  # fmt: skip
    import pickle

    assert pickle.loads((tmp_path / "result-0.pickle").read_bytes()) == {"a": float("inf")}
    assert json.loads((tmp_path / "result-1.json").read_text()) == "x" * (1 << 20)
    texts = [(tmp_path / f"result-{number}.txt").read_text() for number in (2, 3, 4)]
    assert ("function" in texts[0], texts[1:]) == (True, ["<Liar>", "<list>"])
