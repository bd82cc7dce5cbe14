"""What a role asks of a column's values: numbers, texts, keys, times; converted exactly, or refused naming the row."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from storax._runtime.suggestions import nearest
from storax.data import units
from storax.data.roles import all_roles
from storax.data.subroles import all_subroles, without_effect
from storax.errors import InvalidInput, NoColumn
from storax_engine.command_progress import Work
from storax_engine.frames.coerce import STAMP, concatenated
from storax_engine.frames.columns import Database
from storax_engine.frames.frame import Frame

_NUMBER = "TRY_CAST(nullif(trim(v), '') AS DOUBLE)"
_MOMENT = "TRY_CAST(nullif(trim(v), '') AS TIMESTAMP)"
_SUBROLES = f"There are: {', '.join(all_subroles)}."


def check(role: object) -> str:
    """A role, as it is.

    Raises:
        InvalidInput: there is no such role.
    """
    if role not in all_roles:
        raise InvalidInput(f"There is no role {role!r}.", hint=f"There are: {', '.join(all_roles)}.")
    return str(role)


def check_subroles(subroles: Collection[Any]) -> tuple[str, ...]:
    """Subroles, as they are.

    Raises:
        InvalidInput: one is none, or no part of a pipeline heeds it.
    """
    for subrole in subroles:
        if subrole in without_effect:
            raise InvalidInput(f"The subrole {subrole!r} does nothing: {without_effect[subrole]}.", hint=_SUBROLES)
        if subrole not in all_subroles:
            raise InvalidInput(f"There is no subrole {subrole!r}.", hint=_SUBROLES)
    return tuple(map(str, subroles))


def check_unit(unit: Any) -> str:
    """Return a unit as it is kept; empty for none.

    Raises:
        InvalidInput: it is no text, or a part of it does nothing.
    """
    return units.written("" if unit is None else unit, comparison_only=False)


def by_column(columns_by_role: Mapping[str, Sequence[str]], frame: Frame) -> dict[str, str]:
    """``{role: [columns]}`` turned around.

    Raises:
        NoColumn, InvalidInput: a column that is none or stands twice, or a role that is none.
    """
    assigned: dict[str, str] = {}
    for role, names in columns_by_role.items():
        check(role)
        for name in [names] if isinstance(names, str) else names:
            if name not in frame.roles:
                hint = nearest(str(name), frame.roles)
                raise NoColumn(f"There is no column {name!r}, to which roles= gives the role {role!r}.", hint=hint)
            if assigned.setdefault(name, role) != role:
                raise InvalidInput(f"Column {name!r} is given two roles, {assigned[name]} and {role}.")
    return assigned


def assign(
    frame: Frame, wanted: Mapping[str, str], database: Database, work: Work, formats: Sequence[str] = ()
) -> Frame:
    """The frame with these roles by column, as one change.

    Raises:
        InvalidInput: a value cannot be what its role asks for; the message names column, row and value.
    """
    table, roles = frame.table, dict(frame.roles)
    for name, role in wanted.items():
        values = values_for(role, name, frame.column(name), database, work, formats)
        table = table.set_column(table.column_names.index(name), name, values)
        roles[name] = role
    return frame.changed(table, roles)


def values_for(
    role: str, name: str, values: pa.ChunkedArray, database: Database, work: Work, formats: Sequence[str] = ()
) -> pa.ChunkedArray:
    """The values as the role asks for them.

    Raises:
        InvalidInput: one cannot be; the message names column, row and value.
    """
    if role in ("numerical", "target"):
        return _numbers(role, name, values, database, work)
    if role == "unused_float":
        number = pa.types.is_integer(values.type) or pa.types.is_boolean(values.type)
        return values if number else _numbers(role, name, values, database, work)
    if role == "time_stamp":
        return _moments(name, values, database, work, formats)
    if role in ("join_key", "categorical"):
        _require_digits(role, name, values)
    return _keys(values) if role == "join_key" else _texts(values)


def _numbers(role: str, name: str, values: pa.ChunkedArray, database: Database, work: Work) -> pa.ChunkedArray:
    if pa.types.is_float64(values.type):
        return values
    if _is_text(values):
        return _parsed(values, _NUMBER, database, work, f"Column {name!r} cannot be {role}", "no number")
    if pa.types.is_timestamp(values.type):
        return pc.divide(values.cast(pa.int64()).cast(pa.float64(), safe=False), 1e6)
    return values.cast(pa.float64(), safe=False)


def _moments(
    name: str, values: pa.ChunkedArray, database: Database, work: Work, formats: Sequence[str]
) -> pa.ChunkedArray:
    if pa.types.is_timestamp(values.type):
        return values
    if _is_text(values):
        quoted = ", ".join("'" + str(form).replace("'", "''") + "'" for form in formats)
        rule = f"TRY_STRPTIME(trim(v), [{quoted}])" if formats else _MOMENT
        return _parsed(
            values, rule, database, work, f"Column {name!r} cannot be a time_stamp", "no time",
            "Give time_formats=['%d.%m.%Y', ...] if it is one.",
        ).cast(STAMP)  # fmt: skip
    if pa.types.is_boolean(values.type):
        raise InvalidInput(f"Column {name!r} cannot be a time_stamp: it holds true and false.")
    seconds = values.cast(pa.float64(), safe=False)
    return _cast_moments(name, pc.round(pc.multiply(seconds, 1e6)))


def _cast_moments(name: str, micros: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        return pc.if_else(pc.is_finite(micros), micros, None).cast(pa.int64()).cast(STAMP)
    except pa.ArrowInvalid as error:
        raise InvalidInput(
            f"Column {name!r} cannot be a time_stamp: a number in it is too large.",
            hint="Numbers count seconds since 1970.",
        ) from error


def _require_digits(role: str, name: str, values: pa.ChunkedArray) -> None:
    """Refuse floats that may have been different whole numbers once."""
    if not pa.types.is_floating(values.type):
        return
    large = pc.and_(pc.is_finite(values), pc.greater_equal(pc.abs(values), 2.0**53))
    place = pc.index(large, value=True).as_py()
    if place >= 0:
        raise InvalidInput(
            f"Column {name!r} cannot be {role}: row {place} holds {values[place].as_py():.0f} as a float, which has"
            " lost digits, so that different keys may be equal.",
            hint="Import it as whole numbers or text: in pandas, dtype Int64 or str.",
        )


def _keys(values: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_floating(values.type) and _whole(values):
        return pc.if_else(pc.is_nan(values), None, values).cast(pa.int64())
    return values if pa.types.is_integer(values.type) else _texts(values)


def _texts(values: pa.ChunkedArray) -> pa.ChunkedArray:
    if _is_text(values):
        return values
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), None, values)
        values = values.cast(pa.int64()) if _whole(values) else values
    return values.cast(pa.string())


def _whole(values: pa.ChunkedArray) -> bool:
    """Whether all values are whole numbers of at most 53 bits, or missing."""
    fits = pc.and_(pc.equal(values, pc.floor(values)), pc.less(pc.abs(values), 2.0**53))
    return bool(pc.all(pc.or_(fits, pc.is_nan(values)), skip_nulls=True, min_count=0).as_py())


def _is_text(values: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_string(values.type) or pa.types.is_large_string(values.type))


def _parsed(
    values: pa.ChunkedArray, rule: str, database: Database, work: Work, what: str, why: str, hint: str = ""
) -> pa.ChunkedArray:
    """The texts as the rule reads them; an empty one is missing, one that it cannot read is an error."""
    table = pa.table({"v": values})
    parsed = database.run(f"SELECT {rule} AS v FROM given", work, given=table).column(0)  # noqa: S608
    blank = pc.equal(pc.utf8_trim_whitespace(values), "")
    lost = pc.and_(pc.is_null(parsed), pc.and_not(pc.is_valid(values), pc.fill_null(blank, fill_value=True)))
    place = pc.index(lost, value=True).as_py()
    if place >= 0:
        shown = _short(values[place].as_py())
        raise InvalidInput(f"{what}: row {place} holds {shown}, which is {why}.", hint=hint)
    return parsed


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def appended(old: Frame, new: Frame, database: Database, work: Work) -> Frame:
    """The rows of both, one below the other, under the roles of the first.

    Raises:
        InvalidInput: their columns differ, or a value cannot be what its role asks for.
    """
    missing = set(old.table.column_names) ^ set(new.table.column_names)
    if missing:
        raise InvalidInput(
            f"The new rows have other columns: {', '.join(sorted(missing))}.", hint="They need those that are there."
        )
    columns = []
    for name in old.table.column_names:
        above, values = old.table.column(name), new.table.column(name)
        role = "time_stamp" if pa.types.is_timestamp(above.type) else old.roles[name]
        if values.type != above.type:
            values = values_for(role, name, values, database, work)
            if pa.types.is_integer(above.type):
                _require_digits(role, name, values)
        columns.append(values)
    below = pa.table(columns, names=old.table.column_names)
    return old.changed(concatenated([old.table, below]), old.roles)
