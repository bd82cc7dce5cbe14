"""One file runs the statements that append events; ``tools/house/append_path.py`` finds those of any other."""

import re

from house.repository import python_files, text_of


def test_one_file_runs_it():
    calls = re.compile(r"\bsql\.(create|patch|apply|delete|change_picked)\(")
    callers = [n for n in python_files() if n.startswith("core/") and calls.search(text_of(n))]
    assert callers == ["core/storax_core/log/append.py"]
