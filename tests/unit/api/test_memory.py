"""The memory for bodies and answers: a share for each owner, a bound for all, and all of it is given back."""

import pytest

from storax_api.bounds.memory import Memory, until_answered
from storax_api.requests.body import hold_values
from storax_core import limits
from storax_core.errors import TooLarge, TooMany, Unavailable


def call(owner: int) -> dict[str, object]:
    return {"state": {"owner_id": owner}}


def test_one_owner_has_half_and_another_the_rest() -> None:
    memory = Memory(100)
    memory.of(call(1)).add(50)
    with pytest.raises(TooMany):
        memory.of(call(1)).add(1)
    memory.of(call(2)).add(50)
    with pytest.raises(Unavailable):
        memory.of(call(3)).add(1)


def test_a_call_that_is_alone_may_be_large_and_then_no_other_comes() -> None:
    memory, alone = Memory(100), call(1)
    memory.of(alone).add(60)
    memory.of(alone).add(60)
    with pytest.raises(Unavailable):
        memory.of(call(2)).add(1)


def test_what_a_call_held_is_free_once_it_is_answered() -> None:
    memory, one = Memory(100), call(1)
    memory.of(one).add(30)
    memory.of(one).add(10)
    assert memory.used == 40
    until_answered(one).close()
    assert memory.used == 0


def test_a_body_of_very_many_values_is_refused_before_it_is_read() -> None:
    for raw in (b"[" + b"[]," * limits.NESTED_VALUES + b"[]]", b"[" + b"1," * limits.BODY_VALUES + b"1]"):
        with pytest.raises(TooLarge, match="at most"):
            hold_values(raw, Memory(1 << 40).of(call(1)))


def test_brackets_and_commas_inside_of_texts_are_no_values() -> None:
    text = b'["' + rb"[{,\"" * (limits.BODY_VALUES // 2) + b'"]'
    holding = Memory(1 << 40).of(call(1))
    hold_values(text, holding)
    assert holding.size < 4 * len(text)
