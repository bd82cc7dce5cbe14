"""What the token of a site may do: the calls of its agent, on rows of its own site. Everything else is refused.

Such a token lies where jobs can read it. Whoever has it can act as that site's agent, and reaches nothing beyond.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastapi import Request

from storax_api.service import Caller, Service
from storax_core.database.connections import Connection
from storax_core.errors import Forbidden, Invalid, NotFound
from storax_core.queries import select
from storax_core.resources import Resource

# By operation: the fields that its rows may have; None: all that it takes.
OPERATIONS: dict[str, frozenset[str] | None] = {
    **dict.fromkeys(("whoami", "token_read", "site_read", "site_list", "site_query", "app_query", "job_query")),
    **dict.fromkeys(("job_footprint", "transfer_item_query", "batch_job_query", "batch_job_read", "batch_job_create")),
    **dict.fromkeys(("session_create", "session_delete", "session_heartbeat", "session_report", "session_acquire")),
    **dict.fromkeys(("session_acquire_batch", "site_file_requests", "site_file_replies")),
    "site_update": frozenset(
        ("path", "backfill_windows", "queued_jobs", "optional_batch_job_params", "allowed_projects", "allowed_queues",
         "elastic_queues", "transfer_locations", "node_size", "failing_loops", "set_aside")
    ),
    "job_update_many": frozenset(("id", "if_version", "pending_file_cleanup")),
    "batch_job_update_many": None,
    "transfer_item_update_many": None,
}  # fmt: skip
SESSION_SITE = """SELECT site_id FROM session WHERE id = $1 AND owner_id = $2 UNION ALL
SELECT site_id FROM event_log WHERE entity = 'session' AND entity_id = $1 AND version = 1
  AND owner_id IS NOT DISTINCT FROM $2 LIMIT 1"""


def require_operation(request: Request, caller: Caller) -> None:
    """Raise Forbidden where the token is that of a site and its agent does not make this call."""
    operation = getattr(request.scope.get("route"), "operation_id", None)
    if caller.site_id is not None and operation not in OPERATIONS:
        raise _forbidden(caller, f"{operation or request.url.path} is not among its calls")
    if caller.site_id is not None and request.query_params.get("force", "false") != "false":
        raise _forbidden(caller, "it cannot force a state")
    if caller.site_id is not None and "as_of" in request.query_params:
        raise _forbidden(caller, "it cannot read the past")


def require_fields(request: Request, caller: Caller, rows: Iterable[Mapping[str, Any]]) -> None:
    """Raise Forbidden for fields that the agent of a site does not write."""
    allowed = OPERATIONS[request.scope["route"].operation_id] if caller.site_id is not None else None
    if allowed is None:
        return
    for name in sorted({name for row in rows for name in row} - allowed):
        raise _forbidden(caller, f"it cannot set {name}")


def require_rows_by_id(caller: Caller) -> None:
    """Raise Forbidden for the token of a site: its agent names each row that it changes."""
    if caller.site_id is not None:
        raise _forbidden(caller, "it cannot change rows by a filter")


def require_site(caller: Caller, resource: Resource, number: int, site_id: int | None) -> None:
    """Raise NotFound for a thing that is not of the caller's site, as for one that is not there."""
    if caller.site_id not in (None, site_id):
        raise NotFound(f"{resource.entity.replace('_', ' ')} {number} does not exist", hint="It may have been deleted.")


def require_row(caller: Caller, resource: Resource, row: Mapping[str, Any]) -> None:
    """Raise NotFound for a row of another site, and for any token but the caller's own."""
    if caller.site_id is not None and resource.entity == "token":
        require_site(caller, resource, row["id"], caller.site_id if row["id"] == caller.token_id else None)
    elif resource.site_field:
        require_site(caller, resource, row["id"], row[resource.site_field])


async def require_rows(conn: Connection, caller: Caller, resource: Resource, ids: Sequence[int]) -> None:
    """Raise NotFound where one of these rows is at another site."""
    if caller.site_id is None:
        return
    sql = f"SELECT id FROM {resource.state_table} WHERE id = ANY($1::bigint[]) AND {resource.site_field} <> $2 LIMIT 1"  # noqa: S608
    elsewhere = await conn.fetchval(sql, list(ids), caller.site_id)
    if elsewhere is not None:
        require_site(caller, resource, elsewhere, None)


def require_new(caller: Caller, rows: Iterable[Mapping[str, Any]]) -> None:
    """Raise Invalid for a new row at another site, as for a site that is not there."""
    for row in rows if caller.site_id is not None else ():
        if row.get("site_id") != caller.site_id:
            raise Invalid(f"site {row.get('site_id')} does not exist", hint="List yours with GET /api/v1/sites/.")


async def require_session(service: Service, caller: Caller, session_id: int) -> None:
    """Raise NotFound for a session at another site. One that has ended still has its site."""
    if caller.site_id is None:
        return
    known = service.holders.get(session_id)
    site_id = known.site_id if known and known.owner_id == caller.owner_id else None
    if site_id is None:
        async with service.db.owner(caller.owner_id) as conn:
            site_id = await conn.fetchval(SESSION_SITE, session_id, caller.owner_id)
    if site_id != caller.site_id:
        raise NotFound(
            f"session {session_id} does not exist: it ended or expired",
            hint="Open a new session; its jobs were given back.",
        )


def narrow(caller: Caller, resource: Resource, query: select.Query) -> select.Query:
    """Return the query, with the rows of other sites excluded for the token of a site.

    Raises:
        Forbidden: it reads the past, or filters by names, of which errors tell those of other sites.
    """
    if caller.site_id is None:
        return query
    if query.as_of is not None:
        raise _forbidden(caller, "it cannot read the past")
    for name in {name for part in (query.filter, *query.exclude) for name in part}:
        if name in resource.naming:
            raise _forbidden(caller, f"it cannot filter by {name}")
    return query.model_copy(update={"exclude": [*query.exclude, {f"{resource.site_field}__ne": caller.site_id}]})


def _forbidden(caller: Caller, why: str) -> Forbidden:
    return Forbidden(
        f"the token is that of the agent of site {caller.site_id}, which may lease and report jobs there: {why}",
        hint="Use a token of your account: `storax login`. For a client in a job, name a profile: job_profile in the"
        " site's site.toml.",
    )
