"""What clients can ask of projects and frames. A function's parameters are the command's arguments.

``COMMANDS`` answer JSON, ``TABLES`` answer a table. Those that take a ``table`` are sent one along.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from storax.errors import InvalidInput
from storax_engine import columns, intake, readers, roles, views, writers
from storax_engine.engine import Engine
from storax_engine.frame import Frame
from storax_engine.names import free_name
from storax_engine.project import Project
from storax_engine.readers import CsvFormat
from storax_engine.work import Work

Answer = Any
Source = Mapping[str, Any]
Roles = Mapping[str, Sequence[str]]


# ---- projects ------------------------------------------------------------------------------------------------------


def hello(_engine: Engine, _work: Work) -> Answer:
    """That it answers."""
    return "hello"


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
    """What is known of every frame, without rows."""
    here = engine.project(project)
    return [here.described(name) for name in here.names()]


def describe(engine: Engine, _work: Work, *, project: str, frame: str) -> Answer:
    """What is known of one frame."""
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


# ---- frames from somewhere -----------------------------------------------------------------------------------------


def read_csv(
    engine: Engine,
    work: Work,
    *,
    project: str,
    frame: str,
    paths: Sequence[str],
    form: Mapping[str, Any],
    given: Roles,
    ignore: bool = False,
    append: bool = False,
    time_formats: Sequence[str] = (),
    dry: bool = False,
) -> Answer:
    """A frame out of CSV files; ``dry`` answers only the roles it would get."""
    here = engine.project(project)
    free_name(frame, "data frame")
    texts = [name for role in ("categorical", "text", "unused_string") for name in _listed(given.get(role, ()))]
    asked = CsvFormat(**{**form, "names": tuple(form.get("names", ())), "texts": frozenset(texts)})
    table = readers.read_csv(paths, asked, here.database, work)
    return _imported(
        here, work, frame, table, "csv", given, ignore=ignore, append=append, formats=time_formats, dry=dry
    )


def read_parquet(
    engine: Engine,
    work: Work,
    *,
    project: str,
    frame: str,
    paths: Sequence[str],
    given: Roles,
    ignore: bool = False,
    append: bool = False,
    dry: bool = False,
) -> Answer:
    """A frame out of Parquet files."""
    here = engine.project(project)
    free_name(frame, "data frame")
    wanted = [name for names in given.values() for name in _listed(names)] if ignore else None
    table = readers.read_parquet(paths, wanted, work)
    return _imported(here, work, frame, table, "parquet", given, ignore=ignore, append=append, dry=dry)


def put_table(
    engine: Engine,
    work: Work,
    *,
    project: str,
    frame: str,
    table: pa.Table,
    source: str,
    given: Roles,
    ignore: bool = False,
    append: bool = False,
    dry: bool = False,
) -> Answer:
    """A frame out of a table that is sent along."""
    here = engine.project(project)
    return _imported(here, work, frame, intake.table_of(table), source, given, ignore=ignore, append=append, dry=dry)


def put_view(engine: Engine, work: Work, *, project: str, frame: str, source: Source, append: bool = False) -> Answer:
    """A frame out of a view."""
    here = engine.project(project)
    made = _resolved(here, source, work)
    return _put(here, work, frame, made, "view", append=append)


def concat(engine: Engine, work: Work, *, project: str, frame: str, sources: Sequence[Source]) -> Answer:
    """A frame out of the rows of several frames or views."""
    here = engine.project(project)
    if not sources:
        raise InvalidInput("There is nothing to put together.")
    made = _resolved(here, sources[0], work)
    for source in sources[1:]:
        made = roles.appended(made, _resolved(here, source, work), here.database, work)
    return _put(here, work, frame, made, "concat", append=False)


def _imported(
    here: Project,
    work: Work,
    name: str,
    table: pa.Table,
    source: str,
    given: Roles,
    *,
    ignore: bool,
    append: bool,
    formats: Sequence[str] = (),
    dry: bool,
) -> Answer:
    bare = Frame(table, intake.roles_of(table, {}))
    wanted = roles.by_column(given, bare)
    if ignore:
        bare = bare.changed(table.select(list(wanted)), {column: bare.roles[column] for column in wanted})
    if dry:
        return {**bare.roles, **wanted}
    made = roles.assign(bare, wanted, here.database, work, formats)
    return _put(here, work, name, made, source, append=append)


def _put(here: Project, work: Work, name: str, made: Frame, source: str, *, append: bool) -> Answer:
    free_name(name, "data frame")
    action = {"source": source, "rows": len(made.table)}
    if append and name in here.names():
        return here.change(
            name, lambda old: roles.appended(old, made, here.database, work), {"action": "appended", **action}
        )
    return here.put(name, made, {"action": "replaced" if name in here.names() else "created", **action})


def _listed(names: Sequence[str] | str) -> Sequence[str]:
    return [names] if isinstance(names, str) else names


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
) -> Answer:
    """A column out of an expression; one of that name is replaced and becomes the last."""
    here = engine.project(project)

    def change(old: Frame) -> Frame:
        return views.add(old, name, expression, here.database, work, role=role, unit=unit, formats=time_formats)

    return here.change(frame, change, _column_action(name, role, unit))


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
) -> Answer:
    """A column out of values that are sent along."""
    here = engine.project(project)
    free_name(name, "column")
    values = intake.values_of(name, table.column(0))
    wanted = roles.check(role) if role else intake.default_role(values.type)
    values = roles.values_for(wanted, name, values, here.database, work, time_formats)
    return here.change(frame, lambda old: old.with_column(name, values, wanted, unit), _column_action(name, role, unit))


def _column_action(name: str, role: str | None, unit: str | None) -> dict[str, Any]:
    return {"action": "column_added", "column": name, "role": role, "unit": unit or ""}


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

    def change(old: Frame) -> Frame:
        old.require(names)
        return old.changed(old.table, old.roles, {**old.units, **dict.fromkeys(names, unit)})

    return engine.project(project).change(frame, change, {"action": "unit_set", "columns": list(names), "unit": unit})


def remove_columns(engine: Engine, _work: Work, *, project: str, frame: str, names: Sequence[str]) -> Answer:
    """Without some columns."""
    action = {"action": "columns_removed", "columns": list(names)}
    return engine.project(project).change(frame, lambda old: old.without(names), action)


# ---- what is in a frame or a view ----------------------------------------------------------------------------------


def look(engine: Engine, work: Work, *, project: str, source: Source) -> Answer:
    """Columns and number of rows of a frame or view."""
    made = _resolved(engine.project(project), source, work)
    return {"columns": made.described(), "nrows": len(made.table), "nbytes": int(made.table.nbytes)}


def aggregate(engine: Engine, work: Work, *, project: str, source: Source, expression: Any, aggregation: str) -> Answer:
    """One value out of an expression."""
    here = engine.project(project)
    return columns.aggregate(expression, aggregation, _resolved(here, source, work), here.database, work)


def write_file(engine: Engine, work: Work, *, project: str, source: Source, path: str, kind: str) -> Answer:
    """Rows into a file: csv, json or parquet."""
    work.progress(0.0, Path(path).name)
    return writers.write(kind, _resolved(engine.project(project), source, work).table, Path(path))


def rows(
    engine: Engine, work: Work, *, project: str, source: Source, start: int = 0, stop: int | None = None
) -> pa.Table:
    """Rows of a frame or view."""
    table = _resolved(engine.project(project), source, work).table
    end = len(table) if stop is None else min(stop, len(table))
    return table.slice(start, max(0, end - start))


def values(engine: Engine, work: Work, *, project: str, source: Source, expression: Any) -> pa.Table:
    """The values of an expression."""
    here = engine.project(project)
    found = columns.evaluate(expression, _resolved(here, source, work), here.database, work)
    return pa.table({"value": found})


def _resolved(here: Project, source: Source, work: Work) -> Frame:
    return views.resolved(here, source, work)


COMMANDS: tuple[Callable[..., Answer], ...] = (
    *(hello, list_projects, open_project, close_project, delete_project, bundle_project, unbundle_project),
    *(list_frames, describe, save, load, unload, delete),
    *(read_csv, read_parquet, put_table, put_view, concat),
    *(add, add_values, set_role, set_unit, remove_columns),
    *(look, aggregate, write_file),
)
TABLES: tuple[Callable[..., pa.Table], ...] = (rows, values)
