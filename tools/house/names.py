"""Names that say nothing, or that this project alone uses where the field has a term.

A name counts where it is bound: a function, class, module, parameter, variable or attribute. Case and leading
underscores make no difference.
"""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from tools.house.check import Check, Excess
from tools.house.sources import Source

ANYTHING = frozenset({
    "asked", "bells", "born", "chores", "deaf", "doubts", "escapes", "forsake", "found", "given", "harvest", "holdings",
    "hunt", "intake", "job_tally", "judge", "leash", "let_go", "look_all", "made", "misfits", "obey", "outlook",
    "postbox", "questions", "renewal", "state_model", "strays", "told", "venue", "welcome", "wish", "words", "worn",
})  # fmt: skip
"""Forbidden for any name."""

CLASSES = frozenset({
    "apart", "fence", "ground", "held", "jobrow", "machine", "mail", "orders", "pace", "room", "ticket", "warm",
})  # fmt: skip
"""Forbidden as class names only: a variable may have such a name where the word is meant."""

FUNCTIONS = frozenset({
    "attend", "behind", "carry", "covered", "inside", "look", "lose", "offer", "order", "places", "restored", "ring",
    "saw", "storm",
})  # fmt: skip
"""Forbidden as function names only."""

TERMS = {
    ("client/storax/data/roles.py", "given"): "the parameter of `Roles.from_mapping`, which users may name",
    ("client/storax/local/doctor.py", "found"): "a key of what `storax doctor -o json` prints",
    ("engine/storax_engine/rpc/import_commands.py", "given"): "an argument of the engine's import commands",
    ("engine/storax_engine/rpc/project_commands.py", "look"): "a command of the engine",
    ("site_agent/storax_agent/launch/protocol/messages.py", "welcome"): "the protocol's reply to `Hello`",
    ("site_agent/storax_agent/launch/allocation.py", "welcome"): "a `Welcome` of the protocol",
    ("site_agent/storax_agent/launch/local.py", "welcome"): "a `Welcome` of the protocol",
}
"""Names that an interface demands, by file, with the reason."""

TITLE = "private words used as names"


@dataclass(frozen=True)
class Use:
    """A place that gives something such a name."""

    word: str
    folder: str
    place: str


def checks(sources: Iterable[Source]) -> list[Check]:
    """Count such names in each top-level folder of the repository."""
    counts: dict[str, Counter[str]] = {}
    for use in uses(sources):
        counts.setdefault(use.folder, Counter())[use.word] += 1
    rows = ((folder, counter.total(), counter.most_common()) for folder, counter in sorted(counts.items()))
    details = ((folder, total, ", ".join(f"{word} {n}" for word, n in common)) for folder, total, common in rows)
    return [Check(TITLE, tuple(Excess(*row) for row in details))]


def uses(sources: Iterable[Source]) -> Iterator[Use]:
    """Return every place that binds such a name."""
    for source in sources:
        for name, line, names in _bindings(source):
            word = name.strip("_").lower()
            if word in names and (source.path, word) not in TERMS:
                yield Use(word, source.top_folder, f"{source.path}:{line} {name}")


def _bindings(source: Source) -> Iterator[tuple[str, int, frozenset[str]]]:
    """Return the names that a file binds, their lines, and the words that none of its kind may be called."""
    yield PurePosixPath(source.path).stem, 1, ANYTHING | CLASSES | FUNCTIONS
    for node in source.nodes:
        match node:
            case ast.FunctionDef(name=name, lineno=line) | ast.AsyncFunctionDef(name=name, lineno=line):
                yield name, line, ANYTHING | FUNCTIONS
            case ast.ClassDef(name=name, lineno=line):
                yield name, line, ANYTHING | CLASSES
            case ast.arg(arg=name, lineno=line) | ast.Name(id=name, lineno=line, ctx=ast.Store()):
                yield name, line, ANYTHING
            case ast.Attribute(attr=name, lineno=line, ctx=ast.Store()) | ast.alias(asname=str(name), lineno=line):
                yield name, line, ANYTHING
