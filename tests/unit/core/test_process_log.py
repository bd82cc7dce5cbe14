"""Lines of a server's log: each is one line, and a JSON line has the fields of its call."""

import json
import logging

from storax_core.process_log import JsonLines, fields


def test_a_json_line_has_fields_and_traceback_in_one_line() -> None:
    record = logging.LogRecord("storax.api", logging.ERROR, "f.py", 1, "call %s\nfailed", ("x",), None)
    record.__dict__ |= fields(request_id="r1", status=500)
    record.created, record.msecs = 0.5, 500.0
    try:
        raise ValueError("no disk")
    except ValueError as error:
        record.exc_info = (ValueError, error, error.__traceback__)
    text = JsonLines().format(record)
    line = json.loads(text)
    assert "\n" not in text
    assert (line["time"], line["level"], line["request_id"], line["status"]) == (
        "1970-01-01T00:00:00.500Z", "error", "r1", 500,
    )  # fmt: skip
    assert "ValueError: no disk" in line["traceback"]
