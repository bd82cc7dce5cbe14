"""The data half of a model: raw JSON values in a list, parsed on access, changes remembered field by field.

A list in the order of the server's columns, rather than a dict a row: a page of 10,000 rows becomes 10,000 objects
without copying one value.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from storax import errors
from storax._json_values import Unstorable, key_changes, plain
from storax._orm.fields import Field, Owner, unstorable
from storax._orm.filters import Filter
from storax._orm.kinds import Rejected
from storax._runtime.suggestions import unknown
from storax._runtime.unset import UNSET
from storax.errors import DoesNotExist, InvalidInput, MultipleObjectsReturned

if TYPE_CHECKING:
    from storax.client import Client

_LEAVES = frozenset({str, int, float, bool, type(None), type(UNSET)})
_BRIEF = (
    *("id", "name", "username", "site_id", "entity", "entity_id", "type", "app_name", "app_id", "job_id", "direction"),
    *("workdir", "from_state", "to_state", "state", "tags"),
)


@dataclass(frozen=True, slots=True)
class Spec:
    """A resource apart from its fields: its path, filters and orderings."""

    path: str
    entity: str
    order: str = "id"
    orderings: tuple[str, ...] = ()
    writable: bool = True
    filters: dict[str, Filter] = field(default_factory=dict)


_models: dict[str, Any] = {}


def model_named(name: str) -> Any:
    """Return the model of this name, for modules that models import and that cannot import models.

    Raises:
        KeyError: its module has not been imported.
    """
    return _models[name]


class Record(Owner):
    """An object with the raw values of one row, read and set by its fields."""

    # A page does not set the rarer ones; __getattr__ creates them on first use, which keeps reading fast.
    __slots__ = ("__weakref__", "_client", "_dirty", "_position", "_seen", "_values")

    _spec: ClassVar[Spec]
    _fields: ClassVar[dict[str, Field[Any]]] = {}
    _columns: ClassVar[tuple[str, ...]] = ()
    _readable: ClassVar[tuple[str, ...]] = ()
    _blank: ClassVar[list[Any]] = []
    _id_at: ClassVar[int] = 0
    _declared: ClassVar[dict[str, Any]] = {}
    _late: ClassVar[frozenset[str]] = frozenset({"_dirty", "_seen", "_position"})
    _settable: ClassVar[frozenset[str]] = frozenset()

    DoesNotExist: ClassVar[type[DoesNotExist]] = DoesNotExist
    MultipleObjectsReturned: ClassVar[type[MultipleObjectsReturned]] = MultipleObjectsReturned

    _values: list[Any]
    _client: "Client | None"
    _dirty: set[str] | None
    _seen: dict[str, Any] | None
    _position: int | None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "_spec" in cls.__dict__:
            _lay_out(cls)

    def _fill(self, local_arguments: dict[str, Any]) -> None:
        """Set the fields from a constructor's ``locals()``, checked one by one."""
        local_arguments.pop("self", None)
        if unexpected := local_arguments.pop("unknown", None):
            raise unknown(f"{type(self).__name__} takes no argument", next(iter(unexpected)), local_arguments)
        values, fields, name = self._blank.copy(), self._fields, ""
        try:
            for name, value in local_arguments.items():
                if value is not UNSET:
                    field = fields[name]
                    values[field.index] = field.accept(value)
        except Rejected as error:
            raise InvalidInput(f"{type(self).__name__}.{name}: {error.message}.", hint=error.hint) from None
        except Unstorable as error:
            raise unstorable(name, error) from None
        put_values(self, values)
        put_client(self, None)
        put_dirty(self, None)
        put_seen(self, None)
        put_position(self, None)

    def __getattr__(self, name: str) -> Any:
        if name in self._late:
            object.__setattr__(self, name, None)
            return None
        if name.startswith("_"):  # probes by copy, pickle, notebooks; never a misspelt field
            raise AttributeError(name)
        raise unknown(f"{type(self).__name__} has no field", name, self._fields)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._settable:
            raise unknown(f"{type(self).__name__} has no field", name, self._fields)
        object.__setattr__(self, name, value)

    @property
    def _saved(self) -> bool:
        return bool(self._values[self._id_at])

    def _touch(self, name: str) -> None:
        if self._dirty is None:
            self._dirty = set()
        self._dirty.add(name)

    def _watch(self, field: Field[Any], raw: Any) -> None:
        """Keep a copy of a dict or list when it is handed out, so that ``save()`` detects a change in place."""
        if not self._spec.writable:
            return
        if self._seen is None:
            self._seen = {}
        if field.name not in self._seen:
            self._seen[field.name] = _deep_copy(raw)

    def _patch(self) -> dict[str, Any]:
        """Return what differs from what was read or saved last: fields by name, of some dictionaries single keys.

        Raises:
            ReadOnly: a dict or list that is fixed by now was changed in place.
        """
        fields, values, names = self._fields, self._values, self._dirty or ()
        if self._seen:
            names = {*names, *self._changed_in_place(self._seen)}
        patch: dict[str, Any] = {}
        for name in sorted(names):
            patch |= _field_patch(fields[name], (self._seen or {}).get(name), values[fields[name].index])
        return patch

    def _changed_in_place(self, seen: dict[str, Any]) -> Iterator[str]:
        for name, before in seen.items():
            field = self._fields[name]
            _make_plain(self._values, field)
            if self._values[field.index] != before:
                if not field.updatable:
                    raise field.refusal(self)
                yield name

    def _creation(self) -> dict[str, Any]:
        """Return the body of a create: the fields that were set."""
        for name in self._seen or ():
            _make_plain(self._values, self._fields[name])
        return {name: v for name, v in zip(self._fields, self._values, strict=False) if v is not UNSET}

    def _absorb(
        self, columns: Collection[str], row: Iterable[Any], *, position: int | None = None, saved: bool = False
    ) -> None:
        """Take over the values of a reply; forget the changes, which are stored now.

        After a save a dict stays the same object also where it gets keys of other writers.
        """
        values, fields = self._values, self._fields
        for name, raw in zip(columns, row, strict=False):
            field = fields.get(name)
            # An equal dict stays the same object: the caller may hold it, and go on changing it.
            if field and values[field.index] != raw:
                values[field.index] = _refilled(values[field.index], raw) if saved else raw
        self._settle_changes()
        # Only a reply with the state says from which log position on its transitions are still to come.
        if position is not None and "state" in columns:
            self._position = position

    def _settle_changes(self) -> None:
        """Count the present values as those of the server."""
        put_dirty(self, None)
        if self._seen:
            self._seen = {name: _deep_copy(self._values[self._fields[name].index]) for name in self._seen}

    def _complete(self) -> None:
        """Read the fields that a short reply left out; a subclass with a server does so."""

    def to_dict(self) -> dict[str, Any]:
        """Return its fields by name, as Python values."""
        return {name: getattr(self, name) for name in self._columns}

    def __repr__(self) -> str:
        # Raw values, so that repr() never sends a request for a field that was not read.
        raw = {name: self._values[self._fields[name].index] for name in _BRIEF if name in self._columns}
        inside = ", ".join(f"{n}={v!r}" for n, v in raw.items() if v is not UNSET and v not in (None, {}, ""))
        return f"{type(self).__name__}({inside})"

    def _repr_html_(self) -> str:
        from storax._orm.notebook import card

        return card(type(self).__name__, self.to_dict())

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Record):
            return NotImplemented
        same_kind = self._spec is other._spec and self._saved
        return same_kind and bool(self._values[self._id_at] == other._values[other._id_at])

    def __hash__(self) -> int:
        if not self._saved:
            raise TypeError(f"A {type(self).__name__} that is not saved has no id to hash by. Save it first.")
        return hash((self._spec.path, self._values[self._id_at]))

    def __getstate__(self) -> tuple[Any, ...]:
        # The client stays behind: it holds a token and open connections.
        return self._values, self._dirty, self._seen

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._values, self._dirty, self._seen = state
        self._client = None


