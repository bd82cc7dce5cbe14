"""The command that adds an extra names where this Storax came from, and the environment that runs."""

import importlib.metadata
import json
import shlex
import sys

import pytest

from storax import _installation as installation


class Installed:
    def __init__(self, origin):
        self._origin = origin

    def read_text(self, name):
        assert name == "direct_url.json"
        return None if self._origin is None else json.dumps(self._origin)


@pytest.mark.parametrize(
    ("origin", "requirement"),
    [
        ({"url": "file:///my%20code", "dir_info": {"editable": True}}, ["--editable", "/my code[engine]"]),
        ({"url": "file:///code", "dir_info": {}}, ["/code[engine]"]),
        ({"url": "file:///w/x.whl", "archive_info": {}}, ["storax[engine] @ file:///w/x.whl"]),
        (
            {"url": "https://git.example.org/r", "vcs_info": {"vcs": "git", "commit_id": "ab12"}},
            ["storax[engine] @ git+https://git.example.org/r@ab12"],
        ),
        (None, ["storax[engine]"]),
    ],
)
def test_an_extra_comes_from_where_storax_came_from(monkeypatch, origin, requirement):
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: Installed(origin))
    command = shlex.split(installation.add_extra("engine"))
    assert command == [sys.executable, "-m", "pip", "install", *requirement]


def test_without_pip_the_command_is_that_of_uv(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert shlex.split(installation.add_library("polars>=1")) == [
        "uv", "pip", "install", "--python", sys.executable, "polars>=1",
    ]  # fmt: skip
