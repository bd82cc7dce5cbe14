"""Request bodies: what is no strict JSON is refused, whatever the size of the rest."""

from typing import Any

import pytest

from storax_api.requests import body
from storax_core.errors import Invalid

FILL = b" " * (1 << 18)
SIZES = pytest.mark.parametrize("fill", [b"", FILL], ids=["small", "large"])


@SIZES
@pytest.mark.parametrize(
    "text",
    [b'"\\ud800"', b"[NaN]", b"[Infinity]", b"[-Infinity]", b"[1e999]", b"[-1E+999]", b"[1e0400]", b"[" + b"9" * 400 + b"]",
     b"[9223372036854775807000]", b"[-9223372036854775809]", b"[1,]", b"[01]", b'"\xff"', b'["a\nb"]', b"1 2", b"[" * 2000, b"{'a': 1}"],
)  # fmt: skip
def test_what_is_no_strict_json_is_refused(text: bytes, fill: bytes) -> None:
    with pytest.raises(Invalid, match=r"JSON|64 bits|too large|lone surrogate"):
        body.parse(fill + text)


@SIZES
@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a": [1, -2.5, "x", null, true, {}]}', {"a": [1, -2.5, "x", None, True, {}]}),
        (b"[9223372036854775807, -9223372036854775808]", [2**63 - 1, -(2**63)]),
        (b"[1e99, 1e300, 1E-7]", [1e99, 1e300, 1e-7]),
        (b"[100000000000000000000, -10000000000000000000]", [1e20, -1e19]),
        ('["é", "\\u00e9", "\\ud83d\\ude00"]'.encode(), ["é", "é", "😀"]),
        (b'"e000"', "e000"),
    ],
)
def test_what_is_json_is_read_the_same(text: bytes, value: Any, fill: bytes) -> None:
    assert body.parse(fill + text) == value


@SIZES
@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (b'{"a": 1, "priority": 9223372036854775808}', "priority: 9223372036854775808 does not fit in 64 bits"),
        (b'[{"a": 1}, {"parameters": {"x": [0, 1e999]}}]', "1.parameters.x.1: 1e999 is too large for a number"),
        (b'[{"data": {"n": -1E+999, "m": 1e999}}]', "0.data.n: -1E+999 is too large for a number"),
        (b'{"gpus_per_rank": NaN}', "gpus_per_rank: NaN is no JSON number"),
        (b'{"x": ' + b"9" * 5000 + b"}", "x: " + "9" * 40 + " does not fit in 64 bits"),
        (b'{"data": {"k": "\\ud800"}}', "data.k: '\\ud800' has a lone surrogate"),
        (b'{"data": {"\\ud800": 1e999}}', "data: the key '\\ud800' has a lone surrogate"),
        (b"-9223372036854775809", "-9223372036854775809 does not fit in 64 bits"),
    ],
    ids=str,
)
def test_a_value_that_may_not_be_is_named_with_its_field(text: bytes, detail: str, fill: bytes) -> None:
    with pytest.raises(Invalid) as refusal:
        body.parse(fill + text)
    assert refusal.value.detail == detail
    assert refusal.value.hint
    assert ".".join(str(part) for part in refusal.value.errors[0]["loc"]) == detail.rpartition(": ")[0]
