"""What clients can ask of projects and frames. A function's parameters are the command's arguments.

``COMMANDS`` answer JSON, ``TABLES`` answer a table. Those that take a ``table`` are sent one along.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from storax_engine.command_progress import Work
from storax_engine.engine import Engine
from storax_engine.frames import coerce, columns, roles, summary, views, writers
from storax_engine.frames.frame import Frame
from storax_engine.name_rules import free_name

Answer = Any
Source = Mapping[str, Any]
Roles = Mapping[str, Sequence[str]]


# ---- projects ------------------------------------------------------------------------------------------------------


def hello(_engine: Engine, _work: Work) -> Answer:
    """Answer, so that callers see that the engine is alive."""
    return "hello"


def memory(engine: Engine, _work: Work) -> Answer:
    """Return the bytes of the process, and of what it holds."""
    return engine.memory()


def list_projects(engine: Engine, _work: Work) -> Answer:
    """Names of all projects and of those that are open."""
    return engine.names()


def open_project(engine: Engine, _work: Work, *, project: str, autosave: bool | None = None) -> Answer:
    """Open it, or make it."""
    return engine.open(project, autosave=autosave).name


def close_project(engine: Engine, _work: Work, *, project: str) -> Answer:
    """Close it; what was not saved is lost."""
    engine.close(project)


def delete_project(engine: Engine, _work: Work, *, project: str) -> Answer:
    """Delete it, in memory and on disk."""
    return engine.delete(project)


def bundle_project(engine: Engine, _work: Work, *, project: str, path: str) -> Answer:
    """Write what is saved of it into one file."""
    return str(engine.bundle(project, Path(path)))


def unbundle_project(engine: Engine, _work: Work, *, path: str, name: str | None = None) -> Answer:
    """Make a project from such a file."""
    return engine.unbundle(Path(path), name)


# ---- frames as a whole ---------------------------------------------------------------------------------------------


def list_frames(engine: Engine, _work: Work, *, project: str) -> Answer:
    """Return the descriptions of all frames, without rows."""
    here = engine.project(project)
    return [here.described(name) for name in here.names()]


def describe(engine: Engine, _work: Work, *, project: str, frame: str) -> Answer:
    """Return the description of one frame."""
    return engine.project(project).described(frame)


def save(engine: Engine, _work: Work, *, project: str, frame: str) -> Answer:
    """Write it to the disk."""
    return engine.project(project).save(frame)


def load(engine: Engine, _work: Work, *, project: str, frame: str) -> Answer:
    """Bring it into memory as it was saved."""
    return engine.project(project).load(frame)


def unload(engine: Engine, _work: Work, *, project: str, frame: str) -> Answer:
    """Free its memory."""
    engine.project(project).unload(frame)


def delete(engine: Engine, _work: Work, *, project: str, frame: str) -> Answer:
    """Delete it, in memory and on disk."""
    engine.project(project).delete(frame)


# ---- changes of a frame --------------------------------------------------------------------------------------------


def add(
    engine: Engine,
    work: Work,
    *,
    project: str,
    frame: str,
    name: str,
    expression: Any,
    role: str | None = None,
    unit: str | None = None,
    time_formats: Sequence[str] = (),
    subroles: Sequence[str] = (),
) -> Answer:
    """A column out of an expression; one of that name is replaced and becomes the last."""
    here = engine.project(project)
    marks, unit = roles.check_subroles(subroles), roles.check_unit(unit)

    def change(old: Frame) -> Frame:
        new = views.add(old, name, expression, here.database, work, role=role, unit=unit, formats=time_formats)
        return new.marked([name], marks, append=False)

    return here.change(frame, change, _column_action(name, role, unit, marks))


def add_values(
    engine: Engine,
    work: Work,
    *,
    project: str,
    frame: str,
    name: str,
    table: pa.Table,
    role: str | None = None,
    unit: str | None = None,
    time_formats: Sequence[str] = (),
    subroles: Sequence[str] = (),
) -> Answer:
    """A column out of values that are sent along."""
    here = engine.project(project)
    free_name(name, "column")
    values = coerce.values_of(name, table.column(0))
    new_role = roles.check(role) if role else coerce.default_role(values.type)
    values = roles.values_for(new_role, name, values, here.database, work, time_formats)
    marks, unit = roles.check_subroles(subroles), roles.check_unit(unit)

    def change(old: Frame) -> Frame:
        return old.with_column(name, values, new_role, unit).marked([name], marks, append=False)

    return here.change(frame, change, _column_action(name, role, unit, marks))


def _column_action(name: str, role: str | None, unit: str | None, subroles: Sequence[str]) -> dict[str, Any]:
    action = {"action": "column_added", "column": name, "role": role, "unit": unit or ""}
    return {**action, "subroles": list(subroles)} if subroles else action


def set_role(
    engine: Engine,
    work: Work,
    *,
    project: str,
    frame: str,
    names: Sequence[str],
    role: str,
    time_formats: Sequence[str] = (),
) -> Answer:
    """Another role for some columns."""
    here = engine.project(project)
    roles.check(role)

    def change(old: Frame) -> Frame:
        old.require(names)
        return roles.assign(old, dict.fromkeys(names, role), here.database, work, time_formats)

    return here.change(frame, change, {"action": "role_set", "columns": list(names), "role": role})


def set_unit(engine: Engine, _work: Work, *, project: str, frame: str, names: Sequence[str], unit: str) -> Answer:
    """Another unit for some columns."""
    unit = roles.check_unit(unit)
    action = {"action": "unit_set", "columns": list(names), "unit": unit}
    return engine.project(project).change(frame, lambda old: old.measured(names, unit), action)


def set_subroles(
    engine: Engine,
    _work: Work,
    *,
    project: str,
    frame: str,
    names: Sequence[str],
    subroles: Sequence[str],
    append: bool = True,
) -> Answer:
    """Subroles for some columns, beside those that they have or in place of them."""
    marks = roles.check_subroles(subroles)
    action = {"action": "subroles_set", "columns": list(names), "subroles": list(marks), "append": append}
    return engine.project(project).change(frame, lambda old: old.marked(names, marks, append=append), action)


def remove_columns(engine: Engine, _work: Work, *, project: str, frame: str, names: Sequence[str]) -> Answer:
    """Without some columns."""
    action = {"action": "columns_removed", "columns": list(names)}
    return engine.project(project).change(frame, lambda old: old.without(names), action)


# ---- what is in a frame or a view ----------------------------------------------------------------------------------


def look(engine: Engine, work: Work, *, project: str, source: Source) -> Answer:
    """Columns and number of rows of a frame or view."""
    resolved = views.resolved(engine.project(project), source, work)
    return {"columns": resolved.described(), "nrows": len(resolved.table), "nbytes": int(resolved.table.nbytes)}


def summarize(engine: Engine, work: Work, *, project: str, source: Source) -> Answer:
    """Return statistics of each column of a frame or view."""
    return summary.summarize(views.resolved(engine.project(project), source, work), work)


def aggregate(engine: Engine, work: Work, *, project: str, source: Source, expression: Any, aggregation: str) -> Answer:
    """Return one value, aggregated from an expression."""
    here = engine.project(project)
    return columns.aggregate(expression, aggregation, views.resolved(here, source, work), here.database, work)


def write_file(engine: Engine, work: Work, *, project: str, source: Source, path: str, kind: str) -> Answer:
    """Rows into a file: csv, json or parquet."""
    work.progress(0.0, Path(path).name)
    return writers.write(kind, views.resolved(engine.project(project), source, work).table, Path(path))


def rows(
    engine: Engine, work: Work, *, project: str, source: Source, start: int = 0, stop: int | None = None
) -> pa.Table:
    """Rows of a frame or view."""
    table = views.resolved(engine.project(project), source, work).table
    end = len(table) if stop is None else min(stop, len(table))
    return table.slice(start, max(0, end - start))


def values(engine: Engine, work: Work, *, project: str, source: Source, expression: Any) -> pa.Table:
    """The values of an expression."""
    here = engine.project(project)
    column = columns.evaluate(expression, views.resolved(here, source, work), here.database, work)
    return pa.table({"value": column})


COMMANDS: tuple[Callable[..., Answer], ...] = (
    *(hello, memory, list_projects, open_project, close_project, delete_project, bundle_project, unbundle_project),
    *(list_frames, describe, save, load, unload, delete),
    *(add, add_values, set_role, set_subroles, set_unit, remove_columns),
    *(look, summarize, aggregate, write_file),
)
TABLES: tuple[Callable[..., pa.Table], ...] = (rows, values)
