"""Check saved views: each is a query that the list of jobs takes, and a user has a bounded number of them."""

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

import orjson
from pydantic import ValidationError

from storax_core import limits
from storax_core.commands.locks import count_mine, lock_mine
from storax_core.database.connections import Connection
from storax_core.errors import Conflict, Invalid
from storax_core.lifecycle.change import Patch, Row
from storax_core.log.append import Context
from storax_core.queries.parsing.url_query import options_of, require_valid
from storax_core.queries.query import Query
from storax_core.resources import JOBS, SAVED_VIEWS

# Parameters of a list that a view keeps beside its filters: not the place in the list, nor the form of the answer.
OPTIONS = ("exclude", "ordering", "fields", "limit", "as_of")
HINT = "Write it as in the URL of the page Jobs behind '?', such as state=FAILED&ordering=-id."


async def check_new(conn: Connection, ctx: Context, rows: Sequence[Row]) -> None:
    """Check the queries of new views, and their number. Raises Invalid or Conflict."""
    number = await count_mine(conn, ctx.owner_id, SAVED_VIEWS)
    if number + len(rows) > limits.SAVED_VIEWS:
        raise Conflict(
            f"you have {number} saved views, of at most {limits.SAVED_VIEWS}", hint="Delete one that you do not need."
        )
    for row in rows:  # at last: to read thousands of long queries takes seconds
        await _check_query(row["query"])


async def check_patches(conn: Connection, ctx: Context, patches: Sequence[Patch]) -> None:
    """Check the queries of changed views; views that are not there are refused later. Raises Invalid."""
    changed = {patch.id: patch.fields["query"] for patch in patches if "query" in patch.fields}
    for row in await lock_mine(conn, ctx.owner_id, SAVED_VIEWS, list(changed), "id"):
        await _check_query(changed[row["id"]])


async def _check_query(text: str) -> None:
    require_query(text)
    await asyncio.sleep(0)  # a long query takes 10 ms: other calls go on between two of them


def require_query(text: str) -> None:
    """Raise Invalid for a text that is no query of jobs as a URL has it."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), errors="strict")
    except ValueError as error:
        raise Invalid(f"query is no query of a URL: {error}", hint=HINT) from None
    options = options_of(JOBS, pairs, OPTIONS, _json)
    try:
        query = Query.model_validate(options)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise Invalid(f"query: {place}: {first['msg'].removeprefix('Value error, ')}", hint=HINT) from None
    require_valid(JOBS, query)


def _json(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"query has no valid JSON: {error}", hint=HINT) from None
