"""Every file and function that a page names is in the repository."""

import ast
import re
from functools import cache

import pytest

from house.repository import names, text_of

PAGES = [n for n in names() if n == "CONTRIBUTING.md" or (n.startswith("docs/") and n.endswith(".md"))]
BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
NAMED = re.compile(r"([\w./-]+\.py)(?::([\w.]+))?")


def named(page: str) -> list[tuple[str, str]]:
    """Each path that stands alone in code quotes, outside code blocks, with its function or an empty text."""
    codes = CODE.findall(BLOCK.sub("", text_of(page)))
    return [(match[1], match[2] or "") for code in codes if (match := NAMED.fullmatch(code))]


def files(path: str) -> list[str]:
    """The files that a path means: from the root, or its last parts."""
    return [n for n in names() if n == path or n.endswith(f"/{path}")]


@cache
def defined(path: str) -> frozenset[str]:
    """Functions and classes of a module, and the methods of its classes as ``Class.method``."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    top = [node for node in ast.parse(text_of(path)).body if isinstance(node, kinds)]
    inner = [f"{node.name}.{m.name}" for node in top for m in ast.iter_child_nodes(node) if isinstance(m, kinds)]
    return frozenset([*(node.name for node in top), *inner])


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_function_that_a_page_names_exists(page: str) -> None:
    broken = [
        f"{path}:{name}" if name else path
        for path, name in named(page)
        if not any(not name or name in defined(file) for file in files(path))
    ]
    assert broken == [], f"{page} names what is not there: follow the rename in the page"


def test_the_architecture_names_its_hops_by_file_and_function() -> None:
    hops = [name for _, name in named("docs/architecture.md") if name]
    assert len(hops) > 30


def test_nothing_says_to_install_storax_from_an_index_that_does_not_have_it() -> None:
    """A checkout or a wheel does; the folder of an air-gapped machine is named with ``--find-links``."""
    texts = {name: text_of(name) for name in names() if name.endswith((".md", ".py")) and not name.startswith("tests/")}
    said = re.compile(r"""pip install [^\n]*(?<![\w./-])["']?storax\b(?!-)[^\n]*""")
    lines = {name: match[0] for name, text in texts.items() for match in said.finditer(text)}
    assert {name: line for name, line in lines.items() if "--find-links" not in line} == {}