# The slots' own setters pass by __setattr__, whose check of the name costs more than all the rest of reading a row.
put_values = Record.__dict__["_values"].__set__
put_client = Record.__dict__["_client"].__set__
put_dirty = Record.__dict__["_dirty"].__set__
put_seen = Record.__dict__["_seen"].__set__
put_position = Record.__dict__["_position"].__set__


def _lay_out(model: type[Record]) -> None:
    """Number the fields in the order of the class body, which is the server's, and make the model's own errors."""
    _models[model.__name__] = model
    model._fields = {name: f for name, f in model.__dict__.items() if isinstance(f, Field)}
    model._readable = tuple(name for name, f in model._fields.items() if not f.sent_only)
    model._columns = tuple(name for name in model._readable if not model._fields[name].on_request)
    model._blank = [UNSET] * len(model._fields)
    for index, f in enumerate(model._fields.values()):
        f.index = index
    model._id_at = model._fields["id"].index
    slots = (name for kind in model.__mro__ for name in getattr(kind, "__slots__", ()))
    model._settable = frozenset((*model._fields, *slots))
    for name in ("DoesNotExist", "MultipleObjectsReturned"):
        base = getattr(errors, name)
        body = {"__doc__": base.__doc__, "__module__": model.__module__, "__qualname__": f"{model.__name__}.{name}"}
        setattr(model, name, type(name, (base,), body))


def _field_patch(field: Field[Any], before: Any, value: Any) -> dict[str, Any]:
    """Return the patch of one changed field: of some dicts only the keys that differ from ``before``."""
    if not field.by_key or type(before) is not dict or type(value) is not dict:
        return {field.name: value}
    merge, remove = key_changes(before, value)
    parts = {f"{field.name}__merge": merge, f"{field.name}__remove": remove}
    return {name: part for name, part in parts.items() if part}


def _make_plain(values: list[Any], field: Field[Any]) -> None:
    """Make plain JSON of a dict or list that was changed in place and now holds something else."""
    value = values[field.index]
    if not _is_plain(value):
        try:
            values[field.index] = _refilled(value, plain(value))
        except Unstorable as error:
            raise unstorable(field.name, error) from None


def _refilled(held: Any, raw: Any) -> Any:
    """Return ``held`` with the content of ``raw`` where both are dicts; else ``raw``."""
    if type(held) is not dict or type(raw) is not dict:
        return raw
    held.clear()
    held.update(raw)
    return held


def _is_plain(value: Any) -> bool:
    kind = type(value)
    if kind is dict:
        return all(type(key) is str and _is_plain(item) for key, item in value.items())
    return all(map(_is_plain, value)) if kind is list else kind in _LEAVES


def _deep_copy(value: Any) -> Any:
    """Return a deep copy of JSON."""
    if type(value) is dict:
        return {k: _deep_copy(v) for k, v in value.items()}
    if type(value) is list:
        return [_deep_copy(v) for v in value]
    return value
