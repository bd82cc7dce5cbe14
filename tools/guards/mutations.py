"""The list of guards: what each defends, the lines without which it is gone, and the tests that must notice."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).with_name("guards.toml")


class GuardError(Exception):
    """An entry of the list does not fit the code any more."""


@dataclass(frozen=True)
class Guard:
    """One entry: replacing ``text`` by ``without`` in ``file`` removes what ``name`` says, and ``tests`` fail."""

    name: str
    file: str
    text: str
    without: str
    tests: tuple[str, ...]

    def removed_from(self, source: str) -> str:
        """Return the file's text without the guard.

        Raises:
            GuardError: the text is not in the file exactly once.
        """
        if (number := source.count(self.text)) != 1:
            raise GuardError(f"{self.name}: {self.file} holds its text {number} times, not once: {self.text!r}")
        return source.replace(self.text, self.without)


def guards(path: Path = LIST) -> list[Guard]:
    """Read the list."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["guard"]
    return [Guard(**{**entry, "tests": tuple(entry["tests"])}) for entry in entries]
