"""The data model: which tables there are, how they are joined, and what of each a row may see."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storax._orm import notebook
from storax.data.roles import Roles
from storax.errors import InvalidInput

__all__ = ["DataModel", "Join", "Placeholder", "relationship", "to_placeholder"]

On = str | tuple[str, str] | Sequence[str | tuple[str, str]] | None
Duration = float | int | dt.timedelta | None


class relationship:  # noqa: N801  the name that scripts know
    """How many rows of the right match one of the left.

    Columns of a ``many_to_one`` or ``one_to_one`` join are used as they are; all others are aggregated to features.
    """

    many_to_many = "many_to_many"
    many_to_one = "many_to_one"
    one_to_many = "one_to_many"
    one_to_one = "one_to_one"
    propositionalization = "propositionalization"


@dataclass(frozen=True)
class Join:
    """One join of a placeholder; see ``Placeholder.join``. Durations are seconds."""

    right: "Placeholder"
    on: tuple[tuple[str, str], ...]
    time_stamps: tuple[str, str] | None
    relationship: str
    memory: float | None
    horizon: float
    lagged_targets: bool
    upper_time_stamp: str | None

    def to_spec(self, names: "_Names") -> dict[str, Any]:
        """As JSON."""
        return {
            "right": self.right.to_spec(names),
            "on": [list(pair) for pair in self.on],
            "time_stamps": list(self.time_stamps) if self.time_stamps else None,
            "relationship": self.relationship,
            "memory": self.memory,
            "horizon": self.horizon,
            "lagged_targets": self.lagged_targets,
            "upper_time_stamp": self.upper_time_stamp,
        }


class Placeholder:
    """Stands for a table in a data model.

    Args:
        name: under which the table is given to ``fit``, as a name in the container.
        roles: of its columns; those of the data frame where not given.
    """

    def __init__(self, name: str, roles: Mapping[str, Iterable[str]] | Roles | None = None) -> None:
        if not name:
            raise InvalidInput("A placeholder needs a name.")
        self.name = name
        self.roles = Roles.from_mapping(roles) if roles is not None else None
        self.stated = roles is not None  # whether its roles hold in place of those of the data frame
        self.joins: list[Join] = []

    @classmethod
    def of(cls, frame: Any, name: str) -> "Placeholder":
        """Return a placeholder that shows the roles of a data frame or view; a fit uses those that its data have."""
        placeholder = cls(name, getattr(frame, "roles", None))
        placeholder.stated = False
        return placeholder

    def join(
        self,
        right: "Placeholder",
        on: On = None,
        time_stamps: str | tuple[str, str] | None = None,
        relationship: str = relationship.many_to_many,
        memory: Duration = None,
        horizon: Duration = None,
        lagged_targets: bool = False,
        upper_time_stamp: str | None = None,
    ) -> "Placeholder":
        """Let rows of this table see rows of another; returns this placeholder.

        A row of the right is seen where its keys are equal and
        ``right.time + horizon <= left.time < right.time + horizon + memory``.

        Args:
            right: the other table.
            on: the join keys: a name, a pair (left, right), or a list of either. None: each row sees all rows.
            time_stamps: a name or a pair (left, right).
            relationship: a word of ``storax.data.relationship``.
            memory: how far back rows are seen, in seconds or as a timedelta; None: for ever.
            horizon: how old a row must be to be seen, in seconds or as a timedelta. Default 0.
            lagged_targets: whether targets of the right are used as columns; needs a horizon above 0.
            upper_time_stamp: a time stamp of the right from which on its row is no longer seen.

        Raises:
            InvalidInput: the join would let a row see the future, or contradicts itself.
        """
        _can_be_right(self, right)
        later, back = _seconds(horizon, "horizon") or 0.0, _seconds(memory, "memory")
        if time_stamps is None and (later or back or lagged_targets or upper_time_stamp):
            raise InvalidInput("horizon, memory, lagged_targets and upper_time_stamp need time_stamps.")
        if lagged_targets and later <= 0:
            raise InvalidInput("lagged_targets need a horizon above 0, or a row would see its own target.")
        stamps = (time_stamps, time_stamps) if isinstance(time_stamps, str) else time_stamps
        self.joins.append(Join(right, _pairs(on), stamps, relationship, back, later, lagged_targets, upper_time_stamp))
        return self

    def to_spec(self, names: "_Names | None" = None) -> dict[str, Any]:
        """This placeholder and all below it, as JSON; each time a table is used it gets a name of its own."""
        names = names or _Names()
        return {"name": names.free(self.name), "table": self.name, "joins": [j.to_spec(names) for j in self.joins]}

    def __repr__(self) -> str:
        return f"Placeholder({self.name!r}, joins={[j.right.name for j in self.joins]})"


class DataModel:
    """The population and the tables around it.

    ``model.population.join(model.orders, on="customer")`` after ``model.add(Placeholder("orders"))``. A table whose
    name is a word of the data model's own, as ``names``, is ``model["names"]``.
    """

    def __init__(self, population: Placeholder | str) -> None:
        self.population = Placeholder(population) if isinstance(population, str) else population
        self.peripheral: dict[str, Placeholder] = {}
        self._uses: dict[str, list[Placeholder]] = {}

    def add(self, *placeholders: Placeholder | Iterable[Placeholder]) -> None:
        """Add tables; each can then be reached by its name. Several of one name are one table that is joined often.

        Raises:
            InvalidInput: it is no placeholder, there is one of that name already, or it would hide the population.
        """
        before = {*self.peripheral, self.population.name}
        for placeholder in _flat(placeholders):
            if placeholder.name == "population":
                raise InvalidInput(
                    "A joined table cannot be called 'population': model.population is the one whose rows are learned.",
                    hint="Give the placeholder another name, and the table under it; StarSchema.join() takes alias=.",
                )
            if placeholder.name in before:
                raise InvalidInput(
                    f"The data model has a placeholder {placeholder.name!r} already.",
                    hint=f"To join one table twice, add both at once: to_placeholder({placeholder.name}=[frame] * 2). "
                    "StarSchema.join() takes another name as alias=.",
                )
            self.peripheral.setdefault(placeholder.name, placeholder)
            self._uses.setdefault(placeholder.name, []).append(placeholder)

    def __getattr__(self, name: str) -> Any:
        if name not in self.__dict__.get("peripheral", {}):
            raise AttributeError(f"the data model has no placeholder {name!r}")
        return self[name]

    def __getitem__(self, name: str) -> Any:
        """The placeholder of a name; a list of them where one table has several."""
        if name not in self.names:
            raise InvalidInput(f"The data model has no placeholder {name!r}.", hint=f"It has {', '.join(self.names)}.")
        if name == self.population.name:
            return self.population
        uses = self._uses.get(name, [])
        return uses if len(uses) > 1 else self.peripheral[name]

    @property
    def names(self) -> list[str]:
        """Names of all tables, the population first."""
        return [self.population.name, *self.peripheral]

    def to_spec(self) -> dict[str, Any]:
        """The population and its joins, as JSON."""
        return self.population.to_spec()

    def __repr__(self) -> str:
        return f"DataModel({self.population.name!r}, {list(self.peripheral)})"

    def _repr_html_(self) -> str:
        joins = [_shown(left, join) for left in placeholders(self.population) for join in left.joins]
        tables = notebook.card("DataModel", {"population": self.population.name, "joined": ", ".join(self.peripheral)})
        return tables + (notebook.table("join", joins, more=False) if joins else "")


def placeholders(placeholder: Placeholder) -> Iterator[Placeholder]:
    """Yield a placeholder and all below it."""
    yield placeholder
    for join in placeholder.joins:
        yield from placeholders(join.right)


def _shown(left: Placeholder, join: Join) -> dict[str, Any]:
    """A join as a row of a table."""
    keys = ", ".join(one if one == other else f"{one} = {other}" for one, other in join.on)
    facts = {key: getattr(join, key) for key in ("relationship", "memory", "horizon", "upper_time_stamp")}
    stamps = ", ".join(dict.fromkeys(join.time_stamps or ()))
    lagged = "yes" if join.lagged_targets else ""
    return {"left": left.name, "right": join.right.name, "on": keys, "time stamps": stamps, **facts, "lagged": lagged}


def to_placeholder(*frames: Any, **named: Any) -> list[Placeholder]:
    """Placeholders for data frames, under their names or the given ones, with their roles.

    ``to_placeholder(cites=[cites] * 2)`` makes two for one table that is joined twice, ``model.cites[0]`` and ``[1]``.
    """
    by_name = [(frame.name, frame) for frame in frames] + list(named.items())
    several = [(name, one) for name, value in by_name for one in (value if isinstance(value, list) else [value])]
    return [Placeholder.of(frame, name) for name, frame in several]


class _Names:
    """Gives each use of a table a name of its own: ``orders``, ``orders_2``."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def free(self, name: str) -> str:
        candidate, n = name, 1
        while candidate in self._seen:
            n += 1
            candidate = f"{name}_{n}"
        self._seen.add(candidate)
        return candidate


