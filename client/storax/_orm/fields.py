"""The descriptor behind every field of a model: typed, documented, read from raw JSON, watched for changes."""

from typing import Any, ClassVar, Generic, Literal, Self, TypeVar, overload

from storax._json_values import Unstorable
from storax._orm.kinds import Rejected, kind_of
from storax._runtime.unset import UNSET
from storax.errors import InvalidInput, ReadOnly

T = TypeVar("T")
Settable = Literal["never", "create", "update", "always"]


class Owner:
    """The part of a record that its fields need."""

    __slots__ = ()

    _spec: ClassVar[Any]
    _values: list[Any]

    @property
    def _saved(self) -> bool:
        raise NotImplementedError

    def _touch(self, name: str) -> None:
        raise NotImplementedError

    def _watch(self, field: "Field[Any]", raw: Any) -> None:
        raise NotImplementedError

    def _complete(self) -> None:
        raise NotImplementedError


class Field(Generic[T]):
    """One field of a model.

    Args:
        annotation: Its type.
        settable: When a user may set it: never, only before the first save ("create"), only after it ("update"), or
            always.
        default: Value of an unsaved instance; the server's default is the one that counts.
        required: Whether a create must have it.
        sent_only: Whether it is sent with a create and never read back.
        on_request: Whether lists leave it out; then the first access reads it.
        by_key: Whether ``save()`` sends only the keys of the dictionary that changed.
        doc: Its docstring.
    """

    name: str
    index: int

    def __init__(
        self,
        annotation: Any,
        *,
        settable: Settable = "never",
        default: Any = None,
        required: bool = False,
        sent_only: bool = False,
        on_request: bool = False,
        by_key: bool = False,
        doc: str = "",
    ) -> None:
        self.annotation = annotation
        self.kind = kind_of(annotation)
        self.accept = self.kind.accept
        self.creatable = settable in ("create", "always")
        self.updatable = settable in ("update", "always")
        self.default = default
        self.required = required
        self.sent_only = sent_only
        self.on_request = on_request
        self.by_key = by_key
        self._as_is = self.kind.read is None and not self.kind.mutable
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, obj: None, owner: Any) -> Self: ...
    @overload
    def __get__(self, obj: Owner, owner: Any) -> T: ...
    def __get__(self, obj: Owner | None, owner: Any) -> Any:
        if obj is None:
            return owner._declared.get(self.name, self)
        try:
            raw = obj._values[self.index]
        except IndexError:  # a row from the server ends before the fields that lists leave out
            raw = UNSET
        return raw if self._as_is and raw is not UNSET else self._read(obj, raw)

    def _read(self, obj: Owner, raw: Any) -> Any:
        if raw is UNSET:
            raw = self._fresh(obj)
        if raw is None or self._as_is:
            return raw
        if self.kind.read:
            return self.kind.read(raw)
        obj._watch(self, raw)
        return raw

    def _fresh(self, obj: Owner) -> Any:
        """Return the value of a field not set or read yet: on a new object the default, on a saved one the server's.

        A mutable default is stored, so that ``job.tags["a"] = "b"`` on a new job is not lost.
        """
        if obj._saved and not self.creatable:
            obj._complete()
            return obj._values[self.index]
        if not self.kind.mutable or self.default is None:
            return self.default
        raw = self.default.copy()
        if self.index < len(obj._values):
            obj._values[self.index] = raw
        return raw

    def __set__(self, obj: Owner, value: T) -> None:
        saved = obj._saved
        if saved and self.by_key and self.creatable:
            self.__get__(obj, type(obj))  # keeps a copy of the value before, to which the next one is compared
        if not (self.updatable if saved else self.creatable):
            raise self.refusal(obj)
        obj._values[self.index] = self.checked(type(obj), value)
        if saved:
            obj._touch(self.name)

    def checked(self, owner: type, value: Any) -> Any:
        """Return the raw JSON of ``value``.

        Raises:
            InvalidInput: it is of the wrong type; the message names the field.
        """
        try:
            return self.accept(value)
        except Rejected as error:
            raise InvalidInput(f"{owner.__name__}.{self.name}: {error.message}.", hint=error.hint) from None
        except Unstorable as error:
            raise unstorable(self.name, error) from None

    def refusal(self, obj: Owner) -> ReadOnly:
        """Return the error for setting this field now."""
        noun = type(obj).__name__
        if self.creatable:
            return ReadOnly(
                f"{noun}.{self.name} is fixed once the {noun} is saved.",
                hint=f"Create a new {noun} with the other value.",
            )
        if self.updatable:
            return ReadOnly(f"{noun}.{self.name} is set by the server at creation.", hint="Save first, then change it.")
        why = "records are never changed" if not obj._spec.writable else "the server sets it"
        return ReadOnly(f"{noun}.{self.name} is read-only: {why}.")


def unstorable(name: str, error: Unstorable) -> InvalidInput:
    """Return the error for a value of the field ``name`` that has no JSON form."""
    return InvalidInput(f"{error.subject} at {name}{error.where} {error.predicate}.", hint=error.hint)


def declared(field: Field[T]) -> T:
    """Return ``field``, typed as its plain value: for models whose subclasses set it in the class body."""
    return field  # type: ignore[return-value]
