"""``python -m tools.reference.getml_names``: write docs/getml-names.md, what each public name of getML is here.

The names are those of the package getml 1.5.1, and the numbers how many of 26 public notebooks of its project use one;
both are facts that ``getml_names.toml`` holds. The package itself is needed for nothing.
"""

import dis
import inspect
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from tools.reference.pages import FOLDER, table

PAGE = FOLDER.parent / "getml-names.md"
HEADER = "<!-- Written by `python -m tools.reference.getml_names`; do not edit. -->"
_LIST = Path(__file__).with_name("getml_names.toml")


@dataclass(frozen=True)
class Known:
    """What is known of getML's names: all of them, their use in notebooks, and what is said of those that differ."""

    names: list[str]
    notebooks: Mapping[str, int]
    alike: Mapping[str, str]
    left_out: Mapping[str, str]

    def status(self, name: str) -> tuple[str, str]:
        """Return ``present``, ``alike`` or ``left out``, with the explanation.

        Raises:
            ValueError: the list says nothing of a name that is not there, or leaves one out that is there.
        """
        if name in self.alike:
            return "alike", self.alike[name]
        reason = next((self.left_out[key] for key in _upwards(name) if key in self.left_out), "")
        if exists(name) == bool(reason):
            raise ValueError(f"{_LIST.name}: {name} " + ("is there, and left_out names it" if reason else "is missing"))
        return ("left out", reason) if reason else ("present", "")


def known() -> Known:
    """Read the list."""
    content = tomllib.loads(_LIST.read_text(encoding="utf-8"))
    names = [f"{owner}.{name}".lstrip(".") for owner, text in content["names"].items() for name in text.split()]
    return Known(names, content["notebooks"], content["alike"], content["left_out"])


def exists(name: str) -> bool:
    """Return whether a path below ``storax`` is public there."""
    place: Any = import_module("storax")
    *owners, last = name.split(".")
    for owner in owners:
        if owner not in _public(place):
            return False
        place = getattr(place, owner)
    return last in _public(place)


def render() -> str:
    """The page."""
    return "\n".join([HEADER, "", *_page(known())]) + "\n"


def coverage(of: Known) -> float:
    """Return the share of the uses in notebooks whose name is present or alike."""
    covered = sum(count for name, count in of.notebooks.items() if of.status(name)[0] != "left out")
    return covered / sum(of.notebooks.values())


def _page(of: Known) -> Iterator[str]:
    yield "# Names of getML\n"
    yield "What each public name of getML's Python API is under `import storax as getml`: *present*, a public name of"
    yield "the same path; *alike*, with the difference; *left out*, with what stands in its place or the reason. Storax"
    yield "has no code of getML and does not need it.\n"
    yield "*Notebooks* counts in how many of 26 public notebooks a name of a module occurs."
    yield f"{coverage(of):.0%} of these uses are of names that are present or alike.\n"
    for owner in dict.fromkeys(name.rpartition(".")[0] for name in of.names):
        inside = [name for name in of.names if name.rpartition(".")[0] == owner]
        yield f"## {f'`{owner}`' if owner else 'The package'}\n"
        yield from table(("Name", "Notebooks", "Here", "What it is"), (_row(of, name) for name in inside))
        yield ""


def _row(of: Known, name: str) -> tuple[str, str, str, str]:
    status, said = of.status(name)
    return f"`{name.rpartition('.')[2]}`", str(of.notebooks.get(name, "")), status, said


def _public(place: Any) -> set[str]:
    """Public names of a module, or of a class with the fields and attributes that its constructor sets."""
    names = set(dir(place))
    if isinstance(place, ModuleType):
        return names | set(getattr(place, "__all__", ()))
    if is_dataclass(place):
        names |= {field.name for field in fields(place)}
    if inspect.isclass(place):
        names |= {attribute for base in place.__mro__ for attribute in _assigned(base)}
    return names


def _assigned(place: type) -> set[str]:
    """Names of the attributes that ``__init__`` sets."""
    code = getattr(place.__dict__.get("__init__"), "__code__", None)
    return {str(step.argval) for step in dis.get_instructions(code) if step.opname == "STORE_ATTR"} if code else set()


def _upwards(name: str) -> Iterator[str]:
    """Yield the name, and those of what it belongs to."""
    while name:
        yield name
        name = name.rpartition(".")[0]


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