def _flat(things: Iterable[Any]) -> Iterator[Placeholder]:
    for thing in things:
        if isinstance(thing, (list, tuple)):
            yield from _flat(thing)
        elif isinstance(thing, Placeholder):
            yield thing
        else:
            raise InvalidInput(f"{thing!r} is no placeholder.", hint="storax.data.to_placeholder(frame) makes some.")


def _can_be_right(left: Placeholder, right: Any) -> None:
    if not isinstance(right, Placeholder):
        raise InvalidInput(
            f"{left.name!r} is joined with {right!r}, which is no placeholder.",
            hint="Give one, as model.orders. One whose name the data model uses itself is model['peripheral'].",
        )
    if right is left:
        raise InvalidInput(f"{left.name!r} cannot be joined with itself: make a second placeholder for it.")
    if any(below is left for below in placeholders(right)):
        raise InvalidInput(f"{right.name!r} sees {left.name!r} already: joins cannot go in a circle.")


def _pairs(on: On) -> tuple[tuple[str, str], ...]:
    if on is None:
        return ()
    if isinstance(on, str):
        return ((on, on),)
    if isinstance(on, tuple) and len(on) == 2 and all(isinstance(name, str) for name in on):
        return ((str(on[0]), str(on[1])),)
    return tuple((one, one) if isinstance(one, str) else (str(one[0]), str(one[1])) for one in on)


def _seconds(duration: Duration, what: str) -> float | None:
    if duration is None:
        return None
    value = duration.total_seconds() if isinstance(duration, dt.timedelta) else float(duration)
    if not 0 <= value < float("inf"):
        raise InvalidInput(f"{what} is {value}: a number of seconds, 0 or more.")
    return value
