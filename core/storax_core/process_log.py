"""The log of a server process, on stderr: lines of text, or one JSON object a line."""

import json
import logging
import time
from typing import Any, Literal

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
Form = Literal["text", "json"]


def start(level: str, form: Form) -> None:
    """Log from here on in this form, from this level up."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if form == "json" else logging.Formatter(FORMAT))
    logging.basicConfig(level=level.upper(), handlers=[handler])


def fields(**values: Any) -> dict[str, Any]:
    """Return the ``extra`` of a log call: fields that a JSON line has beside its message."""
    return {"fields": values}


class JsonLines(logging.Formatter):
    """One JSON object a line: time (ISO 8601, UTC), level, logger, message, the fields of the call, traceback."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": f"{self.formatTime(record, '%Y-%m-%dT%H:%M:%S')}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)
