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
        for number, value in enumerate(({"a": float("inf")}, "x" * (1 << 20), lambda: 1)):
            print(json.dumps(worker_results.storable(value, number, folder, pickles=False)))
    """
    environment = {**os.environ, "PYTHONPATH": str(Path(worker.__file__).parent)}
    ran = subprocess.run([sys.executable, "-c", code, tmp_path], env=environment, capture_output=True, check=True)
    messages = [json.loads(line)[1] for line in ran.stdout.splitlines()]
    assert [message.rpartition("kept in ")[2] for message in messages] == [
        "result-0.pickle of its workdir", "result-1.json of its workdir", "result-2.txt of its workdir",
    ]  # fmt: skip
    import pickle

    assert pickle.loads((tmp_path / "result-0.pickle").read_bytes()) == {"a": float("inf")}
    assert json.loads((tmp_path / "result-1.json").read_text()) == "x" * (1 << 20)
    assert "function" in (tmp_path / "result-2.txt").read_text()
