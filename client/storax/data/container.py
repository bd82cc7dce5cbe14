"""Data for a pipeline: a population in subsets, and the tables around it."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from storax._orm import notebook
from storax.data.expressions.columns import Column
from storax.data.model import DataModel, Duration, On, Placeholder, relationship
from storax.data.source import View
from storax.errors import InvalidInput

__all__ = ["Container", "StarSchema", "Subset"]


@dataclass(frozen=True)
class Subset:
    """One part of the population, with the tables around it.

    Args:
        name: such as ``train``.
        population: the data frame or view with the rows of this subset, and no others.
        peripheral: the tables around it by name of placeholder.
    """

    name: str
    population: Any
    peripheral: Mapping[str, Any] = field(default_factory=dict)

    def nrows(self) -> int:
        """Return the number of the population's rows in this subset."""
        return int(self.population.nrows())

    def to_arrow(self) -> Any:
        """Return the population's rows in this subset as a pyarrow Table."""
        return self.population.to_arrow()

    def to_pandas(self) -> Any:
        """Return the population's rows in this subset as a pandas DataFrame; needs pandas."""
        return self.population.to_pandas()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the population's rows in this subset as a capsule of the Arrow PyCapsule protocol."""
        capsule: object = self.population.__arrow_c_stream__(requested_schema)
        return capsule

    def to_spec(self) -> dict[str, Any]:
        """Return the description of the rows for the engine, as JSON."""
        return {
            "name": self.name,
            "population": _reference(self.population),
            "peripheral": {name: _reference(frame) for name, frame in self.peripheral.items()},
        }


class Container:
    """Subsets of a population, as ``container.train`` and ``container.test``, that share their peripheral tables.

    Args:
        population: one data frame for all subsets, with ``split``.
        peripheral: tables by name of placeholder.
        split: which subset each row belongs to: of ``storax.data.split``, or a column of text. No subset of it is named
            ``full``, which is the whole population.
        deep_copy: whether the container has copies of its own, made when a frame is given to it, so that later changes
            do not reach it. They are data frames of the project, named ``NAME_ID`` with the container's ``id``; one
            that is never changed shares its memory with what it was copied from. Default False.
        subsets: or a frame or view per subset: ``train=..., test=...``.

    Raises:
        InvalidInput: neither or both of ``population`` and subsets were given; or a subset of the split is named
            ``full``.
    """

    def __init__(
        self,
        population: Any = None,
        peripheral: Mapping[str, Any] | None = None,
        split: Any = None,
        deep_copy: bool = False,
        **subsets: Any,
    ) -> None:
        if (population is None) == (not subsets):
            raise InvalidInput("A container takes a population (with a split), or a frame for each subset.")
        if split is not None and population is None:
            raise InvalidInput("A split needs the population that it splits.")
        _refuse_full(getattr(split, "names", ()))
        self.id = uuid.uuid4().hex[:6]
        self.split, self.deep_copy = split, deep_copy
        self._copies: list[str] = []
        self._frozen = False
        self.population = None if population is None else self._own(population)
        self.frames = {name: self._own(frame) for name, frame in subsets.items()}
        self.peripheral: dict[str, Any] = {name: self._own(frame) for name, frame in (peripheral or {}).items()}

    def add(self, *frames: Any, **named: Any) -> None:
        """Add peripheral tables, or subsets where the container has no single population and the name is new.

        Raises:
            InvalidInput: the container is frozen.
        """
        if self._frozen:
            raise InvalidInput("The container is frozen: make a new one.")
        self.peripheral |= {name: self._own(frame) for name, frame in [*((f.name, f) for f in frames), *named.items()]}

    def freeze(self) -> None:
        """Refuse further tables."""
        self._frozen = True

    def sync(self) -> None:
        """Look at all data frames and views again: their columns and numbers of rows may have changed.

        Raises:
            InvalidInput: the container is frozen.
            NoDataFrame: a data frame, or that of a view, is not there any more.
        """
        if self._frozen:
            raise InvalidInput("The container is frozen: make a new one.")
        self._refresh_frames()

    def to_pandas(self) -> dict[str, Any]:
        """Return every subset and peripheral table as a pandas DataFrame, by name; needs pandas.

        A split that is a column has a subset for each value of it. A peripheral table hides a subset of its name.

        Raises:
            InvalidInput: the column of the split holds ``full``, which is the name of the whole population.
        """
        names = self.names or _refuse_full(_values(self.population, self.split))
        subsets = {name: self.subset(name).population for name in names}
        return {name: frame.to_pandas() for name, frame in {**subsets, **self.peripheral}.items()}

    def subset(self, name: str) -> Subset:
        """A subset by name; ``full`` is the whole population.

        Raises:
            InvalidInput: there is none of that name.
        """
        if self.population is None and name in self.frames:
            return Subset(name, self.frames[name], dict(self.peripheral))
        if self.population is not None and name == "full":
            return Subset(name, self.population, dict(self.peripheral))
        if self.population is not None and self.split is not None and name in (self.names or [name]):
            return Subset(name, _rows(self.population, _condition(self.split, name)), dict(self.peripheral))
        raise InvalidInput(f"The container has no subset {name!r}; it has {', '.join(self.names)}.")

    @property
    def names(self) -> list[str]:
        """Names of the subsets; empty where a column tells them."""
        if self.population is None:
            return list(self.frames)
        return list(getattr(self.split, "names", ())) if self.split is not None else ["full"]

    def frame_of(self, name: str) -> Any:
        """The peripheral frame or view of a placeholder of that name, else the population or its first subset."""
        return self.peripheral[name] if name in self.peripheral else next(iter(self._population_frames().values()))

    def _refresh_frames(self) -> None:
        for frame in (*self._population_frames().values(), *self.peripheral.values()):
            frame.refresh()

    def _population_frames(self) -> dict[str, Any]:
        """The population, or the frame of each subset, by name."""
        return self.frames if self.population is None else {"population": self.population}

    def _own(self, frame: Any) -> Any:
        """The frame or view; a copy of it where the container has its own."""
        if not self.deep_copy:
            return frame
        from storax.data.frame import DataFrame

        name, n = f"{frame.name}_{self.id}", 1
        while name in self._copies:
            name, n = f"{frame.name}_{self.id}_{n + 1}", n + 1
        self._copies.append(name)
        return DataFrame.from_view(frame, name)

    def __getitem__(self, name: str) -> Subset:
        return self.subset(name)

    def __getattr__(self, name: str) -> Subset:
        if name.startswith("_") or "frames" not in self.__dict__:
            raise AttributeError(name)
        try:
            return self.subset(name)
        except InvalidInput as error:
            raise AttributeError(str(error)) from error

    def __repr__(self) -> str:
        return f"{type(self).__name__}(subsets={self.names}, peripheral={list(self.peripheral)})"

    def _repr_html_(self) -> str:
        around = {name: str(frame.name) for name, frame in self.peripheral.items()}
        rows = {name: str(frame.name) for name, frame in self._population_frames().items()} | around
        return notebook.card(type(self).__name__, {"subsets": ", ".join(self.names) or "told by a column", **rows})


