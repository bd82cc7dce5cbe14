"""What clients can ask for to make data frames: out of files, tables that are sent along, and views."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from storax.errors import InvalidInput
from storax_engine.command_progress import Work
from storax_engine.engine import Engine
from storax_engine.frames import coerce, readers, roles, views
from storax_engine.frames.frame import Frame
from storax_engine.frames.readers import CsvFormat
from storax_engine.name_rules import free_name
from storax_engine.projects.project import Project

Answer = Any
Source = Mapping[str, Any]
Roles = Mapping[str, Sequence[str]]


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
    chosen = frozenset(name for names in given.values() for name in _listed(names)) if ignore else frozenset()
    names = tuple(form.get("names", ()))
    keys = frozenset(_listed(given.get("join_key", ())))
    csv_format = CsvFormat(**{**form, "names": names, "texts": frozenset(texts), "wanted": chosen, "keys": keys})
    table = readers.read_csv(paths, csv_format, here.database, work)
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
    chosen = [name for names in given.values() for name in _listed(names)] if ignore else None
    table = readers.read_parquet(paths, chosen, work)
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
    return _imported(here, work, frame, coerce.table_of(table), source, given, ignore=ignore, append=append, dry=dry)


def put_view(engine: Engine, work: Work, *, project: str, frame: str, source: Source, append: bool = False) -> Answer:
    """A frame out of a view."""
    here = engine.project(project)
    frame_of_view = views.resolved(here, source, work)
    return _put(here, work, frame, frame_of_view, "view", append=append)


def concat(engine: Engine, work: Work, *, project: str, frame: str, sources: Sequence[Source]) -> Answer:
    """A frame out of the rows of several frames or views."""
    here = engine.project(project)
    if not sources:
        raise InvalidInput("There is nothing to put together.")
    whole = views.resolved(here, sources[0], work)
    for source in sources[1:]:
        whole = roles.appended(whole, views.resolved(here, source, work), here.database, work)
    return _put(here, work, frame, whole, "concat", append=False)


def _imported(
    here: Project,
    work: Work,
    name: str,
    table: pa.Table,
    source: str,
    columns_by_role: Roles,
    *,
    ignore: bool,
    append: bool,
    formats: Sequence[str] = (),
    dry: bool,
) -> Answer:
    bare = Frame(table, coerce.roles_of(table, {}))
    by_column = roles.by_column(columns_by_role, bare)
    if ignore:
        bare = bare.changed(table.select(list(by_column)), {column: bare.roles[column] for column in by_column})
    if dry:
        return {**bare.roles, **by_column}
    imported = roles.assign(bare, by_column, here.database, work, formats)
    return _put(here, work, name, imported, source, append=append)


def _put(here: Project, work: Work, name: str, frame: Frame, source: str, *, append: bool) -> Answer:
    free_name(name, "data frame")
    action = {"source": source, "rows": len(frame.table)}
    if append and name in here.names():
        return here.change(
            name, lambda old: roles.appended(old, frame, here.database, work), {"action": "appended", **action}
        )
    return here.put(name, frame, {"action": "replaced" if name in here.names() else "created", **action})


def _listed(names: Sequence[str] | str) -> Sequence[str]:
    return [names] if isinstance(names, str) else names


COMMANDS: tuple[Callable[..., Answer], ...] = (read_csv, read_parquet, put_table, put_view, concat)
