"""What sync() sends of a program: all that an App's methods need, or an error that names what cannot be sent."""

import importlib
import sys
from textwrap import dedent

import pytest

from storax.errors import InvalidInput
from storax_agent.prepare.functions.worker_source import load

HELPERS = """
import functools
import math

LIMIT = 4


class Shape:
    sides = 3


def doubled(x):
    return 2 * x + math.floor(0.5)


@functools.lru_cache
def cached(x):
    return doubled(x) + LIMIT
"""
HEAD = """
from __future__ import annotations
import dataclasses
import datetime
import decimal
import enum
import functools
import logging
import pathlib
import re
import threading
import xml.etree.ElementTree
from collections import Counter as Tally
from typing import TYPE_CHECKING

import helpers_of_the_program
import storax
from helpers_of_the_program import Shape, cached
from storax import App as Base, Job

if TYPE_CHECKING:
    from nowhere import Unknown

LOG = logging.getLogger(__name__)
PATTERN = re.compile(r"\\d+", re.ASCII)
WHEN = datetime.datetime(2026, 1, 31, tzinfo=datetime.UTC)
LOCK = threading.Lock()
LARGE = "x" * 100_000
square = lambda x: x * x


def logged(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs)

    return inner


def outer(k):
    def inner(x):
        return k * x

    return inner


times3 = outer(3)


class Colour(enum.Enum):
    RED = "r"
    GREEN = "g"


@dataclasses.dataclass
class Point:
    x: int
    y: Colour = Colour.RED


TABLE = {"square": square, "length": len, "red": Colour.RED, "nan": float("nan"), "set": {3, 1}, 1: (decimal.Decimal("1.10"),)}


class Mixin:
    factor = 2

    def scaled(self, x):
        return self.factor * x


class First(Mixin, Base):
    site = UNKNOWN = "s"
    factor = 5

    def run(self, x: Unknown = 1):
        return self.scaled(x)

    def preprocess(self):
        self.job.tags = {}
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Write a program of two files, and return its class of this name."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "helpers_of_the_program.py").write_text(HELPERS)

    def write(body, name="Tried"):
        (tmp_path / "the_program.py").write_text(HEAD + "\n\n" + dedent(body))
        for module in ("the_program", "helpers_of_the_program"):
            sys.modules.pop(module, None)
        importlib.invalidate_caches()
        return getattr(importlib.import_module("the_program"), name)

    yield write
    for module in ("the_program", "helpers_of_the_program"):
        sys.modules.pop(module, None)


def at_site(definition, tmp_path):
    path = tmp_path / "source.py"
    path.write_text(definition._definition()["source_code"])
    return load(str(path))()


def app(expression, *, bases="Base", more=""):
    return f"""
class Tried({bases}):
    site = "s"
    {more}

    def run(self, x=3):
        return {expression}
