"""Views: steps over a frame, as JSON, that take rows and columns out of it or add some, without changing it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from storax._runtime.suggestions import nearest
from storax.errors import InvalidInput
from storax_engine.command_progress import Work
from storax_engine.frames import columns, roles
from storax_engine.frames.coerce import default_role, roles_of, table_of
from storax_engine.frames.columns import Database
from storax_engine.frames.frame import Frame
from storax_engine.name_rules import free_name

Step = Callable[[Frame, Mapping[str, Any], Database, Work], Frame]


class Frames(Protocol):
    """Where frames are found by name: an open project."""

    database: Database

    def frame(self, name: str) -> Frame:
        """A frame in memory."""


def resolved(here: Frames, source: Mapping[str, Any], work: Work) -> Frame:
    """The frame or view that ``{"frame": name, "steps": [...]}`` names.

    Raises:
        InvalidInput, NoDataFrame, NoColumn: naming what is wrong with it.
    """
    if not isinstance(source, Mapping) or "frame" not in source:
        raise InvalidInput(f"{source!r} names no data frame.")
    return applied(here.frame(source["frame"]), source.get("steps", []), here.database, work)


def applied(frame: Frame, steps: list[Mapping[str, Any]], database: Database, work: Work) -> Frame:
    """The frame as these steps make it.

    Raises:
        NoColumn, InvalidInput: naming what is wrong with one of them.
    """
    for step in steps:
        name = str(step.get("step"))
        if name not in STEPS:
            raise InvalidInput(f"There is no step {name!r}.", hint=nearest(name, STEPS))
        frame = STEPS[name](frame, step, database, work)
    return frame


def _where(frame: Frame, step: Mapping[str, Any], database: Database, work: Work) -> Frame:
    mask = columns.evaluate(step["condition"], frame, database, work)
    if not pa.types.is_boolean(mask.type):
        raise InvalidInput("where() needs a condition, such as df['x'] > 1.")
    return frame.changed(frame.table.filter(mask), frame.roles)


def _slice(frame: Frame, step: Mapping[str, Any], _database: Database, _work: Work) -> Frame:
    start, stop, stride = slice(step["start"], step["stop"], step["step_by"]).indices(frame.table.num_rows)
    if stride == 1:
        return frame.changed(frame.table.slice(start, max(0, stop - start)), frame.roles)
    return frame.changed(frame.table.take(pa.array(range(start, stop, stride), pa.int64())), frame.roles)


def _columns(frame: Frame, step: Mapping[str, Any], _database: Database, _work: Work) -> Frame:
    names = step["names"]
    frame.require(names)
    return frame.changed(frame.table.select(names), {name: frame.roles[name] for name in names})


def _drop(frame: Frame, step: Mapping[str, Any], _database: Database, _work: Work) -> Frame:
    return frame.without(step["names"])


def _with_column(frame: Frame, step: Mapping[str, Any], database: Database, work: Work) -> Frame:
    marks = roles.check_subroles(step.get("subroles") or ())
    unit = roles.check_unit(step.get("unit"))
    changed = add(frame, step["name"], step["expression"], database, work, role=step.get("role"), unit=unit)
    return changed.marked([step["name"]], marks, append=False)


def _with_role(frame: Frame, step: Mapping[str, Any], database: Database, work: Work) -> Frame:
    role = roles.check(step["role"])
    frame.require(step["names"])
    return roles.assign(frame, dict.fromkeys(step["names"], role), database, work, step.get("time_formats") or ())


def _with_unit(frame: Frame, step: Mapping[str, Any], _database: Database, _work: Work) -> Frame:
    return frame.measured(step["names"], roles.check_unit(step["unit"]))


def _with_subroles(frame: Frame, step: Mapping[str, Any], _database: Database, _work: Work) -> Frame:
    return frame.marked(step["names"], roles.check_subroles(step["subroles"]), append=step["append"])


def _sample(frame: Frame, step: Mapping[str, Any], _database: Database, _work: Work) -> Frame:
    rows = min(int(step["rows"]), frame.table.num_rows)
    places = np.random.default_rng(int(step["seed"])).choice(frame.table.num_rows, rows, replace=False)
    return frame.changed(frame.table.take(pa.array(np.sort(places))), frame.roles)


def _group(frame: Frame, step: Mapping[str, Any], database: Database, work: Work) -> Frame:
    by, aggregations = list(step["by"]), list(step["aggregations"])
    for name in (one["name"] for one in aggregations):
        free_name(name, "column")
        if name in by:
            raise InvalidInput(f"An aggregation is named {name!r}, as a column of the groups.", hint="Rename it.")
    table = table_of(columns.group(by, aggregations, frame, database, work))
    keys = frame.changed(frame.table.select(by), {name: frame.roles[name] for name in by})
    return keys.changed(table, roles_of(table, keys.roles))  # the units and subroles of the keys alone


STEPS: dict[str, Step] = {
    "group": _group,
    "sample": _sample,
    "where": _where,
    "slice": _slice,
    "columns": _columns,
    "drop": _drop,
    "with_column": _with_column,
    "with_role": _with_role,
    "with_unit": _with_unit,
    "with_subroles": _with_subroles,
}


def add(
    frame: Frame,
    name: str,
    expression: Any,
    database: Database,
    work: Work,
    *,
    role: str | None = None,
    unit: str | None = None,
    formats: Sequence[str] = (),
) -> Frame:
    """With a column more, out of an expression.

    Raises:
        NoColumn, InvalidInput: naming what is wrong.
    """
    free_name(name, "column")
    values = columns.evaluate(expression, frame, database, work)
    role = roles.check(role) if role else default_role(values.type)
    return frame.with_column(name, roles.values_for(role, name, values, database, work, formats), role, unit)
