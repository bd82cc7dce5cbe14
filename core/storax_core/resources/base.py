"""What a resource is: one SQLModel table (or two: the wide spec and its small hot state) whose fields carry marks.

Everything else follows: tables, create and update models, filters, orderings, routes, OpenAPI, the typed client.
"""

import types
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Required, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, TypeAdapter, create_model
from pydantic.fields import FieldInfo
from sqlmodel import SQLModel
from typing_extensions import TypedDict

from storax_core.resources.operators import OPERATORS, Operator, names_for
from storax_core.resources.types import BigId, RowVersion

# The operators of a field's filters, by its kind: operators.py declares them.
EQ, NUMBER, TEXT, TIME, JSON = (names_for(kind) for kind in ("any", "number", "text", "time", "json"))


@dataclass(frozen=True)
class Mark:
    """How one field may be used from outside.

    ``filter`` lists the operators, ``write`` is any of "create", "update"; ``order`` allows sorting by it; ``volatile``
    keeps it out of the event log (heartbeats); ``secret`` never leaves the server; ``input_only`` is taken at creation
    and kept in no column; ``derived`` is kept by the server beside the log and rebuilt from other facts.
    """

    filter: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    order: bool = False
    volatile: bool = False
    secret: bool = False
    derived: bool = False


CREATE, UPDATE, BOTH = ("create",), ("update",), ("create", "update")


@dataclass(frozen=True)
class FieldSpec:
    """One field of a resource, read off its table declaration."""

    name: str
    annotation: Any
    info: FieldInfo
    mark: Mark
    table: str
    pg_type: str

    @property
    def description(self) -> str:
        """One to three sentences for docs and docstrings."""
        return self.info.description or ""

    @property
    def nullable(self) -> bool:
        """Whether null is a legal value."""
        return type(None) in get_args(self.annotation)

    @property
    def required(self) -> bool:
        """Whether a create must give it."""
        return self.info.is_required()

    @property
    def default(self) -> Any:
        """The value when a create leaves it out."""
        return self.info.get_default(call_default_factory=True, validated_data={})

    @property
    def choices(self) -> tuple[str, ...]:
        """The legal words, where the field is an enumeration."""
        kinds = [self.annotation, *get_args(self.annotation)]
        return next((tuple(str(m) for m in k) for k in kinds if isinstance(k, type) and issubclass(k, StrEnum)), ())

    @property
    def validated_type(self) -> Any:
        """The annotation with its constraints, for a derived model."""
        return Annotated[(self.annotation, *self.info.metadata)] if self.info.metadata else self.annotation


@dataclass(frozen=True)
class StateMachine:
    """A state field's transitions: from state to the set of states it may enter.

    ``effects`` names fields that a transition itself may change, beside those that an update may name.
    """

    transitions: dict[str, frozenset[str]]
    effects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Link:
    """Which parent a resource hangs on: ``field`` holds the id of a ``resource``; deleting that deletes these."""

    field: str
    resource: str


@dataclass(frozen=True)
class JoinFilter:
    """A filter that is no column of its own: ``sql`` is its condition, with ``{value}`` and ``{field}`` names.

    ``names`` is the entity whose names it takes, where it does: a misspelt one is an error, not an empty answer.
    """

    name: str
    annotation: Any
    sql: str
    description: str
    many: bool = False
    names: str = ""


