"""Query: lazy, immutable, cached. Chaining makes new queries; iterating, len(), bool() or an index reads the rows."""

import operator
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from storax._orm.instance import Model, gone_as
from storax._orm.kinds import Rejected, kind_of
from storax._orm.pages import pages
from storax._orm.query_plan import PAGE, Plan, Positioned
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
    """The objects of one model that match some filters, in some order; after slicing, a part of them."""

    _queries: ClassVar[type[Any]]

    def __init__(self, plan: Plan | None = None, *, client: "Client | None" = None) -> None:
        self._plan = plan or Plan()
        self._client = client
        self._cache: list[M] | None = None

    # ---- building: no request ------------------------------------------------------------------------------------

    def _derive(self, plan: Plan) -> Any:
        return self._queries(plan, client=self._client)

    def _filter(self, local_arguments: dict[str, Any]) -> Any:
        return self._derive(self._plan.filtered(self._noun, self._model._spec.filters, arguments(local_arguments)))

    def _exclude(self, local_arguments: dict[str, Any]) -> Any:
        return self._derive(self._plan.excluding(self._noun, self._model._spec.filters, arguments(local_arguments)))

    def _order_by(self, names: Iterable[str]) -> Any:
        return self._derive(self._plan.ordered(self._noun, self._model._spec.orderings, names))

    def using(self, client: "Client") -> Self:
        """Return the same query for another client."""
        copy: Self = self._derive(self._plan)
        copy._client = client
        return copy

    def as_of(self, at: int | datetime | str | Positioned) -> Self:
        """Return the same query over the objects as they were at a position of the log or at an instant.

        The objects are what a reader saw then, deleted ones among them; fields that the log does not keep, such as the
        heartbeat of a session, are None. Filters by names of other objects read the present and are refused.

        Args:
            at: A position, an event, or a time; one without a zone is local time. A time means the last event that was
                written until then.

        Raises:
            InvalidInput: it is none of these. Later, when the query is read: it is in the future.
        """
        position = getattr(at, "position", at)
        if type(position) is not int:
            position = self._time_text(position)
        copy: Self = self._derive(replace(self._plan, as_of=position))
        return copy

    def _time_text(self, at: Any) -> str:
        try:
            return str(kind_of(datetime).accept(at))
        except Rejected as error:
            raise InvalidInput(f"{self._noun}.objects.as_of(): {error}.", hint=error.hint) from None

    # ---- reading --------------------------------------------------------------------------------------------------

    def _home(self) -> "Client":
        return self._client or current_client()

    @property
    def _noun(self) -> str:
        return str(self._model.__name__)

    def _fetch(self) -> list[M]:
        if self._cache is None:
            self._cache = [instance for rows in self._batches(PAGE) for instance in rows]
        return self._cache

    def _batches(self, size: int) -> Iterator[list[M]]:
        client = self._home()
        found_pages = pages(client, self._model._spec.path, self._plan, size=size)
        return self._plan.steps(from_rows(self._model, page.columns, page.rows, client) for page in found_pages)

    def iterator(self, chunk_size: int = PAGE) -> Iterator[M]:
        """Iterate over the matches without keeping them in memory.

        Args:
            chunk_size: Objects read per request, 1 to 10,000; by default 10,000.
        """
        if not 1 <= chunk_size <= PAGE:
            raise InvalidInput(f"chunk_size must be 1 to {PAGE}, not {chunk_size}.")
        for batch in self._batches(chunk_size):
            yield from batch

    def first(self) -> M | None:
        """Return the first match, or None where nothing matches."""
        matches = self._cache if self._cache is not None else self._derive(self._plan.sliced(slice(0, 1)))._fetch()
        return matches[0] if matches else None

    def last(self) -> M | None:
        """Return the last match, or None where nothing matches."""
        if self._cache is not None or not self._plan.window.whole:
            matches = self._fetch()
            return matches[-1] if matches else None
        reversed_query: M | None = self._derive(self._plan.reversed(self._model._spec.order)).first()
        return reversed_query

    def _get(self, local_arguments: dict[str, Any]) -> M:
        filters = arguments(local_arguments)
        query: Query[M] = self._filter(filters) if filters else self
        plan = query._plan
        if set(plan.where) == {"id"} and type(plan.where["id"]) is int and not plan.excluded and plan.window.whole:
            return query._read(plan.where["id"])
        matches: list[M] = query._derive(plan.sliced(slice(0, 2)))._fetch()
        if len(matches) == 1:
            return matches[0]
        description = ", ".join(f"{k}={v!r}" for k, v in plan.where.items()) or "the query"
        if matches:
            raise self._model.MultipleObjectsReturned(
                f"More than one {self._noun} matches {description}.", hint="Use filter()."
            )
        raise self._model.DoesNotExist(f"No {self._noun} matches {description}.")

    def _read(self, record_id: int) -> M:
        if self._plan.nothing:
            raise self._model.DoesNotExist(f"No {self._noun} can match these filters.")
        client = self._home()
        params = None if self._plan.as_of is None else {"as_of": str(self._plan.as_of)}
        path = f"/{self._model._spec.path}/{record_id}"
        reply = gone_as(self._model, lambda: client.call("GET", path, params=params))
        instance: M = from_object(self._model, reply.json(), client)
        return instance

    def count(self) -> int:
        """Return the number of matches, without reading them; of a slice, its length."""
        if self._cache is not None:
            return len(self._cache)
        if self._plan.nothing or self._plan.window.span == 0:
            return 0
        body = {**self._plan.reading, "limit": 0, "count": True, "format": "rows"}
        return self._plan.window.size(int(self._ask("query", body)["count"]))

    def exists(self) -> bool:
        """Return whether anything matches."""
        if self._cache is not None:
            return bool(self._cache)
        first_page = pages(self._home(), self._model._spec.path, self._plan.sliced(slice(0, 1)), fields=(self._key,))
        return any(page.rows for page in first_page)

    def values(self, *fields: str) -> list[dict[str, Any]]:
        """Return the matches as dicts of these fields, by default all, instead of objects; read at once."""
        names = fields or self._model._columns
        return [dict(zip(names, row, strict=True)) for row in self._tuples(names)]

    def values_list(self, *fields: str, flat: bool = False) -> list[Any]:
        """Return the matches as tuples of these fields, by default all; with ``flat``, the bare values of one field."""
        if flat and len(fields) != 1:
            raise InvalidInput(f"flat=True takes exactly one field, not {len(fields)}.")
        rows = self._tuples(fields or self._model._columns)
        return [row[0] for row in rows] if flat else [tuple(row) for row in rows]

    def _tuples(self, names: tuple[str, ...]) -> list[Any]:
        for name in names:
            if name not in self._model._readable:
                raise unknown(f"{self._noun} has no field", name, self._model._readable)
        found_pages = pages(self._home(), self._model._spec.path, self._plan, fields=names)
        rows = [row for batch in self._plan.steps(page.rows for page in found_pages) for row in batch]
        for index, name in enumerate(names):
            read = self._model._fields[name].kind.read
            if read:
                for row in rows:
                    row[index] = None if row[index] is None else read(row[index])
        return rows

    def in_bulk(self, ids: Iterable[int] | None = None) -> dict[int, M]:
        """Return the matches as a dict by id.

        Args:
            ids: Ids of the objects to return; None, the default, returns all that match.
        """
        query = self if ids is None else self._filter({"id": list(ids)})
        return {instance._values[instance._id_at]: instance for instance in query._fetch()}

    def counts(self, by: str = "state") -> dict[Any, int]:
        """Return the number of matches by value of one field, such as ``{"FAILED": 3, "RUNNING": 7}``, in one request.

        Args:
            by: Name of the field; by default ``state``.

        Raises:
            SlicedQuery: the query was sliced.
        """
        self._plan.require_whole("counted by value", "Count first, then slice.")
        if by not in self._model._columns:
            raise unknown(f"{self._noun} has no field", by, self._model._columns)
        if self._plan.nothing:
            return {}
        counts = self._ask("counts", {"by": by, **self._plan.reading})["counts"]
        annotation = self._model._fields[by].annotation
        return {_as_key(annotation, value): n for value, n in counts.items()}

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
        position = operator.index(index)
        plan = self._plan.sliced(slice(position, position + 1))
        if self._cache is not None:
            return self._cache[position]
        matches = self._derive(plan)._fetch()
        if not matches:
            raise IndexError(f"The query has no element {position}.")
        return matches[0]

    def _slice(self, part: slice) -> Any:
        sliced = self._derive(self._plan.sliced(part))
        if self._cache is not None:
            sliced._cache = self._cache[part]
        return sliced

    # ---- display --------------------------------------------------------------------------------------------------

    def _peek(self) -> tuple[list[M], bool]:
        """Return up to ``SHOWN`` elements, and whether there are more."""
        matches = (
            self._cache if self._cache is not None else self._derive(self._plan.sliced(slice(0, SHOWN + 1)))._fetch()
        )
        return matches[:SHOWN], len(matches) > SHOWN

    def __repr__(self) -> str:
        try:
            shown, more = self._peek()
        except StoraxError as error:
            return f"<{self._queries.__name__}: cannot be read now: {error}>"
        inside = [*(repr(instance) for instance in shown), *(["... more ..."] if more else [])]
        return f"<{self._queries.__name__} [{', '.join(inside)}]>"

    def _repr_html_(self) -> str:
        from storax._orm.notebook import table

        shown, more = self._peek()
        return table(self._noun, [instance.to_dict() for instance in shown], more=more)


def arguments(local_arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the keyword arguments in a method's ``locals()``, including the unknown ones."""
    local_arguments.pop("self", None)
    local_arguments.update(local_arguments.pop("unknown", {}))
    return {name: value for name, value in local_arguments.items() if value is not UNSET}


def _as_key(annotation: Any, value: str) -> Any:
    if value == "null":
        return None
    text = str(annotation)
    if "int" in text:
        return int(value)
    return value == "true" if annotation is bool else value
