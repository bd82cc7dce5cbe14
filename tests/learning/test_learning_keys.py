"""Keys as numbers: different keys have different numbers, equal ones are found on the other side."""

import numpy as np
import pyarrow as pa
import pytest

from storax_engine.learning.errors import BadData
from storax_engine.learning.tables import keys
from storax_engine.learning.tables.frame import JOIN_KEY, Column, Frame


def frame(**columns) -> Frame:
    table = Frame("t", len(next(iter(columns.values()))))
    for name, values in columns.items():
        table.add(Column(name, JOIN_KEY, pa.chunked_array([pa.array(values)])))
    return table


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7])
def test_combinations_of_many_columns_stay_different_beyond_64_bits(count):
    draw = np.random.default_rng(count)
    columns = {f"k{i}": draw.permutation(5000) * 1_000_003 for i in range(count)}  # 5000**7 is above 2**64
    names = tuple(columns)
    known, numbers = keys.of(frame(**columns), names)
    assert len(set(numbers)) == 5000
    assert 0 <= numbers.min() <= numbers.max() < known.size
    assert np.array_equal(known.find(frame(**columns), names), numbers)
    turned = {name: values[::-1] for name, values in columns.items()}
    assert np.array_equal(known.find(frame(**turned), names), numbers[::-1])
    other = {**columns, names[-1]: columns[names[-1]] + 1}
    assert (known.find(frame(**other), names) == -1).all()
    missing = {**columns, names[0]: [None, *columns[names[0]][1:].tolist()]}
    assert known.find(frame(**missing), names)[0] == -1


def test_text_that_spells_a_number_of_64_bits_finds_it_and_other_text_finds_none():
    whole = [2**63 - 1, -(2**63), 1234567890123456789, 5]
    known, numbers = keys.of(frame(k=whole), ("k",))
    assert np.array_equal(known.find(frame(k=[str(w) for w in whole]), ("k",)), numbers)
    other = [str(2**63), str(-(2**63) - 1), "12345678901234567890", "05", "+5", "5.0", "", "x"]
    assert (known.find(frame(k=other), ("k",)) == -1).all()


@pytest.mark.parametrize("values", [np.array([2**63, 1], np.uint64), [float(2**60), 0.0], [0.5, 1.0]])
def test_numbers_that_cannot_be_keys_are_refused_by_name(values):
    with pytest.raises(BadData, match="join key 'k' of table 't' holds"):
        keys.of(frame(k=values), ("k",))
