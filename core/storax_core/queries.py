"""Filters, orderings and key-set pages, compiled to one SELECT. Names come from the resource's declaration alone."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Optional, get_args, get_origin

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError

from storax_core.decide import nearest
from storax_core.errors import Invalid, TooLarge
from storax_core.resources import JOBS, Resource
from storax_core.resources.base import FilterSpec, optional_inner
from storax_core.resources.types import JsonObject, Text, TextMap, UtcTime
from storax_core.store.database import Connection

MAX_LIMIT = 10_000
OPS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "before": "<", "after": ">"}


class Query(BaseModel):
    """What a list call may say. ``filter`` values: a scalar equals, a list is any of, null is null."""

    model_config = ConfigDict(extra="forbid")

    filter: dict[str, Any] = Field(default_factory=dict, description="By filter name.")
    exclude: list[dict[str, Any]] = Field(default_factory=list, description="Each is NOT (all of its filters).")
    ordering: list[str] = Field(default_factory=list, max_length=4, description="Field names, '-' for descending.")
    limit: int = Field(default=100, ge=0, le=MAX_LIMIT, description="Rows of a page.")
    offset: int = Field(default=0, ge=0, le=2**40, description="Rows to skip; a cursor is cheaper.")
    cursor: str | None = Field(default=None, max_length=4000, description="From the last page's 'next'.")
    fields: list[str] | None = Field(default=None, description="Only these fields.")
    count: bool = Field(default=False, description="Also count all that match.")
    format: str = Field(default="objects", pattern="^(objects|rows)$", description="objects, or rows with columns.")


@dataclass
class Where:
    """A growing condition and its parameters; the first is the owner."""

    params: list[Any]
    parts: list[str] = field(default_factory=list)

    def param(self, value: Any) -> str:
        """Add a parameter and return its place."""
        self.params.append(value)
        return f"${len(self.params)}"

    @property
    def sql(self) -> str:
        """All parts, joined by AND."""
        return " AND ".join(self.parts)


@dataclass
class Page:
    """Column names, raw rows, the cursor of the next page, and the count where asked."""

    columns: list[str]
    rows: list[Any]
    next: str | None
    count: int | None


def column(resource: Resource, name: str) -> str:
    """A field's SQL, with its table's alias: t for the main table, s for the hot one."""
    if name in resource.computed:
        return resource.computed[name][1]
    on_state = resource.fields[name].table == resource.state_table or name in ("id", "owner_id")
    return f"{'s' if resource.split and on_state else 't'}.{name}"


def source(resource: Resource, *, hot_only: bool = False) -> str:
    """The FROM clause."""
    if not resource.split:
        return f"{resource.table} t"
    return (
        f"{resource.state_table} s" if hot_only else f"{resource.state_table} s JOIN {resource.table} t ON t.id = s.id"
    )


def _no_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("give a number, not true or false")  # noqa: TRY004  (pydantic turns only this into an error)
    return value


def _whole(bits: int) -> Any:
    return Annotated[int, BeforeValidator(_no_bool), Field(ge=-(2 ** (bits - 1)), le=2 ** (bits - 1) - 1)]


_NUMBERS: dict[str, Any] = {
    "bigint": _whole(64),
    "integer": _whole(32),
    "smallint": _whole(16),
    "float": Annotated[FiniteFloat, BeforeValidator(_no_bool)],
}


def _kind(spec: FilterSpec) -> Any:
    """The type of one value. Unlike a field's own it takes numbers as text, from URLs, and any bound of a range."""
    bare = optional_inner(spec.annotation)
    bare = get_args(bare)[0] if get_origin(bare) is Annotated else bare
    if spec.op in ("contains", "startswith") or bare is str:
        return Text
    if get_origin(bare) is dict:
        return TextMap if get_args(bare)[1] is str else JsonObject
    if bare in (int, float):
        return _NUMBERS[spec.field.pg_type if spec.field else "bigint"]
    return UtcTime if bare is datetime else bare


@cache
def _adapter(spec: FilterSpec) -> tuple[TypeAdapter[Any], TypeAdapter[Any], tuple[str, ...]]:
    """Validators of one value and of a list, and the words to choose from where there are such."""
    kind = _kind(spec)
    words = tuple(kind) if isinstance(kind, type) and issubclass(kind, StrEnum) else get_args(kind)
    choices = tuple(str(w) for w in words) if words and isinstance(words[0], str) else ()
    return TypeAdapter(kind), TypeAdapter(list[Optional[kind]]), choices  # type: ignore[valid-type]  # noqa: UP045


