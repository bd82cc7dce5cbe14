"""Nothing but the log's own two files appends an event, so no change can go past it."""

import re

from house.repository import ROOMS, python_files, text_of

APPENDS = re.compile(
    r"INSERT\s+INTO\s+(public\.)?event_log\b|COPY\s+event_log\b|copy_(records|to)_to?_?table", re.IGNORECASE
)


def test_one_file_has_the_sql_that_appends_events():
    found = [
        n for n in python_files() if n.startswith(tuple(f"{room}/" for room in ROOMS)) and APPENDS.search(text_of(n))
    ]
    assert found == ["core/storax_core/log/sql.py"]


def test_one_file_runs_it():
    calls = re.compile(r"\bsql\.(create|patch|apply|delete|change_picked)\(")
    found = [n for n in python_files() if n.startswith("core/") and calls.search(text_of(n))]
    assert found == ["core/storax_core/log/append.py"]
