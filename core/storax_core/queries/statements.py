"""Every SELECT of the reads, built from the tables' metadata and compiled once for each shape of query.

A statement depends on the resource, the conditions' shape, the columns, the order and the limit; values are parameters.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Concatenate, ParamSpec

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    Text,
    and_,
    cast,
    func,
    literal_column,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql.asyncpg import dialect

from storax_core.database.tables import JobCounts
from storax_core.log.archive.whole_log import LOG, STAGED
from storax_core.queries.archive.archived import source_of_staged
from storax_core.queries.conditions import Parameters, all_of, fields_read
from storax_core.queries.filters import Log, QueryShape
from storax_core.queries.ordering import Key
from storax_core.queries.past import source_of_past
from storax_core.queries.tables import Source, source_of
from storax_core.resources import BY_ENTITY, EVENTS, Resource

DIALECT = dialect()  # type: ignore[no-untyped-call]
KEPT = 1024  # compiled statements of each kind
LARGE = 50  # conditions; statements of more are compiled for each query, so that they fill no memory
INFINITY: ColumnElement[Any] = literal_column("'infinity'::timestamptz")
ZERO: ColumnElement[Any] = literal_column("0")
Options = ParamSpec("Options")


@dataclass(frozen=True)
class Statement:
    """Compiled SQL; ``places`` are those of its parameters among the values."""

    sql: str
    places: tuple[int, ...]

    def arguments(self, values: Sequence[Any]) -> list[Any]:
        """The values in the order of the parameters."""
        return [values[place] for place in self.places]


def _compiled(
    build: Callable[Concatenate[str, QueryShape, Options], Select[Any]],
) -> Callable[Concatenate[str, QueryShape, Options], Statement]:
    """Compile what ``build`` returns, once for each entity, shape and further options."""

    def compile_(entity: str, shape: QueryShape, /, *args: Options.args, **options: Options.kwargs) -> Statement:
        compiled = build(entity, shape, *args, **options).compile(dialect=DIALECT)
        return Statement(str(compiled), tuple(int(name[1:]) for name in compiled.positiontup or ()))

    kept: Callable[..., Statement] = lru_cache(maxsize=KEPT)(compile_)

    def statement(entity: str, shape: QueryShape, /, *args: Options.args, **options: Options.kwargs) -> Statement:
        large = len(shape.filters) + sum(map(len, shape.exclude)) > LARGE
        return (compile_ if large else kept)(entity, shape, *args, **options)

    return statement


@_compiled
def page(
    entity: str,
    shape: QueryShape,
    columns: tuple[str, ...],
    keys: tuple[Key, ...],
    limit: int,
    *,
    cursor: bool,
    skips: bool,
) -> Select[Any]:
    """One page: its columns and keys. Values: the conditions', with ``cursor`` the keys', with ``skips`` an offset.

    Of a split row the page is found in the state table (or by its filters) first where rows are skipped; the wide rows
    are read for that page alone.
    """
    source, parameters = _source(entity, shape), Parameters()
    conditions = all_of(source, shape, parameters)
    if cursor:
        conditions.append(_after_cursor(source, keys, parameters))
    offset = parameters.add(BigInteger()) if skips else None
    picked = [_picked(source, name) for name in columns]
    picked += [_sorted_by(source, key).label(f"k{place}") for place, key in enumerate(keys)]
    if skips and source.main is not source.state and all(source.is_hot(key.name) for key in keys):
        rows = select(source.column("id")).select_from(_tables(source, shape))
        ids = _ordered(rows.where(*conditions), source, keys).limit(_number(limit)).offset(offset).subquery("page")
        tables = ids.join(source.state, source.state.c.id == ids.c.id).join(source.main, source.main.c.id == ids.c.id)
        return _ordered(select(*picked).select_from(tables), source, keys)
    by_command = source.resource is EVENTS and any(condition.name == "command_id" for condition in shape.filters)
    rows = select(*picked).select_from(source.both()).where(*conditions)
    return _ordered(rows, source, keys, sorts=by_command).limit(_number(limit)).offset(offset)


def _ordered(statement: Select[Any], source: Source, keys: Sequence[Key], *, sorts: bool = False) -> Select[Any]:
    """Order by the keys; with ``sorts`` by no index.

    The events of a command are neighbours, so that a walk through the log in its order may meet them only at its end.
    """
    columns = [
        (_sorted_by(source, key) + ZERO if sorts and key.name == "position" else _sorted_by(source, key), key.down)
        for key in keys
    ]
    return statement.order_by(*(column.desc() if down else column.asc() for column, down in columns))


def _sorted_by(source: Source, key: Key) -> ColumnElement[Any]:
    """A key's value; an unset time is later than any other."""
    column = source.column(key.name)
    nullable = source.resource.fields[key.name].nullable and key.pg_type == "timestamptz"
    return func.coalesce(column, INFINITY) if nullable else column


def _after_cursor(source: Source, keys: Sequence[Key], parameters: Parameters) -> ColumnElement[bool]:
    """The rows behind a cursor: a row comparison where all keys run one way, spelled out otherwise."""
    columns = [_sorted_by(source, key) for key in keys]
    places = [parameters.add(source.column(key.name).type) for key in keys]
    if len({key.down for key in keys}) > 1:
        return or_(*(_after_key(keys[n], columns[: n + 1], places[: n + 1]) for n in range(len(keys))))
    before, place = _compared(tuple_(*columns), tuple_(*places), down=keys[0].down), places[0]
    if keys[0].name == "id" and source.main is not source.state:
        # Said of both halves of a split row: a merge join would else walk the other half from its beginning.
        return and_(before, _compared(source.main.c.id, place, down=keys[0].down))
    return before


