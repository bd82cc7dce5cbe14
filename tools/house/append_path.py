"""Statements that write to the log of events. One file has them, so that there is one way to append."""

import ast
import re
from collections.abc import Iterable, Iterator

from tools.house.check import Check, Excess
from tools.house.sources import Source

APPENDS_IN = "core/storax_core/log/sql.py"
WRITES = re.compile(r"\b(?:insert\s+into|copy|update|delete\s+from|merge\s+into)\s+event_log\b", re.IGNORECASE)


def checks(sources: Iterable[Source]) -> list[Check]:
    """Look for statements outside one file that append to it or change it."""
    elsewhere = (source for source in sources if source.path != APPENDS_IN)
    return [Check(f"writes to event_log outside {APPENDS_IN}", tuple(e for s in elsewhere for e in _writes(s)))]


def _writes(source: Source) -> Iterator[Excess]:
    lines = [node.lineno for node in source.nodes if isinstance(node, ast.expr) and _is_write(node)]
    if lines:
        yield Excess(source.path, len(lines), f"line {', '.join(map(str, lines))}")


def _is_write(node: ast.expr) -> bool:
    """Whether a node is the text of such a statement, or a driver's way to copy rows into a table."""
    match node:
        case ast.Constant(value=str(text)):
            return WRITES.search(text) is not None
        case ast.Attribute(attr="copy_records_to_table" | "copy_to_table"):
            return True
        case _:
            return False
