"""The filters of a list page. The URL is the filter: its parameters have the names of the REST and Python filters."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from fastapi import Request
from starlette.datastructures import QueryParams

from storax_api.requests.parameters import LIST_PARAMETERS, query_of
from storax_core.queries import select
from storax_core.resources import Resource

# What browsers send of a field for a time; without a zone it is meant in UTC, as the page shows all times.
_LOCAL_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?")
PAGED = ("ordering", "limit", "cursor", "fields")  # parameters of a list that are no conditions
MOST_ROWS = 500  # of a page that people read; the next one is a click away
Pair = tuple[str, str]


@dataclass(frozen=True)
class UrlQuery:
    """What a URL says: its parameters without blank ones, and those of them that are conditions."""

    resource: Resource
    pairs: tuple[Pair, ...]

    @classmethod
    def of(cls, request: Request, resource: Resource, *, own: Collection[str] = ()) -> "UrlQuery":
        """Read the URL; ``own`` are parameters of the page that no query has."""
        pairs = request.query_params.multi_items()
        return cls(resource, tuple((n, _with_zone(v)) for n, v in pairs if v.strip() and n not in own))

    @property
    def conditions(self) -> tuple[Pair, ...]:
        """Return the parameters that choose rows."""
        return tuple((name, value) for name, value in self.pairs if name not in PAGED)

    def query(self, *, limit: int = 50, ordering: str = "") -> select.Query:
        """Return the query of REST with these parameters. Raises Invalid for a name or value that REST refuses too."""
        params = [pair for pair in self.pairs if pair[0] != "fields"]
        defaults = {"limit": str(limit), **({"ordering": ordering} if ordering else {})}
        params += [(name, value) for name, value in defaults.items() if name not in dict(params)]
        query = query_of(self.resource, QueryParams(params), LIST_PARAMETERS)
        return query.model_copy(update={"limit": max(1, min(query.limit, MOST_ROWS))})

    def selection(self) -> select.Query:
        """Return the query of all rows that match, whatever the page shows of them. Raises Invalid."""
        return query_of(self.resource, QueryParams(list(self.conditions)), ("exclude",))

    def values(self, name: str) -> list[str]:
        """Return the values of a parameter."""
        return [value for key, value in self.pairs if key == name]

    def value(self, name: str) -> str:
        """Return the last value of a parameter; empty where there is none."""
        return next(reversed(self.values(name)), "")

    def fields(self) -> list[str]:
        """Return the columns that the URL names."""
        return [field for value in self.values("fields") for field in value.split(",") if field]

    def with_(self, **changes: str | None) -> list[Pair]:
        """Return the parameters with others in their place; None removes one. A changed list begins at its start."""
        kept = [(name, value) for name, value in self.pairs if name not in changes and name != "cursor"]
        return kept + [(name, value) for name, value in changes.items() if value is not None]

    def without(self, name: str, value: str) -> list[Pair]:
        """Return the parameters without one condition."""
        return [pair for pair in self.pairs if pair != (name, value) and pair[0] != "cursor"]

    def chips(self) -> Iterator[tuple[str, str, list[Pair]]]:
        """Yield each condition and the parameters without it."""
        for name, value in self.conditions:
            yield name, value, self.without(name, value)


def _with_zone(value: str) -> str:
    return f"{value}Z" if _LOCAL_TIME.fullmatch(value) else value