def value_of(resource: Resource, spec: FilterSpec, raw: Any) -> Any:
    """The filter's value in its own type; a list where a list was given. Raises Invalid."""
    one, many, choices = _adapter(spec)
    try:
        return many.validate_python(raw) if isinstance(raw, list) else one.validate_python(raw)
    except ValidationError as error:
        words = error.errors(include_url=False, include_context=False)[0]["msg"].removeprefix("Value error, ")
        hint = nearest(str(raw), choices) if choices else ""
        raise Invalid(f"filter {spec.name} of {resource.path}: {words} (got {str(raw)[:80]!r})", hint=hint) from None


def _condition(resource: Resource, where: Where, spec: FilterSpec, raw: Any) -> str:
    if spec.join:
        return _join(resource, where, spec, raw)
    assert spec.field is not None  # noqa: S101  (only joins have none)
    col = column(resource, spec.field.name)
    if spec.op in ("eq", "ne"):
        found = _equality(resource, where, spec, raw)
        return found if spec.op == "eq" else f"NOT coalesce({found}, false)"
    if isinstance(raw, list):
        raise Invalid(f"filter {spec.name} of {resource.path} takes one value, not a list")
    return _COMPARE[spec.op](resource, where, spec, value_of(resource, spec, raw), col)


def _equality(resource: Resource, where: Where, spec: FilterSpec, raw: Any) -> str:
    assert spec.field is not None  # noqa: S101
    col = column(resource, spec.field.name)
    values = value_of(resource, spec, raw if isinstance(raw, list) else [raw])
    known = [str(v) if isinstance(v, str) else v for v in values if v is not None]
    equal = f"{col} = ANY({where.param(known)}::{spec.field.pg_type}[])"
    return f"({col} IS NULL OR {equal})" if None in values else equal


def _is_null(_r: Resource, _w: Where, _s: FilterSpec, value: Any, col: str) -> str:
    return f"{col} IS {'' if value else 'NOT '}NULL"


def _contains(_r: Resource, where: Where, _s: FilterSpec, value: Any, col: str) -> str:
    return f"strpos({col}, {where.param(value)}::text) > 0"


def _starts(_r: Resource, where: Where, _s: FilterSpec, value: Any, col: str) -> str:
    return f"starts_with({col}, {where.param(value)}::text)"


def _containment(resource: Resource, where: Where, _s: FilterSpec, value: Any, col: str) -> str:
    place = where.param(orjson.dumps(value).decode())
    if resource is JOBS and col == "t.tags":
        return f"s.id IN (SELECT jobs_with_tags({place}::jsonb))"
    return f"{col} @> {place}::jsonb"


def _ordered(_r: Resource, where: Where, spec: FilterSpec, value: Any, col: str) -> str:
    assert spec.field is not None  # noqa: S101
    return f"{col} {OPS[spec.op]} {where.param(value)}::{spec.field.pg_type}"


_COMPARE: dict[str, Callable[[Resource, Where, FilterSpec, Any, str], str]] = {
    "isnull": _is_null,
    "contains": _contains,
    "startswith": _starts,
    "contains_json": _containment,
    **dict.fromkeys(OPS, _ordered),
}


def _join(resource: Resource, where: Where, spec: FilterSpec, raw: Any) -> str:
    assert spec.join is not None  # noqa: S101
    if raw is None or (isinstance(raw, list) and (None in raw or not spec.join.many)):
        raise Invalid(
            f"filter {spec.name} of {resource.path} takes {'values' if spec.join.many else 'one value'}, not null"
        )
    value = value_of(resource, spec, raw)
    if spec.join.many:
        value = [str(v) if isinstance(v, str) else v for v in (value if isinstance(value, list) else [value])]
    elif isinstance(value, dict):
        value = orjson.dumps(value).decode()
    return spec.join.sql.format(p=where.param(value))


def _conditions(resource: Resource, where: Where, filters: Mapping[str, Any]) -> list[str]:
    out = []
    for name, raw in filters.items():
        spec = resource.filters.get(name)
        if spec is None:
            raise Invalid(f"{resource.path} has no filter {name!r}", hint=nearest(name, resource.filters))
        out.append(_condition(resource, where, spec, raw))
    return out


def where_of(resource: Resource, owner_id: int, query: Query) -> Where:
    """The owner's wall, then every filter, then every exclusion."""
    where = Where([owner_id])
    alias = "s" if resource.split else "t"
    where.parts = [f"{alias}.owner_id = $1::bigint", *_conditions(resource, where, query.filter)]
    for group in query.exclude:
        inner = _conditions(resource, where, group)
        if inner:
            where.parts.append(f"NOT coalesce({' AND '.join(inner)}, false)")
    return where


