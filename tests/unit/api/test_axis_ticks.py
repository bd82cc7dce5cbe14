"""The ticks of an axis of time: round, few, in order, and no label twice, however short or long the axis is."""

from datetime import UTC, datetime, timedelta

import pytest

from storax_api.web.frame.times import TICKS, clock_ticks, ticks

LENGTHS = [
    0,
    0.0004,
    0.004,
    0.05,
    0.1,
    0.3,
    0.9,
    1,
    5,
    7.5,
    10,
    59,
    60,
    61,
    90,
    599,
    3_600,
    86_400,
    100_000,
    31 * 86_400,
    9e8,
]


@pytest.mark.parametrize("seconds", LENGTHS)
def test_no_label_of_a_duration_occurs_twice(seconds: float) -> None:
    marks = ticks(seconds)
    labels = [label for _, label in marks]
    assert len(set(labels)) == len(labels)
    assert labels[0].startswith("0")
    assert len(labels) <= TICKS + 1
    assert [mark for mark, _ in marks] == sorted(mark for mark, _ in marks)
    assert marks[-1][0] <= seconds * (1 + 1e-6)


def test_ticks_are_round() -> None:
    assert [label for _, label in ticks(0.3)] == ["0.00 s", "0.05 s", "0.10 s", "0.15 s", "0.20 s", "0.25 s", "0.30 s"]
    assert [label for _, label in ticks(11)] == ["0 s", "2 s", "4 s", "6 s", "8 s", "10 s"]
    assert [label for _, label in ticks(400)] == ["0 s", "2 min", "4 min", "6 min"]
    assert [label for _, label in ticks(86_400)][:2] == ["0 s", "6 h"]


@pytest.mark.parametrize("seconds", [length for length in LENGTHS if length >= 1 and length < 1e8])
def test_no_time_of_day_occurs_twice(seconds: float) -> None:
    since = datetime(2026, 1, 31, 23, 58, 7, 123, tzinfo=UTC)
    marks = clock_ticks(since, since + timedelta(seconds=seconds))
    labels = [label for _, label in marks]
    assert len(set(labels)) == len(labels)
    assert 1 <= len(labels) <= TICKS + 1
    assert all(since <= moment <= since + timedelta(seconds=seconds) for moment, _ in marks)
