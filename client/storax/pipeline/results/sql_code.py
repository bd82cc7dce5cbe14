"""Features as SQL: statements by name, to be read, searched and written into files."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Self, overload

_WRITTEN = re.compile(r"\d{4,}_.*\.sql")
_UNSAFE = re.compile(r"[^\w.-]", re.ASCII)
_LONGEST_NAME = 200  # file systems end at 255 bytes


class SqlText(str):
    """A statement; a notebook shows it on its lines."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_markdown_(self) -> str:
        return f"```sql\n{self}\n```"


class SqlCode:
    """Statements by name of feature; they also go by position and slice."""

    def __init__(self, statements: dict[str, str]) -> None:
        self.statements = {name: SqlText(statement) for name, statement in statements.items()}

    @overload
    def __getitem__(self, key: str | int) -> SqlText: ...
    @overload
    def __getitem__(self, key: slice) -> Self: ...
    def __getitem__(self, key: str | int | slice) -> SqlText | Self:
        if isinstance(key, str):
            return self.statements[key]
        if isinstance(key, slice):
            return type(self)({name: self.statements[name] for name in list(self.statements)[key]})
        return list(self)[key]

    def __len__(self) -> int:
        return len(self.statements)

    def __iter__(self) -> Iterator[SqlText]:
        return iter(self.statements.values())

    def __str__(self) -> str:
        return "\n\n".join(f"-- {name}\n{statement};" for name, statement in self.statements.items())

    __repr__ = __str__

    def to_str(self) -> str:
        """All statements as one text."""
        return str(self)

    def find(self, keyword: str) -> Self:
        """Return the statements that contain a text, or whose name does."""
        return type(self)({name: text for name, text in self.statements.items() if keyword in text or keyword in name})

    def save(self, fname: str | Path, split: bool = True, remove: bool = False) -> None:
        """Write the statements into a folder, a file for each feature, numbered in their order.

        Args:
            fname: Of the folder, which is made; of the file where ``split`` is False.
            split: Whether each feature has a file of its own. Default True.
            remove: Whether files of earlier calls are removed from the folder first. Default False: those of the same
                name are replaced.
        """
        place = Path(fname)
        if not split:
            place.write_text(f"{self}\n", encoding="utf-8")
            return
        place.mkdir(parents=True, exist_ok=True)
        for earlier in place.iterdir() if remove else ():
            if _WRITTEN.fullmatch(earlier.name):
                earlier.unlink()
        for number, (name, statement) in enumerate(self.statements.items(), 1):
            (place / _file_name(number, name)).write_text(f"-- {name}\n{statement};\n", encoding="utf-8")


def _file_name(number: int, name: str) -> str:
    return f"{number:04d}_{_UNSAFE.sub('_', name)[:_LONGEST_NAME]}.sql"
