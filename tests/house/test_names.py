"""Every file is named for the one thing in it, and nothing is left for later."""

import re
from pathlib import PurePosixPath

from house.repository import names, python_files, text_of

DRAWERS = {"util", "utils", "common", "helper", "helpers", "misc", "tools", "stuff", "lib"}
LEFT_OVER = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")


def test_no_module_is_a_drawer_for_anything():
    # The top-level folder `tools/` holds the programs that write code and docs.
    paths = [PurePosixPath(n.removeprefix("tools/")) for n in names()]
    wrong = [str(path) for path in paths if {path.stem.strip("_"), *path.parts[:-1]} & DRAWERS]
    assert wrong == []


def test_nothing_is_left_for_later():
    text = (".py", ".md", ".toml", ".yaml", ".yml", ".mako", "Dockerfile", "Makefile")
    found = [f"{n}: {m.group()}" for n in names() if n.endswith(text) for m in LEFT_OVER.finditer(text_of(n))]
    assert found == []


def test_every_module_says_what_it_is():
    empty_ok = "__init__.py"
    mute = [
        n
        for n in python_files()
        if n.startswith(("core/", "api/", "workers/", "site_agent/", "engine/", "client/", "docker/"))
        and not n.endswith(empty_ok)
        and not text_of(n).lstrip().startswith('"""')
    ]
    assert mute == []
