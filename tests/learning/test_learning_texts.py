"""Parts and words of texts: what a preprocessor makes of them, and what it refuses."""

import re

import numpy as np
import pyarrow as pa
import pytest

from learning.worlds import spec
from storax_engine import learning
from storax_engine.learning.errors import BadPlan
from storax_engine.learning.preprocessors import texts
from storax_engine.learning.preprocessors.texts import TextFieldSplitter
from storax_engine.learning.tables.frame import TEXT, Column, Frame

SENTENCES = ["One two, two THREE", None, "", "three--one", "don't x", "Ünder one", "  two  "] * 5


def frame(values) -> Frame:
    one_column = Frame("t", len(values))
    one_column.add(Column("text", TEXT, pa.chunked_array([pa.array(values)])))
    return one_column


@pytest.mark.parametrize("at_once", [1, 3, 10_000])
def test_words_are_those_between_what_is_neither_letter_nor_digit(monkeypatch, at_once):
    monkeypatch.setattr(texts, "_AT_ONCE", at_once)
    table, splitter = frame(SENTENCES), TextFieldSplitter()
    state = splitter.fit(table)
    tokens = [set(re.split("[^a-z0-9]+", (text or "").lower())) for text in SENTENCES]
    counted = {word: sum(word in each for each in tokens) for each in tokens for word in each if len(word) > 1}
    assert state == {"text": sorted(counted, key=lambda word: (-counted[word], word))}
    splitter.apply(table, state)
    for word in state["text"]:
        assert table.numbers(f"text__has_{word}").tolist() == [float(word in each) for each in tokens]
    assert TextFieldSplitter(vocab_size=2).fit(table) == {"text": state["text"][:2]}
    assert TextFieldSplitter().fit(frame([None, None])) == {"text": []}


def fit(**parameters):
    table = pa.table({"c": ["abc", "abd", "xyz", "xyw"] * 10, "y": np.tile([1.0, 1.0, 2.0, 2.0], 10)})
    roles = {"population": {"categorical": ["c"], "target": ["y"]}}
    steps = [{"kind": "Substring", "begin": 0, "length": 2, **parameters}]
    return learning.fit(spec([], roles, preprocessors=steps, include_categorical=True), {"population": table})


@pytest.mark.parametrize("columns", [["c"], "c", (), None])
def test_a_part_of_a_text_is_a_category(columns):
    assert "c__0_2" in [feature.name for feature in fit(columns=columns).state.features]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"columns": "zip"}, "no table has a column 'zip' with the role categorical or text.* such as 'c'"),
        ({"columns": ["c", "y"]}, "no table has a column 'y'"),
        ({"begin": -1}, "begin is -1: a whole number, 0 or more"),
        ({"length": 0}, "length is 0: a whole number, 1 or more"),
        ({"length": "2"}, "length is '2'"),
    ],
)
def test_a_part_that_cannot_be_is_refused_by_name(parameters, message):
    with pytest.raises(BadPlan, match=message):
        fit(**parameters)


def test_a_part_of_a_part_is_known_by_its_name():
    parts = [{"kind": "Substring", "begin": 0, "length": 2}, {"kind": "Substring", "begin": 0, "length": 1}]
    table = pa.table({"c": ["abc", "xyz"] * 10, "y": [1.0, 2.0] * 10})
    roles = {"population": {"categorical": ["c"], "target": ["y"]}}
    parts[1]["columns"] = ["c__0_2"]
    description = spec([], roles, preprocessors=parts, include_categorical=True)
    names = [feature.name for feature in learning.fit(description, {"population": table}).state.features]
    assert "c__0_2__0_1" in names
    assert "c__0_1" not in names
