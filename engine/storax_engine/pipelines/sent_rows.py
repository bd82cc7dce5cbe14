"""Rows that a caller sends along as the population of a fit: checked, converted as its roles ask, used in slices."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from storax._runtime.suggestions import nearest
from storax.errors import InvalidInput, NoColumn
from storax_engine.command_progress import Work
from storax_engine.frames import coerce, roles
from storax_engine.frames.columns import Database

SLICE = 65_536  # rows whose features are in memory at a time
_USED = ("numerical", "categorical", "time_stamp", "text", "join_key")
_NAMED = 5
Tables = Mapping[str, pa.Table]


def converted(rows: pa.Table, trained: Any, keep: Sequence[str], database: Database, work: Work) -> pa.Table:
    """Return the columns that a fit uses in the types of their roles, and those that are kept as they are.

    Args:
        rows: what was sent; a column that nobody uses is left out.
        trained: the fit.
        keep: names of columns that are kept.
        database: where texts are converted.
        work: may be cancelled.

    Raises:
        NoColumn: a column is missing that the fit uses, or is to be kept.
        InvalidInput: a value cannot be what its role asks for, and the message names column, row and value; or two
            columns that are used have one name.
    """
    by_column = _needed(trained)
    unused = {name for name in _unused_keys(trained, by_column) if name not in rows.column_names}
    by_column = {name: role for name, role in by_column.items() if name not in unused}
    _require(rows, by_column)
    places = [place for place, name in enumerate(rows.column_names) if name in {*by_column, *keep}]
    table = coerce.table_of(rows.select(places))
    for name, role in by_column.items():
        values = roles.values_for(role, name, table.column(name), database, work)
        table = table.set_column(table.column_names.index(name), name, values)
    with_kept(pa.table({}), table, keep)
    for name in unused:
        table = table.append_column(name, pa.nulls(table.num_rows, pa.string()))
    return table


def in_slices(population: str, tables: Tables, use: Callable[[Tables], Any], work: Work) -> Iterator[Any]:
    """Yield the result of ``use`` for each slice of the population beside all other tables; one for no rows.

    Args:
        population: name of the population's table.
        tables: by name.
        use: what is done with a slice.
        work: reports progress, and may be cancelled.

    Raises:
        Cancelled: nobody waits any more.
    """
    rows = tables[population].num_rows
    for start in range(0, max(rows, 1), SLICE):
        work.raise_if_cancelled()
        work.progress(start / max(rows, 1), f"row {start:,}")
        yield use({**tables, population: tables[population].slice(start, SLICE)})


def with_kept(features: pa.Table, population: pa.Table, keep: Sequence[str]) -> pa.Table:
    """Return the features with columns of the population before them.

    Raises:
        NoColumn: the population has no such column.
        InvalidInput: a feature has the name of one, or one is named twice.
    """
    if not keep:
        return features
    missing = next((name for name in keep if name not in population.column_names), None)
    if missing is not None:
        raise NoColumn(f"There is no column {missing!r} to keep.", hint=nearest(missing, population.column_names))
    names = [*keep, *features.column_names]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidInput(f"keep= names {twice!r}, which the result has already.", hint="Leave it out of keep=.")
    return pa.table([*(population.column(name) for name in keep), *features.columns], names=names)


def _needed(trained: Any) -> dict[str, str]:
    """The role of each column of the population that a fit uses; no targets."""
    from storax_engine.learning.tables.workspace import with_join_columns

    plan = trained.plan
    by_role = with_join_columns(plan.population, plan, dict(plan.roles.get(plan.population.table, {})), True)
    used = {role: names for role, names in by_role.items() if role in _USED}
    return {name: role for role, names in used.items() for name in names}


def _unused_keys(trained: Any, by_column: Mapping[str, str]) -> set[str]:
    """Names of the join keys by which the fit joins nothing: a key has no other use."""
    used = {left for join in trained.plan.population.joins for left, _ in join.on}
    return {name for name, role in by_column.items() if role == "join_key" and name not in used}


def _require(rows: pa.Table, by_column: Mapping[str, str]) -> None:
    missing = [name for name in by_column if name not in rows.column_names]
    if not missing:
        return
    listed = ", ".join(f"{name!r} ({by_column[name]})" for name in missing[:_NAMED])
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    have = ", ".join(rows.column_names[:20]) or "none"
    raise NoColumn(f"The rows lack columns that the pipeline uses: {listed}{more}.", hint=f"They have {have}.")
