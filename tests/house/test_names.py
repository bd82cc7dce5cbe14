"""Every file is named for the one thing in it, and nothing is left for later."""

import re
from pathlib import PurePosixPath

from house.repository import names, python_files, text_of

VAGUE = {"util", "utils", "common", "helper", "helpers", "misc", "tools", "stuff", "lib"}
LEFT_OVER = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")


def test_no_module_and_no_folder_is_named_for_nothing():
    """The folder ``tools/`` of the repository is named for what it holds: programs for those who work on Storax."""
    paths = [PurePosixPath(n.removeprefix("tools/")) for n in names()]
    assert [str(path) for path in paths if {path.stem.strip("_"), *path.parts[:-1]} & VAGUE] == []


def test_nothing_is_left_for_later():
    text = (".py", ".md", ".toml", ".yaml", ".yml", ".mako", "Dockerfile", "Makefile")
    marks = [f"{n}: {m.group()}" for n in names() if n.endswith(text) for m in LEFT_OVER.finditer(text_of(n))]
    assert marks == []


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