@dataclass(frozen=True)
class Order:
    """One key of an ordering."""

    name: str
    sql: str
    down: bool
    pg_type: str


def orders(resource: Resource, ordering: Sequence[str]) -> list[Order]:
    """The ordering with the unique key as its last part, so that pages never overlap."""
    unique = "position" if "position" in resource.fields else "id"
    names = [n for n in ordering if n] or [resource.default_order]
    out = []
    for name in names:
        bare = name.removeprefix("-")
        bare = unique if bare == "id" else bare
        if bare not in resource.orderings:
            raise Invalid(f"{resource.path} cannot be ordered by {bare!r}", hint=nearest(bare, resource.orderings))
        spec = resource.fields[bare]
        sql = column(resource, bare)
        if spec.nullable:
            sql = f"coalesce({sql}, 'infinity'::timestamptz)" if spec.pg_type == "timestamptz" else sql
        out.append(Order(bare, sql, name.startswith("-"), spec.pg_type))
    if all(o.name != unique for o in out):
        out.append(Order(unique, column(resource, unique), out[0].down, "bigint"))
    return out


def _decode(cursor: str, keys: Sequence[Order]) -> list[Any]:
    try:
        names, values = orjson.loads(base64.urlsafe_b64decode(cursor.encode()))
        if names != [("-" if k.down else "") + k.name for k in keys]:
            raise ValueError
        return [_typed(k, v) for k, v in zip(keys, values, strict=True)]
    except (ValueError, TypeError):
        raise Invalid("the cursor does not fit this query", hint="Start again without a cursor.") from None


def _typed(key: Order, value: Any) -> Any:
    if key.pg_type == "timestamptz":
        return datetime.fromisoformat(value)
    if type(value) is not {"text": str, "boolean": bool, "float": float}.get(key.pg_type, int):
        raise TypeError
    return value


def _encode(keys: Sequence[Order], values: Sequence[Any]) -> str:
    names = [("-" if k.down else "") + k.name for k in keys]
    return base64.urlsafe_b64encode(orjson.dumps([names, list(values)])).decode()


def _after(where: Where, keys: Sequence[Order], values: Sequence[Any]) -> str:
    """The rows behind ``values``: a row comparison where all keys run one way, spelled out otherwise."""
    places = [f"{where.param(v)}::{k.pg_type}" for k, v in zip(keys, values, strict=True)]
    if len({k.down for k in keys}) == 1:
        sign = "<" if keys[0].down else ">"
        after = f"({', '.join(k.sql for k in keys)}) {sign} ({', '.join(places)})"
        # Said of both halves of a split row: a merge join would else walk the other half from its beginning.
        return f"{after} AND t.id {sign} {places[0]}" if keys[0].sql == "s.id" else after
    steps = []
    for i, (key, place) in enumerate(zip(keys, places, strict=True)):
        same = [f"{k.sql} = {p}" for k, p in zip(keys[:i], places[:i], strict=True)]
        steps.append("(" + " AND ".join([*same, f"{key.sql} {'<' if key.down else '>'} {place}"]) + ")")
    return f"({' OR '.join(steps)})"


def _columns(resource: Resource, wanted: Sequence[str] | None) -> list[str]:
    for name in wanted or ():
        if name not in resource.visible:
            raise Invalid(f"{resource.path} has no field {name!r}", hint=nearest(name, resource.visible))
    return list(dict.fromkeys(wanted or resource.visible))


async def fetch_page(conn: Connection, resource: Resource, owner_id: int, query: Query) -> Page:
    """One page of what matches, and its count where asked. Deep pages cost what the first costs, by cursor."""
    columns = _columns(resource, query.fields)
    where = where_of(resource, owner_id, query)
    total = await count(conn, resource, owner_id, query) if query.count else None
    keys = orders(resource, query.ordering)
    if query.limit == 0:
        return Page(columns, [], None, total)
    if query.cursor:
        where.parts.append(_after(where, keys, _decode(query.cursor, keys)))
    rows = await conn.fetch(_select(resource, columns, where, keys, query), *where.params)
    extra = len(keys)
    full = len(rows) == query.limit
    nxt = _encode(keys, tuple(rows[-1])[-extra:]) if full else None
    return Page(columns, [tuple(r)[:-extra] for r in rows], nxt, total)


