"""The promises as they are declared: what is promised, by which guard, and which tests prove it."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).with_name("promises.toml")


@dataclass(frozen=True)
class Promise:
    """One promise. ``tests`` are paths of test files, with ``::name`` for one test; ``missing`` says what it lacks."""

    id: str
    promise: str
    guard: str
    tests: tuple[str, ...] = ()
    missing: str = ""

    def covers(self, node: str) -> bool:
        """Whether a test, by the name that pytest gives it, proves this promise."""
        return any(node == test or node.startswith((f"{test}::", f"{test}[")) for test in self.tests)


def promises(path: Path = LIST) -> list[Promise]:
    """Read the list."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["promise"]
    return [Promise(**{**entry, "tests": tuple(entry.get("tests", ()))}) for entry in entries]