class StarSchema(Container):
    """A container and its data model in one: each ``join`` adds a table and joins it to the population.

    Args:
        alias: name of the population's placeholder. Default ``population``.
    """

    def __init__(
        self,
        population: Any = None,
        alias: str = "population",
        peripheral: Mapping[str, Any] | None = None,
        split: Any = None,
        deep_copy: bool = False,
        **subsets: Any,
    ) -> None:
        super().__init__(population, peripheral, split, deep_copy, **subsets)
        self.data_model = DataModel(alias)

    def _repr_html_(self) -> str:
        return super()._repr_html_() + self.data_model._repr_html_()

    @property
    def container(self) -> Container:
        """The schema as the container that it is."""
        return self

    def join(
        self,
        right_df: Any,
        alias: str | None = None,
        on: On = None,
        time_stamps: str | tuple[str, str] | None = None,
        relationship: str = relationship.many_to_many,
        memory: Duration = None,
        horizon: Duration = None,
        lagged_targets: bool = False,
        upper_time_stamp: str | None = None,
    ) -> None:
        """Add a table and join it to the population; see ``Placeholder.join``.

        A fit uses the roles that the table has then, not those of the moment of the join.

        Args:
            right_df: the data frame or view.
            alias: name of its placeholder; the frame's own name where not given.
        """
        name = alias or str(right_df.name)  # under its own name, also where the container has a copy
        placeholder = Placeholder.of(right_df, name)
        self.data_model.add(placeholder)
        self.data_model.population.join(
            placeholder, on, time_stamps, relationship, memory, horizon, lagged_targets, upper_time_stamp
        )
        self.add(**{name: right_df})


def _condition(split: Any, name: str) -> Mapping[str, Any]:
    if hasattr(split, "condition"):
        condition: Mapping[str, Any] = split.condition(name)
        return condition
    return {"op": "equal", "args": [_node(split), {"value": name}]}


def _node(split: Any) -> dict[str, Any]:
    """The expression of a split that is a column."""
    return {"column": split} if isinstance(split, str) else split.to_spec()


def _values(population: Any, split: Any) -> list[str]:
    """Values of a split that is a column, without the missing one."""
    return [str(name) for name in Column(population, _node(split)).unique() if name is not None]


def _refuse_full(names: Sequence[str]) -> Sequence[str]:
    """Return the names of a split's subsets.

    Raises:
        InvalidInput: one is ``full``, so that it would be mistaken for the whole population.
    """
    if "full" in names:
        raise InvalidInput(
            "A subset of the split is named 'full', which is the name of the whole population in a container.",
            hint="Give the subset another name.",
        )
    return names


def _rows(population: Any, condition: Mapping[str, Any]) -> View:
    """Return a view of the population's rows for which an expression is true."""
    source = _reference(population)
    steps = [*source.get("steps", []), {"step": "where", "condition": condition}]
    return View(source["frame"], steps, getattr(population, "_alias", ""))


def _reference(frame: Any) -> Any:
    return frame.to_spec() if hasattr(frame, "to_spec") else {"frame": str(frame.name)}
