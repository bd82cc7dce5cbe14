"""What a pipeline works on: the population of one subset and the tables around it, as Arrow tables with their roles."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from storax.data import units
from storax.errors import InvalidInput
from storax_engine.command_progress import Work
from storax_engine.frames import views
from storax_engine.frames.frame import Frame

Roles = dict[str, dict[str, list[str]]]
_ONLY_COMPARISON = "only comparison"  # the subrole of feature learning for columns in comparisons alone


class Snapshot:
    """The frames of a project as they were at the first look: what is read, and the editions that are told of it, are
    of one moment, whoever changes them meanwhile.
    """

    def __init__(self, here: views.Frames) -> None:
        self.database = here.database
        self._here = here
        self._frames: dict[str, Frame] = {}

    def frame(self, name: str) -> Frame:
        """A frame in memory."""
        if name not in self._frames:
            self._frames[name] = self._here.frame(name)
        return self._frames[name]


def tables(here: views.Frames, spec: Mapping[str, Any], subset: Mapping[str, Any], work: Work) -> dict[str, Frame]:
    """Frames by name of placeholder.

    Raises:
        InvalidInput: the data model names a table that was not given, or two tables have the population's name.
        NoDataFrame, NoColumn: naming what is missing.
    """
    model, around = spec["data_model"], subset.get("peripheral", {})
    if model["table"] in around:
        raise InvalidInput(
            f"Two tables are named {model['table']!r}: the population, which is of the data frame "
            f"{subset['population']['frame']!r}, and a peripheral one, of {around[model['table']]['frame']!r}.",
            hint="Give one of the placeholders another name, and its table under it.",
        )
    population = views.resolved(here, subset["population"], work)
    if subset.get("condition") is not None:
        where = {"step": "where", "condition": subset["condition"]}
        population = views.applied(population, [where], here.database, work)
    frames = {model["table"]: population}
    for name, source in around.items():
        frames[name] = views.resolved(here, source, work)
    _require(_named(model), frames)
    return frames


def with_peripheral(spec: Mapping[str, Any], subset: Mapping[str, Any]) -> dict[str, Any]:
    """A pipeline's description with the peripheral data frames and views of its fit, which later calls may use."""
    around = dict(subset.get("peripheral") or {})
    return {**spec, "peripheral": around} if around else dict(spec)


def with_defaults(spec: Mapping[str, Any], subset: Mapping[str, Any]) -> dict[str, Any]:
    """A subset with the peripheral data frames and views of the fit, where it has none of its own."""
    return {**subset, "peripheral": subset.get("peripheral") or spec.get("peripheral", {})}


def peripheral_tables(
    here: views.Frames, spec: Mapping[str, Any], peripheral: Mapping[str, Any] | None, work: Work
) -> dict[str, pa.Table]:
    """Return the peripheral tables by name of placeholder; where none are named, those that the fit was made with.

    Raises:
        InvalidInput: one is missing.
        NoDataFrame: a data frame is not in memory.
    """
    sources = peripheral or spec.get("peripheral", {})
    frames = {name: views.resolved(here, source, work) for name, source in sources.items()}
    _require(_named(spec["data_model"]) - {spec["data_model"]["table"]}, frames)
    return arrow(frames)


def _require(names: set[str], frames: Mapping[str, Frame]) -> None:
    missing = sorted(names - set(frames))
    if missing:
        have = ", ".join(sorted(frames)) or "none"
        raise InvalidInput(
            f"The data model needs the table {missing[0]!r}, and the container has {have}.",
            hint="Give it as peripheral, under the name of its placeholder.",
        )


def origins(here: views.Frames, spec: Mapping[str, Any], subset: Mapping[str, Any]) -> dict[str, tuple[pa.Table, str]]:
    """The frame that each table comes from, and the steps that make it out of it, by name of placeholder."""
    sources = {**subset.get("peripheral", {}), spec["data_model"]["table"]: subset["population"]}
    conditions = {spec["data_model"]["table"]: subset.get("condition")}
    return {
        name: (here.frame(source["frame"]).table, json.dumps([source.get("steps", []), conditions.get(name)]))
        for name, source in sources.items()
    }


def arrow(frames: Mapping[str, Frame]) -> dict[str, pa.Table]:
    """Their columns."""
    return {name: frame.table for name, frame in frames.items()}


def completed(spec: Mapping[str, Any], frames: Mapping[str, Frame]) -> dict[str, Any]:
    """A pipeline's description with the roles of its tables, and with the subroles and units of those with some.

    Raises:
        InvalidInput: a unit has a mark that does nothing, as earlier releases let it have.
    """
    full = {**spec, "roles": roles(frames, spec.get("roles", {}))}
    more = {"subroles": _by_table(frames, _subroles), "units": _by_table(frames, _units)}
    return full | {name: by_table for name, by_table in more.items() if by_table}


def roles(frames: Mapping[str, Frame], stated: Mapping[str, Mapping[str, list[str]]]) -> Roles:
    """Roles by table: those that the placeholders state, else those of the frames."""
    return {name: dict(stated[name]) if name in stated else _roles(frame) for name, frame in frames.items()}


def editions(here: views.Frames, subset: Mapping[str, Any]) -> dict[str, int]:
    """Return which edition of which data frame a subset reads."""
    sources = [subset["population"], *subset.get("peripheral", {}).values()]
    return {source["frame"]: here.frame(source["frame"]).edition for source in sources}


def _by_table(frames: Mapping[str, Frame], read: Callable[[Frame], dict[str, Any]]) -> dict[str, dict[str, Any]]:
    by_table = {table: read(frame) for table, frame in frames.items()}
    return {table: by_column for table, by_column in by_table.items() if by_column}


def _subroles(frame: Frame) -> dict[str, list[str]]:
    """Subroles by column; a unit with the mark that its column is for comparisons alone gives one too."""
    marks = {column: list(subroles) for column, subroles in frame.subroles.items()}
    for column, unit in frame.units.items():
        if _parsed(column, unit)[1]:
            marks[column] = [*marks.get(column, ()), _ONLY_COMPARISON]
    return marks


def _units(frame: Frame) -> dict[str, str]:
    return {column: _parsed(column, unit)[0] for column, unit in frame.units.items()}


def _parsed(column: str, unit: str) -> tuple[str, bool]:
    try:
        return units.parse(unit)
    except InvalidInput as error:
        hint = f"Give column {column!r} another one with set_unit(). {error.hint}"
        raise InvalidInput(error.message, hint=hint) from error


def _named(node: Mapping[str, Any]) -> set[str]:
    return {node["table"]}.union(*(_named(join["right"]) for join in node.get("joins", ())))


def _roles(frame: Frame) -> dict[str, list[str]]:
    by_role: dict[str, list[str]] = {}
    for name, role in frame.roles.items():
        by_role.setdefault(role, []).append(name)
    return by_role
