"""Roles: what a column may become. ``Roles(numerical=["price"], target=["sold"])`` gives several at once."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields

categorical = "categorical"
join_key = "join_key"
numerical = "numerical"
target = "target"
text = "text"
time_stamp = "time_stamp"
unused_float = "unused_float"
unused_string = "unused_string"


@dataclass(frozen=True)
class Roles:
    """Names of columns by role."""

    categorical: tuple[str, ...] = ()
    join_key: tuple[str, ...] = ()
    numerical: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    time_stamp: tuple[str, ...] = ()
    unused_float: tuple[str, ...] = ()
    unused_string: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field in fields(self):
            names = getattr(self, field.name)
            object.__setattr__(self, field.name, (names,) if isinstance(names, str) else tuple(names))

    @classmethod
    def from_mapping(cls, given: "Mapping[str, Iterable[str]] | Roles") -> "Roles":
        """Roles from ``{"numerical": ["price"], ...}``."""
        return given if isinstance(given, Roles) else cls(**{k: tuple(v) for k, v in given.items()})

    def to_mapping(self) -> dict[str, list[str]]:
        """As JSON, without the empty ones."""
        named = {f.name: list(getattr(self, f.name)) for f in fields(self)}
        return {role: columns for role, columns in named.items() if columns}

    def __iter__(self) -> Iterator[str]:
        """All columns that have a role."""
        for columns in self.to_mapping().values():
            yield from columns


all_roles = tuple(field.name for field in fields(Roles))
