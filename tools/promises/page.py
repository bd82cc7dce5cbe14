"""The page: one row a promise, with the tests that prove it and what they reached when it was written."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tools.promises.declared import Promise

HEAD = """# Promises

`make promises` writes this page: it runs the tests that are named here and notes what they reached. A promise without a
test says what it lacks. P are promises of reliability, S of security. To see that a test notices the loss of its guard,
run `make guards`.
"""


@dataclass
class Result:
    """What the tests of one promise reached."""

    passed: int = 0
    failed: int = 0
    skipped: set[str] = field(default_factory=set)
    figures: list[str] = field(default_factory=list)

    def text(self, before: str = "") -> str:
        """Return one cell of the table; ``before`` is that of an earlier run, for a promise of which no test ran."""
        if not (self.passed or self.failed):
            return before or "not run"
        parts = [f"**{self.failed} failed**"] if self.failed else []
        parts += [f"{self.passed} passed"] if self.passed else []
        parts += [*sorted(set(self.figures)), *(f"more by `{reason}`" for reason in sorted(self.skipped))]
        return "; ".join(parts)


def page(rows: Iterable[tuple[Promise, str]]) -> str:
    """Write the page: promises, and what the tests of each reached."""
    lines = [HEAD, "| | promise | guard | tests | lacks | reached |", "|---|---|---|---|---|---|"]
    for promise, reached in rows:
        tests = "<br>".join(map(_link, promise.tests))
        cells = (promise.id, promise.promise, promise.guard, tests or "none", promise.missing or "-", reached)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _link(test: str) -> str:
    path, _, name = test.partition("::")
    shown = name.removeprefix("test_").replace("_", " ") or path.removeprefix("tests/")
    return f"[{shown}](../{path})"
