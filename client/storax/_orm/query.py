"""Query: lazy, immutable, cached. Chaining makes new queries; iterating, len(), bool() or an index asks the server."""

import operator
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from storax._orm.instance import Model, gone_as
from storax._orm.pages import pages
from storax._orm.plan import PAGE, Plan
from storax._orm.rows import from_object, from_rows
from storax._orm.to_frames import Frames
from storax._runtime.json import dumps
from storax._runtime.suggestions import unknown
from storax._runtime.unset import UNSET
from storax.client import current_client
from storax.errors import InvalidInput, StoraxError

if TYPE_CHECKING:
    from storax.client import Client

M = TypeVar("M", bound=Model)
SHOWN = 20


class Query(Frames, Generic[M]):
    """The things of one kind that pass some filters, in some order; a window of them after slicing."""

    _queries: ClassVar[type[Any]]

    def __init__(self, plan: Plan | None = None, *, client: "Client | None" = None) -> None:
        self._plan = plan or Plan()
        self._client = client
        self._cache: list[M] | None = None

    # ---- building: no request ------------------------------------------------------------------------------------

    def _derive(self, plan: Plan) -> Any:
        return self._queries(plan, client=self._client)

    def _filter(self, given: dict[str, Any]) -> Any:
        return self._derive(self._plan.filtered(self._noun, self._model._spec.filters, arguments(given)))

    def _exclude(self, given: dict[str, Any]) -> Any:
        return self._derive(self._plan.excluding(self._noun, self._model._spec.filters, arguments(given)))

    def _order_by(self, names: Iterable[str]) -> Any:
        return self._derive(self._plan.ordered(self._noun, self._model._spec.orderings, names))

    def using(self, client: "Client") -> Self:
        """The same query, asked of another client."""
        copy: Self = self._derive(self._plan)
        copy._client = client
        return copy

    # ---- reading --------------------------------------------------------------------------------------------------

    def _home(self) -> "Client":
        return self._client or current_client()

    @property
    def _noun(self) -> str:
        return str(self._model.__name__)

    def _fetch(self) -> list[M]:
        if self._cache is None:
            self._cache = [one for rows in self._batches(PAGE) for one in rows]
        return self._cache

    def _batches(self, size: int) -> Iterator[list[M]]:
        client = self._home()
        found = pages(client, self._model._spec.path, self._plan, size=size)
        return self._plan.steps(from_rows(self._model, page.columns, page.rows, client) for page in found)

    def iterator(self, chunk_size: int = PAGE) -> Iterator[M]:
        """Iterate without keeping what was read, ``chunk_size`` (at most 10,000) things a request."""
        if not 1 <= chunk_size <= PAGE:
            raise InvalidInput(f"chunk_size must be 1 to {PAGE}, not {chunk_size}.")
        for batch in self._batches(chunk_size):
            yield from batch

    def first(self) -> M | None:
        """The first one, or None where nothing matches."""
        found = self._cache if self._cache is not None else self._derive(self._plan.sliced(slice(0, 1)))._fetch()
        return found[0] if found else None

    def last(self) -> M | None:
        """The last one, or None where nothing matches."""
        if self._cache is not None or not self._plan.window.whole:
            found = self._fetch()
            return found[-1] if found else None
        turned: M | None = self._derive(self._plan.reversed(self._model._spec.order)).first()
        return turned

    def _get(self, given: dict[str, Any]) -> M:
        wanted = arguments(given)
        query: Query[M] = self._filter(wanted) if wanted else self
        plan = query._plan
        if set(plan.where) == {"id"} and type(plan.where["id"]) is int and not plan.excluded and plan.window.whole:
            return query._read(plan.where["id"])
        found: list[M] = query._derive(plan.sliced(slice(0, 2)))._fetch()
        if len(found) == 1:
            return found[0]
        words = ", ".join(f"{k}={v!r}" for k, v in plan.where.items()) or "the query"
        if found:
            raise self._model.MultipleObjectsReturned(
                f"More than one {self._noun} matches {words}.", hint="Use filter()."
            )
        raise self._model.DoesNotExist(f"No {self._noun} matches {words}.")

    def _read(self, wanted: int) -> M:
        if self._plan.nothing:
            raise self._model.DoesNotExist(f"No {self._noun} can match these filters.")
        client = self._home()
        reply = gone_as(self._model, lambda: client.call("GET", f"/{self._model._spec.path}/{wanted}"))
        one: M = from_object(self._model, reply.json(), client)
        return one

    def count(self) -> int:
        """How many there are, without fetching them; of a slice, how many the slice has."""
        if self._cache is not None:
            return len(self._cache)
        if self._plan.nothing or self._plan.window.span == 0:
            return 0
        body = {**self._plan.selection, "limit": 0, "count": True, "format": "rows"}
        return self._plan.window.size(int(self._ask("query", body)["count"]))

    def exists(self) -> bool:
        """Whether there is at least one."""
        if self._cache is not None:
            return bool(self._cache)
        found = pages(self._home(), self._model._spec.path, self._plan.sliced(slice(0, 1)), fields=(self._key,))
        return any(page.rows for page in found)

    def values(self, *fields: str) -> list[dict[str, Any]]:
        """Dicts of these fields (of all, without arguments) instead of objects; read at once."""
        names = fields or self._model._columns
        return [dict(zip(names, row, strict=True)) for row in self._tuples(names)]

    def values_list(self, *fields: str, flat: bool = False) -> list[Any]:
        """Tuples of these fields instead of objects; ``flat`` with one field: the bare values. Read at once."""
        if flat and len(fields) != 1:
            raise InvalidInput(f"flat=True takes exactly one field, not {len(fields)}.")
        rows = self._tuples(fields or self._model._columns)
        return [row[0] for row in rows] if flat else [tuple(row) for row in rows]

    def _tuples(self, names: tuple[str, ...]) -> list[Any]:
        for name in names:
            if name not in self._model._columns:
                raise unknown(f"{self._noun} has no field", name, self._model._columns)
        found = pages(self._home(), self._model._spec.path, self._plan, fields=names)
        rows = [row for batch in self._plan.steps(page.rows for page in found) for row in batch]
        for place, name in enumerate(names):
            read = self._model._fields[name].kind.read
            if read:
                for row in rows:
                    row[place] = None if row[place] is None else read(row[place])
        return rows

    def in_bulk(self, ids: Iterable[int] | None = None) -> dict[int, M]:
        """Objects by id: of these ids, or all that match."""
        query = self if ids is None else self._filter({"id": list(ids)})
        return {one._values[one._id_at]: one for one in query._fetch()}

    def counts(self, by: str = "state") -> dict[Any, int]:
        """How many match by the values of one field, such as ``{"FAILED": 3, "RUNNING": 7}``, in one request.

        Raises:
            SlicedQuery: the query was sliced.
        """
        self._plan.require_whole("counted by value", "Count first, then slice.")
        if by not in self._model._columns:
            raise unknown(f"{self._noun} has no field", by, self._model._columns)
        if self._plan.nothing:
            return {}
        found = self._ask("counts", {"by": by, **self._plan.selection})["counts"]
        annotation = self._model._fields[by].annotation
        return {_as_key(annotation, word): n for word, n in found.items()}

    def _ask(self, path: str, body: dict[str, Any]) -> Any:
        return self._home().call("POST", f"/{self._model._spec.path}/{path}", dumps(body)).json()

    # ---- as a list ------------------------------------------------------------------------------------------------

    @property
    def _key(self) -> str:
        return "id" if "id" in self._model._fields else str(next(iter(self._model._fields)))

    def __iter__(self) -> Iterator[M]:
        return iter(self._fetch())

    def __len__(self) -> int:
        return len(self._fetch())

    def __bool__(self) -> bool:
        return bool(self._fetch())

    def _item(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._slice(index)
        place = operator.index(index)
        plan = self._plan.sliced(slice(place, place + 1))
        if self._cache is not None:
            return self._cache[place]
        found = self._derive(plan)._fetch()
        if not found:
            raise IndexError(f"The query has no element {place}.")
        return found[0]

    def _slice(self, part: slice) -> Any:
        sliced = self._derive(self._plan.sliced(part))
        if self._cache is not None:
            sliced._cache = self._cache[part]
        return sliced

    # ---- looks ----------------------------------------------------------------------------------------------------

    def _peek(self) -> tuple[list[M], bool]:
        """Up to ``SHOWN`` elements, and whether there are more."""
        found = (
            self._cache if self._cache is not None else self._derive(self._plan.sliced(slice(0, SHOWN + 1)))._fetch()
        )
        return found[:SHOWN], len(found) > SHOWN

    def __repr__(self) -> str:
        try:
            shown, more = self._peek()
        except StoraxError as error:
            return f"<{self._queries.__name__}: cannot be read now: {error}>"
        inside = [*(repr(one) for one in shown), *(["... more ..."] if more else [])]
        return f"<{self._queries.__name__} [{', '.join(inside)}]>"

    def _repr_html_(self) -> str:
        from storax._orm.notebook import table

        shown, more = self._peek()
        return table(self._noun, [one.to_dict() for one in shown], more=more)


def arguments(given: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments in a method's ``locals()``, the unknown ones among them."""
    given.pop("self", None)
    given.update(given.pop("unknown", {}))
    return {name: value for name, value in given.items() if value is not UNSET}


def _as_key(annotation: Any, word: str) -> Any:
    if word == "null":
        return None
    text = str(annotation)
    if "int" in text:
        return int(word)
    return word == "true" if annotation is bool else word
