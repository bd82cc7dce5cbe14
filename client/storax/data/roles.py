"""Roles: what a column may become. ``Roles(numerical=["price"], target=["sold"])`` gives several at once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

from storax._runtime.suggestions import nearest
from storax.errors import InvalidInput, NoColumn

categorical = "categorical"
join_key = "join_key"
numerical = "numerical"
target = "target"
text = "text"
time_stamp = "time_stamp"
unused_float = "unused_float"
unused_string = "unused_string"


class ByRole:
    """What can be asked of names of columns by role."""

    def to_mapping(self) -> dict[str, list[str]]:
        """Names by role, without the roles that no column has."""
        raise NotImplementedError

    @property
    def unused(self) -> list[str]:
        """Names of the unused columns, of numbers and of texts: ``df.set_role(df.roles.unused, "numerical")``."""
        by_role = self.to_mapping()
        return [*by_role.get(unused_float, ()), *by_role.get(unused_string, ())]

    @property
    def columns(self) -> list[str]:
        """Names of all columns that have a role."""
        return [name for names in self.to_mapping().values() for name in names]

    def column(self, colname: str) -> str:
        """The role of a column.

        Raises:
            NoColumn: there is no such column.
        """
        role = next((role for role, names in self.to_mapping().items() if colname in names), None)
        if role is None:
            raise NoColumn(f"There is no column {colname!r} with a role.", hint=nearest(colname, self.columns))
        return role

    infer = column

    def to_dict(self) -> dict[str, list[str]]:
        """Names by role, without the roles that no column has."""
        return self.to_mapping()


class FrameRoles(ByRole, dict[str, list[str]]):
    """The roles of a data frame or view: ``df.roles.numerical`` and ``df.roles["numerical"]`` are the same.

    As an attribute a role that no column has is an empty list.
    """

    def to_mapping(self) -> dict[str, list[str]]:
        """Names by role, without the roles that no column has."""
        return {role: list(names) for role, names in self.items()}

    def __getattr__(self, role: str) -> list[str]:
        if role not in all_roles:
            raise AttributeError(f"There is no role {role!r}; they are {', '.join(all_roles)}, and unused.")
        return self.get(role, [])


class RolesByColumn(ByRole, dict[str, str]):
    """Role by column, as ``dry=True`` gives them: to be changed, and given to an import as ``roles``."""

    def to_mapping(self) -> dict[str, list[str]]:
        """Names by role, without the roles that no column has."""
        by_role: dict[str, list[str]] = {}
        for column, role in self.items():
            by_role.setdefault(role, []).append(column)
        return by_role

    def __getattr__(self, role: str) -> list[str]:
        return getattr(FrameRoles(self.to_mapping()), role)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Roles(ByRole):
    """Names of columns by role: ``from_csv(..., roles=Roles(numerical=["price"]))``."""

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
        """Roles from ``{"numerical": ["price"], ...}``.

        Raises:
            InvalidInput: there is no such role.
        """
        if isinstance(given, Roles):
            return given
        for role in given:
            if role not in all_roles:
                raise InvalidInput(f"There is no role {role!r}.", hint=f"There are: {', '.join(all_roles)}.")
        return cls(**given)  # type: ignore[arg-type]

    from_dict = from_mapping

    def to_mapping(self) -> dict[str, list[str]]:
        """As JSON, without the empty ones."""
        named = {f.name: list(getattr(self, f.name)) for f in fields(self)}
        return {role: columns for role, columns in named.items() if columns}

    def update(self, other: "Mapping[str, Sequence[str]] | Roles") -> Self:
        """Return these roles and those of another, without a name twice."""
        mine, theirs = self.to_mapping(), Roles.from_mapping(other).to_mapping()
        moved = {name for names in theirs.values() for name in names}
        return type(self)(
            **{
                role: (*(name for name in mine.get(role, ()) if name not in moved), *theirs.get(role, ()))
                for role in all_roles
            }
        )

    def __getitem__(self, role: str) -> Any:
        return getattr(self, role)

    def __iter__(self) -> Iterator[str]:
        """All columns that have a role."""
        for columns in self.to_mapping().values():
            yield from columns


all_roles = tuple(field.name for field in fields(Roles))