def _after_key(key: Key, columns: Sequence[ColumnElement[Any]], places: Sequence[Any]) -> ColumnElement[bool]:
    """The rows that agree with a cursor in all keys but the last, and are behind it in that one."""
    same = (column == place for column, place in zip(columns[:-1], places[:-1], strict=True))
    return and_(*same, _compared(columns[-1], places[-1], down=key.down))


def _compared(column: Any, place: Any, *, down: bool) -> ColumnElement[bool]:
    return (column < place) if down else (column > place)  # type: ignore[no-any-return]


@_compiled
def one(entity: str, shape: QueryShape) -> Select[Any]:
    """All visible fields of one row. Values: the conditions', then the row's id."""
    source, parameters = _source(entity, shape), Parameters()
    conditions = all_of(source, shape, parameters, one_row=True)
    key = source.column(_unique(source.resource)) == parameters.add(BigInteger())
    picked = [_picked(source, name) for name in source.resource.visible]
    return select(*picked).select_from(source.both()).where(key, *conditions)


@_compiled
def ids(entity: str, shape: QueryShape) -> Select[Any]:
    """Ids of all that match, in order, locked."""
    source = source_of(entity)
    statement = select(source.column("id")).select_from(_tables(source, shape))
    statement = statement.where(*all_of(source, shape, Parameters()))
    return statement.order_by(literal_column("1")).with_for_update(of=source.state)


@_compiled
def count(entity: str, shape: QueryShape) -> Select[Any]:
    """The number of rows that match."""
    source = _source(entity, shape)
    return select(func.count()).select_from(_tables(source, shape)).where(*all_of(source, shape, Parameters()))


@_compiled
def counts(entity: str, shape: QueryShape, by: str, limit: int) -> Select[Any]:
    """The number of rows that match by the values of one field, the largest first."""
    source = _source(entity, shape)
    picked: list[Any] = [cast(source.column(by), Text).label("k"), func.count().label("n")]
    statement = select(*picked).select_from(_tables(source, shape, by)).where(*all_of(source, shape, Parameters()))
    return statement.group_by(literal_column("1")).order_by(literal_column("2").desc()).limit(_number(limit))


@_compiled
def kept_counts(entity: str, shape: QueryShape, by: str | None = None) -> Select[Any]:
    """As ``count`` or ``counts``, by nothing but site and state, from the counts that every command keeps."""
    table = JobCounts.__table__.alias("t")  # type: ignore[attr-defined]
    conditions = all_of(Source(BY_ENTITY[entity], table, table), shape, Parameters())
    total = func.sum(table.c.n)
    if by is None:
        return select(func.coalesce(total, ZERO)).where(*conditions)
    statement = select(cast(table.c[by], Text).label("k"), total.label("n")).where(*conditions)
    return statement.group_by(literal_column("1")).having(total != ZERO).order_by(literal_column("2").desc())


@_compiled
def footprint(entity: str, shape: QueryShape, fills: str, fits: str) -> Select[Any]:
    """What the jobs that match would fill. ``fills`` is SQL of the nodes that one fills, ``fits`` of which count."""
    source = source_of(entity)
    state = source.state.c
    statement = select(
        func.count().label("num_jobs"),
        func.coalesce(func.sum(text(fills)), ZERO).label("nodes"),
        func.coalesce(func.max(state.num_nodes), ZERO).label("max_nodes"),
        func.coalesce(func.max(state.wall_time_min), ZERO).label("max_wall_time_min"),
    )
    return statement.select_from(_tables(source, shape)).where(*all_of(source, shape, Parameters()), text(fits))


@_compiled
def failures(entity: str, shape: QueryShape, limit: int) -> Select[Any]:
    """Groups of the newest jobs that match: App, exit code, last line of the error, number, ends in time, newest."""
    source = source_of(entity)
    names = ("id", "app_id", "return_code", "last_update")
    newest = select(*(source.column(name).label(name) for name in names))
    newest = newest.select_from(_tables(source, shape, *names)).where(*all_of(source, shape, Parameters()))
    jobs = newest.order_by(source.column("last_update").desc()).limit(_number(limit)).subquery("newest").c
    keys = [jobs.app_id, jobs.return_code, func.failure_line(jobs.id).label("failure_line")]
    ends = func.min(jobs.last_update).label("first"), func.max(jobs.last_update).label("last")
    statement = select(*keys, func.count().label("jobs"), *ends, func.max(jobs.id).label("newest_id"))
    largest_first = statement.order_by(literal_column("4").desc(), literal_column("6").desc())
    return largest_first.group_by(*map(literal_column, "123"))


def _source(entity: str, shape: QueryShape) -> Source:
    if BY_ENTITY[entity] is EVENTS:
        return source_of(entity) if shape.log is Log.LIVE else source_of_staged(shape.log)
    if not shape.past:
        return source_of(entity)
    return source_of_past(entity, STAGED if shape.log is Log.STAGED else LOG)


def _tables(source: Source, shape: QueryShape, *fields: str) -> FromClause:
    return source.tables((*fields_read(source.resource, shape), *fields))


def _picked(source: Source, name: str) -> Any:
    computed = source.resource.computed.get(name)
    return literal_column(str(source.declared(computed[1]))).label(name) if computed else source.column(name)


def _unique(resource: Resource) -> str:
    return "id" if "id" in resource.fields else "position"


def _number(number: int) -> ColumnElement[Any]:
    """A limit in the text: the planner then knows it also in a plan that it keeps."""
    return literal_column(str(number))
