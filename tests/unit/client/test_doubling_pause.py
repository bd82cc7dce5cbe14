"""The pause after failures in a row: every loop that tries again takes it from one place."""

import pytest

from storax._runtime.retry import doubling_pause


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0.1), (1, 0.1), (2, 0.2), (3, 0.4), (6, 3.2), (7, 5.0), (2_000, 5.0), (10**9, 5.0)]
)
def test_a_pause_doubles_up_to_the_longest_however_many_failures_there_were(failures: int, seconds: float) -> None:
    assert doubling_pause(0.1, failures, 5.0) == pytest.approx(seconds)
