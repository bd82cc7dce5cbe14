"""What tests of the running platform share."""

import pytest

from storax_api.sessions import long_poll


@pytest.fixture
def hints_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that waits looks at Postgres by itself so rarely that only a hint can end its sleep within the test."""
    monkeypatch.setattr(long_poll, "LONGEST_SLEEP_SEC", 120.0)
