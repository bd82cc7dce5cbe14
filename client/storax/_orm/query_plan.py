"""The plan of a query, an immutable value without a connection: filters, ordering, slice, and their JSON."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from storax._orm.filters import Filter, Nothing, both, clauses
from storax._runtime.suggestions import unknown
from storax.errors import InvalidInput, SlicedQuery

PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Window:
    """A slice of the ordered matches."""

    start: int = 0
    stop: int | None = None
    step: int = 1

    @property
    def whole(self) -> bool:
        """Whether the window contains all matches."""
        return self.start == 0 and self.stop is None and self.step == 1

    @property
    def span(self) -> int | None:
        """Number of rows from start to stop; None without a stop."""
        return None if self.stop is None else max(0, self.stop - self.start)

    def sliced(self, part: slice) -> "Window":
        """Return the window of a slice of this one.

        Raises:
            InvalidInput: a negative start, stop or step, or a step of 0.
        """
        start, stop, step = _index(part.start, 0), _index(part.stop, None), _index(part.step, 1)
        if step == 0:
            raise InvalidInput("A slice needs a step of at least 1.")
        first = self.start + (start or 0) * self.step
        ends = [self.stop] if self.stop is not None else []
        ends += [self.start + stop * self.step] if stop is not None else []
        return Window(first, max(first, min(ends)) if ends else None, self.step * (step or 1))

    def size(self, total: int) -> int:
        """Return how many elements it has of ``total`` matches."""
        return len(range(self.start, total if self.stop is None else min(self.stop, total), self.step))


def _index(value: Any, default: int | None) -> int | None:
    if value is None:
        return default
    number = int(value.__index__())
    if number < 0:
        raise InvalidInput(
            f"A query has no known end to count {number} from.",
            hint="Turn the order round with order_by(), or use list(query).",
        )
    return number


WHOLE = Window()


class Positioned(Protocol):
    """What has a position of the log: an event."""

    position: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Filters (all must match), exclusions (none may match), ordering and window.

    ``nothing``: nothing can match. ``as_of``: of the rows as they were at a position of the log, or at a time as text.
    """

    where: Mapping[str, Any] = field(default_factory=dict)
    excluded: tuple[Mapping[str, Any], ...] = ()
    ordering: tuple[str, ...] = ()
    window: Window = WHOLE
    nothing: bool = False
    as_of: int | str | None = None

    def filtered(self, noun: str, known: Mapping[str, Filter], filters: Mapping[str, Any]) -> "Plan":
        """Return the plan with further filters, all of which must match too."""
        self.require_whole("filtered", "Filter first, then slice.")
        try:
            return replace(self, where=both(noun, known, self.where, clauses(noun, known, filters)))
        except Nothing:
            return replace(self, nothing=True)

    def excluding(self, noun: str, known: Mapping[str, Filter], filters: Mapping[str, Any]) -> "Plan":
        """Return the plan without what matches all of ``filters``."""
        self.require_whole("filtered", "Exclude first, then slice.")
        try:
            excluded = clauses(noun, known, filters)
        except Nothing:
            return self
        return replace(self, excluded=(*self.excluded, excluded)) if excluded else self

    def ordered(self, noun: str, known: Sequence[str], names: Iterable[str]) -> "Plan":
        """Return the plan ordered by ``names``, which replace an earlier ordering."""
        self.require_whole("ordered", "Order first, then slice.")
        ordering = tuple(names)
        for name in ordering:
            if name not in known:
                raise unknown(f"{noun} cannot be ordered by", name, known)
        return replace(self, ordering=ordering)

    def reversed(self, default: str) -> "Plan":
        """Return the plan in the opposite order."""
        names = self.ordering or (default,)
        return replace(self, ordering=tuple(n[1:] if n.startswith("-") else f"-{n}" for n in names))

    def sliced(self, part: slice) -> "Plan":
        """Return the plan of a slice of its matches."""
        return replace(self, window=self.window.sliced(part))

    def require_whole(self, verb: str, hint: str) -> None:
        """Refuse an operation that is not defined on a slice.

        Raises:
            SlicedQuery: this plan has been sliced.
        """
        if not self.window.whole:
            raise SlicedQuery(f"A slice of a query cannot be {verb}.", hint=hint)

    @property
    def selection(self) -> dict[str, Any]:
        """The filters and exclusions alone, as a bulk call takes them.

        Raises:
            InvalidInput: the query is of the past.
        """
        if self.as_of is not None:
            raise InvalidInput(
                "A query with as_of() reads the past, which nothing can change.",
                hint="Name the objects by their ids.",
            )
        return self._conditions

    @property
    def reading(self) -> dict[str, Any]:
        """The filters, exclusions and ``as_of``, as a call that reads takes them."""
        return self._conditions if self.as_of is None else {**self._conditions, "as_of": self.as_of}

    @property
    def _conditions(self) -> dict[str, Any]:
        out: dict[str, Any] = {"filter": dict(self.where)}
        if self.excluded:
            out["exclude"] = [dict(group) for group in self.excluded]
        return out

    def page(
        self, *, cursor: str | None = None, taken: int = 0, limit: int = PAGE, fields: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Return the body that requests the next page after ``taken`` rows."""
        span = self.window.span
        body = {**self.reading, "format": "rows", "limit": limit if span is None else min(limit, span - taken)}
        if self.ordering:
            body["ordering"] = list(self.ordering)
        if fields:
            body["fields"] = list(fields)
        if cursor:
            body["cursor"] = cursor
        elif self.window.start:
            body["offset"] = self.window.start
        return body

    def steps(self, pages: Iterator[list[Any]]) -> Iterator[list[Any]]:
        """Yield the rows of ``pages`` that the window's step keeps."""
        step, seen = self.window.step, 0
        for rows in pages:
            yield rows if step == 1 else rows[-seen % step :: step]
            seen += len(rows)