def _select(resource: Resource, columns: Sequence[str], where: Where, keys: Sequence[Order], query: Query) -> str:
    picked = [column(resource, n) for n in columns] + [f"{k.sql} AS k{i}" for i, k in enumerate(keys)]
    order = ", ".join(f"{k.sql} {'DESC' if k.down else 'ASC'}" for k in keys)
    paging = f"LIMIT {query.limit}" + (f" OFFSET {query.offset}" if query.offset else "")
    if resource.split:
        # The page is found in the small hot table (or by its filters) first; wide rows are read for that page alone.
        inner = f"SELECT s.id FROM {_needed(resource, where)} WHERE {where.sql} ORDER BY {order} {paging}"  # noqa: S608
        if "t." not in order and query.offset:
            return (
                f"SELECT {', '.join(picked)} FROM ({inner}) page JOIN {resource.state_table} s ON s.id = page.id"  # noqa: S608
                f" JOIN {resource.table} t ON t.id = page.id ORDER BY {order}"
            )
    return f"SELECT {', '.join(picked)} FROM {source(resource)} WHERE {where.sql} ORDER BY {order} {paging}"  # noqa: S608


def _needed(resource: Resource, where: Where) -> str:
    return source(resource, hot_only=not any("t." in part for part in where.parts))


def _tallied(resource: Resource, owner_id: int, query: Query) -> Where | None:
    """The condition on the tally where that can answer: jobs, by nothing but site and state."""
    if resource is not JOBS or query.exclude or not query.filter.keys() <= {"state", "site_id"}:
        return None
    where = where_of(resource, owner_id, query)
    where.parts = [part.replace("s.", "t.") for part in where.parts]
    return where


async def count(conn: Connection, resource: Resource, owner_id: int, query: Query) -> int:
    """How many match."""
    tallied = _tallied(resource, owner_id, query)
    if tallied:
        sql = f"SELECT coalesce(sum(n), 0) FROM job_tally t WHERE {tallied.sql}"  # noqa: S608
        return int(await conn.fetchval(sql, *tallied.params))
    where = where_of(resource, owner_id, query)
    return int(await conn.fetchval(f"SELECT count(*) FROM {_needed(resource, where)} WHERE {where.sql}", *where.params))  # noqa: S608


async def counts(conn: Connection, resource: Resource, owner_id: int, by: str, query: Query) -> dict[str, int]:
    """How many match, by the values of one field."""
    spec = resource.fields.get(by)
    if spec is None or not spec.mark.filter or spec.pg_type == "jsonb":
        known = [n for n, f in resource.fields.items() if f.mark.filter and f.pg_type != "jsonb"]
        raise Invalid(f"{resource.path} cannot be counted by {by!r}", hint=nearest(by, known))
    tallied = _tallied(resource, owner_id, query) if by in ("state", "site_id") else None
    if tallied:
        sql = f"""SELECT {by}::text AS k, sum(n) AS n FROM job_tally t WHERE {tallied.sql}
GROUP BY 1 HAVING sum(n) <> 0 ORDER BY 2 DESC"""  # noqa: S608
        return {r["k"]: int(r["n"]) for r in await conn.fetch(sql, *tallied.params)}
    where = where_of(resource, owner_id, query)
    col = column(resource, by)
    where.parts.append("true")
    tables = source(resource) if col.startswith("t.") and resource.split else _needed(resource, where)
    sql = (
        f"SELECT {col}::text AS k, count(*) AS n FROM {tables} WHERE {where.sql} GROUP BY 1 ORDER BY 2 DESC LIMIT 10001"  # noqa: S608
    )
    rows = await conn.fetch(sql, *where.params)
    if len(rows) > MAX_LIMIT:
        raise TooLarge(
            f"{by} has more than {MAX_LIMIT} different values", hint="Filter first, or count by another field."
        )
    return {str(r["k"]) if r["k"] is not None else "null": r["n"] for r in rows}


async def matching_ids(conn: Connection, resource: Resource, owner_id: int, query: Query) -> list[int]:
    """Ids of all that match, in order, locked: they match still when they are changed."""
    where = where_of(resource, owner_id, query)
    alias = "s" if resource.split else "t"
    sql = f"SELECT {alias}.id FROM {_needed(resource, where)} WHERE {where.sql} ORDER BY 1 FOR UPDATE OF {alias}"  # noqa: S608
    return [r[0] for r in await conn.fetch(sql, *where.params)]


async def fetch_one(conn: Connection, resource: Resource, owner_id: int, row_id: int) -> dict[str, Any] | None:
    """One row as a dictionary (jsonb values as raw fragments), or None."""
    key = "position" if "position" in resource.fields else "id"
    col, alias = column(resource, key), "s" if resource.split else "t"
    picked = ", ".join(f"{column(resource, n)} AS {n}" for n in resource.visible)
    sql = f"SELECT {picked} FROM {source(resource)} WHERE {col} = $1 AND {alias}.owner_id = $2"  # noqa: S608
    row = await conn.fetchrow(sql, row_id, owner_id)
    return dict(row) if row else None
