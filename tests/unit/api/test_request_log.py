"""What the log says of a request that was answered with an error."""

import logging
from typing import Any

import pytest

from storax_api import request_log


def scope(**state: Any) -> dict[str, Any]:
    return {"method": "GET", "path": "/api/v1/jobs/", "query_string": b"token=secret", "state": state}


def test_a_refusal_is_a_warning_and_a_fault_an_error(caplog: pytest.LogCaptureFixture) -> None:
    request_log.note(scope(request_id="r1", problem=("not_found", "job 1"), owner_id=7), 404, 0.0012)
    request_log.note(scope(request_id="r2"), 500, 1.0)
    refusal, fault = caplog.records
    assert refusal.getMessage() == "GET /api/v1/jobs/ answered 404 not_found: job 1 (request r1, user 7, 1.2 ms)"
    assert (refusal.levelno, fault.levelno) == (logging.WARNING, logging.ERROR)
    assert "r2" in fault.getMessage()


def test_a_success_is_no_line_at_the_default_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    request_log.note(scope(request_id="r1"), 200, 0.0)
    assert not caplog.records


def test_what_a_caller_sends_cannot_look_like_another_line(caplog: pytest.LogCaptureFixture) -> None:
    forged = scope(request_id="r1", problem=("invalid", "x\n2026 ERROR forged" + "y" * 1000)) | {"path": "/a\nb"}
    request_log.note(forged, 422, 0.0)
    assert "\n" not in caplog.messages[0]
    assert len(caplog.messages[0]) < 700
