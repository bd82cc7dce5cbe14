"""The columns that a pipeline uses, and containers of the important ones alone."""

from collections.abc import Iterable, Mapping
from copy import copy, deepcopy
from typing import Any, Self

from storax.data.container import Container, StarSchema
from storax.data.model import Placeholder, placeholders
from storax.data.roles import Roles
from storax.errors import InvalidInput
from storax.pipeline.features import Importances, Row

_SELECTABLE = ("categorical", "numerical", "text")
_BETWEEN = "__"  # what the engine writes between a column, or the table that it came from, and what it made of it
Kept = Mapping[str, set[str]]
ByRole = Mapping[str, Iterable[str]]


class Columns(Importances):
    """The columns of a fit with their importances, the most important first."""

    def __init__(self, rows: list[dict[str, Any]], tables: Mapping[str, str]) -> None:
        super().__init__(rows)
        self._tables = tables  # name of the table by name of placeholder, the population's first

    def select(self, container: Container, share_selected_columns: float = 0.5) -> Any:
        """Return a copy of a container without the less important columns; its frames stay as they are.

        Keys, time stamps, targets and unused columns stay. A StarSchema or TimeSeries comes with a data model of its
        own, for a new pipeline.

        Args:
            container: With the tables of this pipeline.
            share_selected_columns: Share of the columns that is kept, from 0 to 1. Default 0.5.
        """
        if not 0.0 <= share_selected_columns <= 1.0:
            raise InvalidInput(f"share_selected_columns is {share_selected_columns}: a number from 0 to 1.")
        container._refresh_frames()  # for the roles that a fit would use: another handle may have set some
        kept = self._kept(share_selected_columns, self._roles(container))
        chosen = copy(container)
        if isinstance(chosen, StarSchema):
            chosen.data_model = deepcopy(chosen.data_model)
            for placeholder in placeholders(chosen.data_model.population):
                _narrow(placeholder, chosen.frame_of(placeholder.name), kept.get(placeholder.name, set()))
            return chosen
        population = next(iter(self._tables.values()))
        chosen.population = None if container.population is None else _without(container.population, kept, population)
        chosen.frames = {name: _without(frame, kept, population) for name, frame in container.frames.items()}
        chosen.peripheral = {name: _without(frame, kept, name) for name, frame in container.peripheral.items()}
        return chosen

    def _part(self, rows: list[Row]) -> Self:
        return type(self)(list(rows), self._tables)

    def _roles(self, container: Container) -> dict[str, ByRole]:
        """All columns of each table by role: those that its placeholder states, else those of its frame."""
        roles: dict[str, ByRole] = {name: container.frame_of(name).roles for name in set(self._tables.values())}
        if isinstance(container, StarSchema):
            used = placeholders(container.data_model.population)
            stated = {p.name: p.roles.to_mapping() for p in used if p.roles and p.stated}
            others = {name: [column for names in roles[name].values() for column in names] for name in roles}
            roles |= {name: {"": others[name], **stated[name]} for name in roles if name in stated}
        return roles

    def _kept(self, share: float, roles: Mapping[str, ByRole]) -> dict[str, set[str]]:
        """The most important columns by table; what a preprocessor made of a column counts for that column."""
        known = {table: {name for names in by_role.values() for name in names} for table, by_role in roles.items()}
        choice = {(table, name) for table in roles for role in _SELECTABLE for name in roles[table].get(role, ())}
        sums: dict[tuple[str, str], float] = {}
        for row in self.rows:
            key = self._origin(row["table"], row["name"], known)
            if key is not None and key in choice:
                sums[key] = sums.get(key, 0.0) + row["importance"]
        ranked = sorted(sums, key=lambda key: -sums[key])
        kept: dict[str, set[str]] = {}
        for table, name in ranked[: max(1, round(share * len(ranked)))]:
            kept.setdefault(table, set()).add(name)
        return kept

    def _origin(self, use: str, name: str, known: Kept) -> tuple[str, str] | None:
        """The table and the column of it that a column is, comes from through a join, or was made of."""
        table = self._tables.get(use, use)
        if name in known.get(table, ()):
            return table, name
        for right in sorted(self._tables, key=len, reverse=True):
            if name.startswith(right + _BETWEEN):
                origin = self._origin(right, name.removeprefix(right + _BETWEEN), known)
                if origin is not None:
                    return origin
        made_of = [column for column in known.get(table, ()) if name.startswith(column + _BETWEEN)]
        return (table, max(made_of, key=len)) if made_of else None


def _narrow(placeholder: Placeholder, frame: Any, kept: Iterable[str]) -> None:
    """Leave the roles of a placeholder, or of its frame where it states none, to the columns that are kept."""
    stated = placeholder.roles if placeholder.stated else None
    by_role = Roles.from_mapping(stated or frame.roles).to_mapping()
    for role in set(_SELECTABLE) & set(by_role):
        by_role[role] = [name for name in by_role[role] if name in kept]
    placeholder.roles, placeholder.stated = Roles.from_mapping(by_role), True


def _without(frame: Any, kept: Kept, table: str) -> Any:
    names = [name for role in _SELECTABLE for name in frame.roles.get(role, ()) if name not in kept.get(table, set())]
    return frame.drop(names) if names else frame
