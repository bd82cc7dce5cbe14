"""What a resource is: one SQLModel table (or two: the wide specification and its small state) whose fields carry marks.

Everything else follows: tables, create and update models, filters, orderings, routes, OpenAPI, the typed client.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Required

from pydantic import BaseModel, ConfigDict, TypeAdapter, create_model
from pydantic.fields import FieldInfo
from sqlmodel import SQLModel
from typing_extensions import TypedDict

from storax_core.resources.fields import (
    BOTH,
    BY_KEY,
    CREATE,
    EQ,
    JSON,
    MERGE,
    NUMBER,
    REMOVE,
    TEXT,
    TIME,
    UPDATE,
    FieldSpec,
    FilterSpec,
    JoinFilter,
    Mark,
    optional_inner,
    spec_of,
)
from storax_core.resources.types import BigId, KeyPaths, RowVersion

__all__ = [
    "BOTH",
    "BY_KEY",
    "CREATE",
    "EQ",
    "JSON",
    "MERGE",
    "NUMBER",
    "REMOVE",
    "TEXT",
    "TIME",
    "UPDATE",
    "FieldSpec",
    "FilterSpec",
    "JoinFilter",
    "Link",
    "Mark",
    "Resource",
    "StateMachine",
    "optional_inner",
]


@dataclass(frozen=True)
class StateMachine:
    """A state field's transitions: from state to the set of states it may enter.

    ``effects`` names fields that a transition itself may change, beside those that an update may name. ``first`` is the
    state from which a new row enters its stored one, for the log; empty where it is created in that state.
    """

    transitions: dict[str, frozenset[str]]
    effects: tuple[str, ...] = ()
    first: str = ""


@dataclass(frozen=True)
class Link:
    """Which parent a resource hangs on: ``field`` holds the id of a ``resource``; deleting that deletes these."""

    field: str
    resource: str


@dataclass(frozen=True)
class Resource:
    """A noun of the platform.

    ``model`` is its table, ``state_row`` the table of its state, where that is another; ``entity`` and ``path`` name
    it in log and URLs; ``parent`` is the resource it hangs on; ``machine`` its state machine; ``verbs`` lists what the
    REST routes offer; ``public`` decides whether the client gets a class for it; ``event_versions`` holds the schema
    version of its ``created``, ``updated``, ``state_changed`` or ``deleted`` events, where that is not 1. ``counted``:
    the numbers of its rows by owner, site and state are kept. ``remembered`` is SQL over the row, as ``t``, of what its
    ``deleted`` event keeps for searches; null where there is nothing. ``filter_sql`` has the conditions,
    written as in JoinFilter, of filters that need other SQL than their operator's. ``also_below`` are further
    resources that its rows may hang on. ``on_request`` names computed fields that a list has only where its ``fields``
    name them.
    """

    model: type[SQLModel]
    entity: str
    path: str
    python_name: str
    state_row: type[SQLModel] | None = None
    parent: Link | None = None
    also_below: tuple[Link, ...] = ()
    machine: StateMachine | None = None
    unique: tuple[tuple[str, ...], ...] = ()
    default_order: str = "id"
    verbs: tuple[str, ...] = ("list", "read", "create", "update", "delete")
    extra_create: dict[str, tuple[Any, FieldInfo]] = field(default_factory=dict)
    join_filters: tuple[JoinFilter, ...] = ()
    filter_sql: dict[str, str] = field(default_factory=dict)
    computed: dict[str, tuple[Any, str, str]] = field(default_factory=dict)
    on_request: tuple[str, ...] = ()
    public: bool = True
    event_versions: dict[str, int] = field(default_factory=dict)
    counted: bool = False
    remembered: str = "NULL::jsonb"

    @property
    def table(self) -> str:
        """The main table's name."""
        return str(self.model.__tablename__)

    @property
    def state_table(self) -> str:
        """The table that holds id, owner, version and state; the main table where the two are one."""
        return str((self.state_row or self.model).__tablename__)

    @property
    def split(self) -> bool:
        """Whether the state has a table of its own."""
        return self.state_row is not None

    @cached_property
    def fields(self) -> dict[str, FieldSpec]:
        """All stored fields by name; the main table's first."""
        out: dict[str, FieldSpec] = {}
        for model in filter(None, (self.model, self.state_row)):
            for name, info in model.model_fields.items():
                out.setdefault(name, spec_of(name, info, str(model.__tablename__), model))
        return out

    @cached_property
    def site_field(self) -> str | None:
        """Name of the field with the site that its events concern; None where they concern none."""
        return "id" if self.entity == "site" else "site_id" if "site_id" in self.fields else None

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
    def filters(self) -> dict[str, FilterSpec]:
        """Every filter by its outside name."""
        of_fields = [
            FilterSpec.of(f, op) for f in self.fields.values() for op in f.mark.filter if f.nullable or op != "isnull"
        ]
        extra = [FilterSpec(j.name, j.annotation, None, "join", j.description, join=j) for j in self.join_filters]
        return {s.name: s for s in (*of_fields, *extra)}

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
    def merge_keys(self) -> dict[str, tuple[str, Any]]:
        """Name and type of what an update may say of the keys of a dictionary: ``tags__merge``, ``tags__remove``."""
        maps = {n: f for n, f in self.update_keys.items() if "merge" in f.mark.write}
        merges = {f"{n}{MERGE}": (n, f.merge_type) for n, f in maps.items()}
        return merges | {f"{n}{REMOVE}": (n, KeyPaths) for n in maps}

    @cached_property
    def patch_type(self) -> Any:
        """A TypedDict of what an update may name, all optional, nothing else allowed."""
        return _typed_dict(f"{self.python_name}Patch", _patch_keys(self))

    @cached_property
    def one_patch_type(self) -> Any:
        """As ``patch_type`` for one row: ``if_version`` allowed."""
        return _typed_dict(f"{self.python_name}OnePatch", {**_patch_keys(self), "if_version": RowVersion})

    @cached_property
    def row_patch_type(self) -> Any:
        """As ``one_patch_type`` for a bulk update: ``id`` required."""
        keys = {"id": Required[BigId], **_patch_keys(self), "if_version": RowVersion}
        return _typed_dict(f"{self.python_name}RowPatch", keys)

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


def _patch_keys(resource: Resource) -> dict[str, Any]:
    """All names of an update, with their types."""
    whole = {name: spec.validated_type for name, spec in resource.update_keys.items()}
    return whole | {name: kind for name, (_, kind) in resource.merge_keys.items()}


def _typed_dict(name: str, fields: dict[str, Any]) -> Any:
    make: Any = TypedDict
    typed = make(name, fields, total=False)
    typed.__pydantic_config__ = ConfigDict(extra="forbid")
    return typed


def _plain(info: FieldInfo) -> Any:
    """A pydantic FieldInfo with the default and description of a SQLModel one."""
    kwargs: dict[str, Any] = {"description": info.description}
    if info.default_factory is not None:
        return FieldInfo(default_factory=info.default_factory, **kwargs)
    return FieldInfo(**kwargs) if info.is_required() else FieldInfo(default=info.default, **kwargs)
