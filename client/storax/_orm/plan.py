"""What a query asks, as an immutable value that knows nothing of connections: filters, order, slice, and their JSON."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from storax._orm.filters import Filter, Nothing, both, clauses
from storax._runtime.suggestions import unknown
from storax.errors import InvalidInput, SlicedQuery

PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Window:
    """Which of the ordered matches are meant, as a slice of a list."""

    start: int = 0
    stop: int | None = None
    step: int = 1

    @property
    def whole(self) -> bool:
        """Whether it is all of them."""
        return self.start == 0 and self.stop is None and self.step == 1

    @property
    def span(self) -> int | None:
        """How many rows lie between start and stop; None: all that follow."""
        return None if self.stop is None else max(0, self.stop - self.start)

    def sliced(self, part: slice) -> "Window":
        """The window that ``part`` of this one is.

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
        """How many elements it has over ``total`` matches."""
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


@dataclass(frozen=True, slots=True)
class Plan:
    """Filters (all must hold), exclusions (none may hold), ordering and window. ``nothing``: it matches nothing."""

    where: Mapping[str, Any] = field(default_factory=dict)
    excluded: tuple[Mapping[str, Any], ...] = ()
    ordering: tuple[str, ...] = ()
    window: Window = WHOLE
    nothing: bool = False

    def filtered(self, noun: str, known: Mapping[str, Filter], given: Mapping[str, Any]) -> "Plan":
        """The plan with further filters, all of which must hold too."""
        self.require_whole("filtered", "Filter first, then slice.")
        try:
            return replace(self, where=both(noun, known, self.where, clauses(noun, known, given)))
        except Nothing:
            return replace(self, nothing=True)

    def excluding(self, noun: str, known: Mapping[str, Filter], given: Mapping[str, Any]) -> "Plan":
        """The plan without what passes all of ``given``."""
        self.require_whole("filtered", "Exclude first, then slice.")
        try:
            found = clauses(noun, known, given)
        except Nothing:
            return self
        return replace(self, excluded=(*self.excluded, found)) if found else self

    def ordered(self, noun: str, known: Sequence[str], names: Iterable[str]) -> "Plan":
        """The plan ordered by ``names``, which take the place of an earlier order."""
        self.require_whole("ordered", "Order first, then slice.")
        wanted = tuple(names)
        for name in wanted:
            if name not in known:
                raise unknown(f"{noun} cannot be ordered by", name, known)
        return replace(self, ordering=wanted)

    def reversed(self, default: str) -> "Plan":
        """The plan with every direction turned."""
        names = self.ordering or (default,)
        return replace(self, ordering=tuple(n[1:] if n.startswith("-") else f"-{n}" for n in names))

    def sliced(self, part: slice) -> "Plan":
        """The plan of a slice of its matches."""
        return replace(self, window=self.window.sliced(part))

    def require_whole(self, verb: str, way_out: str) -> None:
        """Refuse what has no meaning on a slice.

        Raises:
            SlicedQuery: this plan has been sliced.
        """
        if not self.window.whole:
            raise SlicedQuery(f"A slice of a query cannot be {verb}.", hint=way_out)

    @property
    def selection(self) -> dict[str, Any]:
        """The filters alone, as a bulk call takes them."""
        out: dict[str, Any] = {"filter": dict(self.where)}
        if self.excluded:
            out["exclude"] = [dict(group) for group in self.excluded]
        return out

    def page(
        self, *, cursor: str | None = None, taken: int = 0, limit: int = PAGE, fields: Sequence[str] = ()
    ) -> dict[str, Any]:
        """The body that asks for the next page after ``taken`` rows."""
        span = self.window.span
        body = {**self.selection, "format": "rows", "limit": limit if span is None else min(limit, span - taken)}
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
        """The rows of ``pages`` that the window's step keeps."""
        step, seen = self.window.step, 0
        for rows in pages:
            yield rows if step == 1 else rows[-seen % step :: step]
            seen += len(rows)