@dataclass(frozen=True)
class Resource:
    """A noun of the platform.

    ``model`` is its table, ``state_model`` its hot half if it has one; ``entity`` and ``path`` name it in log and URLs;
    ``parent`` is the resource it hangs on; ``machine`` its state moves; ``verbs`` lists what the REST routes offer;
    ``public`` decides whether the client gets a class for it; ``filter_sql`` has the conditions, written as in
    JoinFilter, of filters that need other SQL than their operator's; ``event_versions`` holds the schema version of its
    ``created``, ``updated``, ``state_changed`` or ``deleted`` events, where that is not 1.
    """

    model: type[SQLModel]
    entity: str
    path: str
    python_name: str
    state_model: type[SQLModel] | None = None
    parent: Link | None = None
    machine: StateMachine | None = None
    unique: tuple[tuple[str, ...], ...] = ()
    default_order: str = "id"
    verbs: tuple[str, ...] = ("list", "read", "create", "update", "delete")
    extra_create: dict[str, tuple[Any, FieldInfo]] = field(default_factory=dict)
    join_filters: tuple[JoinFilter, ...] = ()
    filter_sql: dict[str, str] = field(default_factory=dict)
    computed: dict[str, tuple[Any, str, str]] = field(default_factory=dict)
    public: bool = True
    event_versions: dict[str, int] = field(default_factory=dict)

    @property
    def table(self) -> str:
        """The main table's name."""
        return str(self.model.__tablename__)

    @property
    def state_table(self) -> str:
        """The table that holds id, owner, version and state; the main table where the two are one."""
        return str((self.state_model or self.model).__tablename__)

    @property
    def split(self) -> bool:
        """Whether the hot half lives in a table of its own."""
        return self.state_model is not None

    @cached_property
    def fields(self) -> dict[str, FieldSpec]:
        """All stored fields by name; the main table's first."""
        out: dict[str, FieldSpec] = {}
        for model in filter(None, (self.model, self.state_model)):
            for name, info in model.model_fields.items():
                out.setdefault(name, _spec(name, info, str(model.__tablename__), model))
        return out

    @cached_property
    def visible(self) -> tuple[str, ...]:
        """Names of the fields that leave the server, in order, computed ones last."""
        return (*(n for n, f in self.fields.items() if not f.mark.secret and n != "owner_id"), *self.computed)

    @cached_property
    def folded(self) -> tuple[str, ...]:
        """Names of the fields whose values live in the log."""
        kept = {"id", "owner_id", "version", "creation_date", "last_update"}
        return tuple(n for n, f in self.fields.items() if n not in kept and not f.mark.volatile and not f.mark.derived)

    @cached_property
    def orderings(self) -> tuple[str, ...]:
        """Names that ``ordering`` takes, each also with a leading ``-``."""
        return tuple(n for n, f in self.fields.items() if f.mark.order)

    @cached_property
    def filters(self) -> dict[str, "FilterSpec"]:
        """Every filter by its outside name."""
        found = [
            FilterSpec.of(f, op) for f in self.fields.values() for op in f.mark.filter if f.nullable or op != "isnull"
        ]
        extra = [FilterSpec(j.name, j.annotation, None, "join", j.description, join=j) for j in self.join_filters]
        return {s.name: s for s in (*found, *extra)}

    @cached_property
    def naming(self) -> dict[str, str]:
        """The filters that take names of other things, and which things."""
        return {j.name: j.names for j in self.join_filters if j.names}

    @cached_property
    def create_model(self) -> type[BaseModel]:
        """The strict model of one row of a create call."""
        fields: dict[str, Any] = {
            n: (f.validated_type, _plain(f.info)) for n, f in self.fields.items() if "create" in f.mark.write
        }
        fields |= self.extra_create
        return create_model(
            f"{self.python_name}Create", __config__=ConfigDict(extra="forbid"), __doc__=self.model.__doc__, **fields
        )

    @cached_property
    def update_keys(self) -> dict[str, FieldSpec]:
        """The fields an update may name."""
        return {n: f for n, f in self.fields.items() if "update" in f.mark.write}

    @cached_property
    def patch_type(self) -> Any:
        """A TypedDict of what an update may name, all optional, nothing else allowed."""
        return _typed_dict(f"{self.python_name}Patch", {n: f.validated_type for n, f in self.update_keys.items()})

    @cached_property
    def one_patch_type(self) -> Any:
        """As ``patch_type`` for one row: ``if_version`` allowed."""
        keys = {n: f.validated_type for n, f in self.update_keys.items()}
        return _typed_dict(f"{self.python_name}OnePatch", {**keys, "if_version": RowVersion})

    @cached_property
    def row_patch_type(self) -> Any:
        """As ``one_patch_type`` for a bulk update: ``id`` required."""
        keys = {n: f.validated_type for n, f in self.update_keys.items()}
        return _typed_dict(f"{self.python_name}RowPatch", {"id": Required[BigId], **keys, "if_version": RowVersion})

    @cached_property
    def create_adapter(self) -> TypeAdapter[Any]:
        """Validates a list of create rows."""
        return TypeAdapter(list[self.create_model])  # type: ignore[name-defined]

    @cached_property
    def patch_adapter(self) -> TypeAdapter[Any]:
        """Validates one patch."""
        return TypeAdapter(self.patch_type)

    @cached_property
    def one_patch_adapter(self) -> TypeAdapter[Any]:
        """Validates the patch of one row."""
        return TypeAdapter(self.one_patch_type)

    @cached_property
    def row_patches_adapter(self) -> TypeAdapter[Any]:
        """Validates a list of ``{"id": ..., ...patch}``."""
        return TypeAdapter(list[self.row_patch_type])  # type: ignore[name-defined]


@dataclass(frozen=True)
class FilterSpec:
    """One filter: its outside name, the type of its value, the field and operator behind it."""

    name: str
    annotation: Any
    field: FieldSpec | None
    op: str
    description: str
    join: JoinFilter | None = None

    @classmethod
    def of(cls, spec: FieldSpec, op: str) -> "FilterSpec":
        """The filter of ``spec`` by ``op``; equality and JSON containment carry the bare field name."""
        operator = OPERATORS[op]
        kind = bool if operator.value_type is bool else spec.annotation
        return cls(operator.filter_name(spec.name), kind, spec, op, operator.doc.format(spec.name))

    @property
    def operator(self) -> Operator | None:
        """How it compares its field; None where it is no column of its own."""
        return OPERATORS.get(self.op)

    @property
    def many(self) -> bool:
        """Whether a list of values means "any of these"."""
        return OPERATORS[self.op].many if self.join is None else self.join.many


def _typed_dict(name: str, fields: dict[str, Any]) -> Any:
    make: Any = TypedDict
    typed = make(name, fields, total=False)
    typed.__pydantic_config__ = ConfigDict(extra="forbid")
    return typed


def _plain(info: FieldInfo) -> Any:
    """A pydantic FieldInfo with the default and words of a SQLModel one."""
    kwargs: dict[str, Any] = {"description": info.description}
    if info.default_factory is not None:
        return FieldInfo(default_factory=info.default_factory, **kwargs)
    return FieldInfo(**kwargs) if info.is_required() else FieldInfo(default=info.default, **kwargs)


def _spec(name: str, info: FieldInfo, table: str, model: type[SQLModel]) -> FieldSpec:
    mark = next((m for m in info.metadata if isinstance(m, Mark)), Mark())
    column = model.__table__.c[name]  # type: ignore[attr-defined]
    pg_type = str(column.type.compile(dialect=_postgres())).lower().replace("timestamp with time zone", "timestamptz")
    return FieldSpec(name, info.annotation, info, mark, table, pg_type)


def _postgres() -> Any:
    from sqlalchemy.dialects import postgresql

    return postgresql.dialect()  # type: ignore[no-untyped-call]


def optional_inner(annotation: Any) -> Any:
    """``X`` of ``X | None``; the annotation itself otherwise."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next(a for a in get_args(annotation) if a is not type(None))
    return annotation
