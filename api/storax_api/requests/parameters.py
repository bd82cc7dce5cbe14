"""Parameters of a call: who calls, ids in the path, the query string. An unknown parameter is an error."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from pydantic import TypeAdapter
from starlette.datastructures import QueryParams

from storax_api.identity import scope
from storax_api.requests.body import parse, validate
from storax_api.service import Caller, Service
from storax_core.commands.update import How
from storax_core.database.connections import Connection
from storax_core.errors import Invalid, NotFound
from storax_core.queries import select
from storax_core.queries.parsing.url_query import options_of
from storax_core.resources import Resource
from storax_core.resources.types import MAX_ID, AsOf
from storax_core.suggest import nearest

# Parameters of a list call that are no filters.
LIST_PARAMETERS = ("ordering", "limit", "offset", "cursor", "fields", "count", "format", "exclude", "as_of")
QUERY: TypeAdapter[select.Query] = TypeAdapter(select.Query)
AS_OF: TypeAdapter[int | datetime | None] = TypeAdapter(AsOf)


def service_of(request: Request) -> Service:
    """Return what this process shares between calls."""
    service: Service = request.app.state.service
    return service


@asynccontextmanager
async def query_connection(
    request: Request, caller: Caller, *, by_filter: bool = True, by_key: bool = False
) -> AsyncIterator[Connection]:
    """Lend a connection for one query of a caller, once it is its turn; see ``Database.owner``. Raises TooMany."""
    service = service_of(request)
    await service.queue_for_query(request, caller)
    async with service.db.owner(caller.owner_id, by_filter=by_filter, by_key=by_key) as conn:
        yield conn


async def caller_of(request: Request) -> Caller:
    """Return who calls. Raises Unauthorized, and Forbidden for a call that the token is not for."""
    caller = await service_of(request).caller(request)
    scope.require_operation(request, caller)
    return caller


Who = Annotated[Caller, Depends(caller_of)]


def row_id(text: str, resource: Resource) -> int:
    """Read an id in the path. Raises NotFound for what cannot be one."""
    if not position(text):
        raise NotFound(f"{resource.path} {text[:40]!r} does not exist", hint="Ids are whole numbers.")
    return int(text)


def position(text: str) -> int | None:
    """Read a whole number from 0 to the largest id, of the digits 0-9 alone; None where it is none."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 19 else -1
    return number if 0 <= number <= MAX_ID else None


def only(request: Request, *known: str) -> None:
    """Raise Invalid for query parameters that this route does not know: a misspelt one must not pass for none."""
    for name in request.query_params:
        if name not in known:
            raise Invalid(f"this call knows no parameter {name!r}", hint=nearest(name, known) if known else "")


def query_of(resource: Resource, params: QueryParams, others: Sequence[str] = LIST_PARAMETERS) -> select.Query:
    """Read the URL's parameters as a Query; ``others`` are those that are no filters. An unknown one is an error."""
    query: select.Query = validate(QUERY, options_of(resource, params.multi_items(), others, parse))
    return query


def choice(request: Request, name: str, *choices: str) -> str:
    """Read a query parameter that takes one of these values; the first is the default."""
    value = request.query_params.get(name, choices[0])
    if value not in choices:
        raise Invalid(f"{name} is {value[:40]!r}", hint=f"It takes: {', '.join(choices)}.")
    return value


def as_of_parameter(request: Request) -> int | datetime | None:
    """Read the parameter ``as_of``: a position of the log, a time, or None."""
    value: int | datetime | None = validate(AS_OF, request.query_params.get("as_of"))
    return value


def how_of(request: Request, resource: Resource) -> How:
    """Read the parameters of an update: ``force``, and ``descendants`` of jobs."""
    only(request, "force", *(["descendants"] if "retry" in resource.verbs else []))
    return How(
        force=choice(request, "force", "false", "true") == "true",
        descendants=choice(request, "descendants", "true", "false") == "true",
    )
