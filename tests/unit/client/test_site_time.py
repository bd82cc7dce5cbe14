"""The site's own time of an event: read where it can be, and trusted where it can be right."""

from datetime import UTC, datetime, timedelta

import pytest

from storax._events.site_time import TRUSTED, moment, site_time

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_a_time_counts_from_a_week_before_its_record_until_then():
    for at in (NOW, NOW - TRUSTED):
        assert moment(NOW, {"at": at.isoformat()}) == at
    second = timedelta(seconds=1)
    for at in (NOW + second, NOW - TRUSTED - second):
        assert moment(NOW, {"at": at.isoformat()}) == NOW


@pytest.mark.parametrize(
    "data", [None, {}, {"at": None}, {"at": 7}, {"at": "yesterday"}, {"at": "2026-01-31T12:00:00"},
             {"at": "0001-01-01T00:00:00+14:00"}],
)  # fmt: skip
def test_a_time_that_cannot_be_read_or_has_no_zone_does_not_count(data):
    assert site_time(data) is None
    assert moment(NOW, data) == NOW