"""


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("square(x)", 9),
        ("cached(x)", 10),
        ("Shape.sides", 3),
        ("PATTERN.findall('a12b3')", ["12", "3"]),
        ("WHEN.isoformat()", "2026-01-31T00:00:00+00:00"),
        ("[Colour.GREEN.value, Point(1).y.value]", ["g", "r"]),
        ("[TABLE['square'](x), TABLE['length']('ab'), TABLE['red'].value, str(TABLE[1][0])]", [9, 2, "r", "1.10"]),
        ("sorted(TABLE['set'])", [1, 3]),
        ("Tally('aab')['a']", 2),
        ("LOG.name", "the_program"),
        ("xml.etree.ElementTree.fromstring('<a/>').tag", "a"),
        ("str(pathlib.Path('/a') / 'b')", "/a/b"),
        ("[helper for helper in range(x)]", [0, 1, 2]),
    ],
)
def test_what_a_function_uses_of_its_program_is_there_at_the_site(program, tmp_path, expression, value):
    assert at_site(program(app(expression)), tmp_path).run() == value


def test_bases_mixins_and_super_work_at_the_site(program, tmp_path):
    body = app("super().run(x) + 1", bases="First", more="factor = 7")
    tried = program(body)
    assert at_site(tried, tmp_path).run() == 22
    assert tried._definition()["hooks"] == ["preprocess"]
    assert at_site(program("class Tried(First):\n    factor = 11"), tmp_path).run(2) == 22


def test_static_and_class_methods_and_decorators_are_functions_too(program, tmp_path):
    for decorator, first in (("staticmethod", ""), ("classmethod", "cls, "), ("logged", "self, ")):
        tried = program(
            f"class Tried(Base):\n    site = 's'\n\n    @{decorator}\n    def run({first}x, y=2):\n        return x + y"
        )
        assert list(tried._own_parameters()) == ["x", "y"]
        assert at_site(tried, tmp_path).run(x=1) == 3


def test_a_class_inside_a_function_is_sent_with_what_is_global(program, tmp_path):
    assert (
        at_site(
            program(
                f"def make():{app('square(x)').replace(chr(10), chr(10) + '    ')}\n    return Tried\n\nTried = make()"
            ),
            tmp_path,
        ).run()
        == 9
    )


REFUSED = [
    ("times3(x)", r"Tried uses 'times3', a closure.*the_program.py, line \d+: return times3\(x\)"),
    ("LOCK.locked()", "uses 'LOCK', an object of lock, which cannot be sent"),
    ("len(LARGE)", "uses 'LARGE', a constant of 100002 characters"),
    ("Job.objects.count()", "uses 'Job' of Storax, which is not there at the site"),
    ("storax.__version__", "uses 'storax' of Storax"),
    ("First.site", "uses 'First' of Storax"),
    ("helpers_of_the_program.doubled(x)", "the module 'helpers_of_the_program', which is a file of this program"),
    ("later(x)", r"reads 'later', which its module does not define \(yet\)"),
    ("self.submit('w')", "self.submit is not there at the site"),
    ("self.max_attempts", "self.max_attempts is not there at the site"),
    ("super().sync()", r"super\(\).sync is Storax's own"),
    ("self.job.num_nodes", "does not see 'num_nodes' of its job"),
    ("self.job.tagz", "a Job has no field 'tagz'"),
]


@pytest.mark.parametrize(("expression", "message"), REFUSED)
def test_what_cannot_be_sent_is_refused_with_its_line(program, expression, message):
    with pytest.raises(InvalidInput, match=message) as refused:
        program(app(expression))._definition()
    assert "the_program.py, line" in str(refused.value)


SHAPES = [
    ("async def run(self):\n        return 1", "is async"),
    ("def run(self):\n        yield 1", "is a generator"),
    (
        "def run(self):\n        from helpers_of_the_program import cached\n        return cached(1)",
        "imports 'helpers_of",
    ),
    ("def run(self):\n        self.job.tags = {}", "cannot change 'tags' of its job"),
    ("command_template = 'x'\n    def preprocess(self, job):\n        pass", "takes the parameter 'job'"),
    ("command_template = 'x'\n    def postprocess(self):\n        self.job.workdir = 'x'", "cannot set 'workdir'"),
    (
        "command_template = 'x'\n    def handle_error(self):\n        self.job.stat = 'FAILED'",
        "no field 'stat'.*'state'",
    ),
    (
        "command_template = 'x'\n    def handle_error(self):\n        self.job.state = 'RESTART'",
        "Did you mean 'RESTART_READY'",
    ),
    ("command_template = 'x'\n    def preprocess(self):\n        self.job.state = 'RUNNING'", "cannot set the state"),
    ("command_template = 'x'\n    async def handle_error(self):\n        pass", "is async"),
]


@pytest.mark.parametrize(("body", "message"), SHAPES)
def test_a_method_that_a_site_cannot_call_is_refused_with_its_line(program, body, message):
    with pytest.raises(InvalidInput, match=message) as refused:
        program(f"class Tried(Base):\n    site = 's'\n    {body}")._definition()
    assert "the_program.py, line" in str(refused.value)


def test_names_of_a_function_around_the_class_are_refused(program):
    body = f"def make(k):{app('k').replace(chr(10), chr(10) + '    ')}\n    return Tried\n\nTried = make(1)"
    with pytest.raises(InvalidInput, match="reads 'k' of the function around the class"):
        program(body)._definition()


def test_modules_of_the_program_may_be_imported_where_the_app_prepares_its_environment(program, tmp_path):
    more = "environment = {'PYTHONPATH': '/shared'}"
    source = program(app("helpers_of_the_program.doubled(x)", more=more))._definition()["source_code"]
    assert "import helpers_of_the_program\n" in source


def test_an_optional_import_is_the_methods_own_business(program, tmp_path):
    body = """
    class Tried(Base):
        site = "s"

        def run(self):
            try:
                from helpers_of_the_program import nothing
            except ImportError:
                return "without"
    """
    assert at_site(program(body), tmp_path).run() == "without"


def test_two_things_of_one_name_are_refused(program, tmp_path):
    body = "LIMIT = 5\n\n" + app("cached(x) + LIMIT")
    with pytest.raises(InvalidInput, match="needs two things of the name 'LIMIT'"):
        program(body)._definition()


def test_the_source_is_the_same_at_each_sync(program):
    tried = program(app("[TABLE, LARGE[:0] if False else x]").replace("LARGE[:0]", "PATTERN"))
    assert tried._definition()["source_code"] == tried._definition()["source_code"]
