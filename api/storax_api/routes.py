"""One router mounts any resource: list, query, counts, read, create, update and delete, once for all nouns."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter
from starlette.datastructures import QueryParams

from storax_api.documents import document
from storax_api.identity import scope
from storax_api.requests.body import parse, parse_as, require_small_rows, validate, validate_rows
from storax_api.requests.parameters import (
    Who,
    as_of_parameter,
    choice,
    how_of,
    only,
    query_connection,
    query_of,
    row_id,
    service_of,
)
from storax_api.requests.plain_route import PlainRouter
from storax_api.rows import bulk_commands
from storax_api.rows.existing import existing_row
from storax_api.schemas import CountBy, PatchWhere, Retry, Selection
from storax_api.service import Caller, Service, json
from storax_core import limits
from storax_core.commands import create, delete, update
from storax_core.commands.one_round_trip.change_job import change_job
from storax_core.commands.one_round_trip.create_job import create_job
from storax_core.database.connections import Connection
from storax_core.errors import Invalid, Leased, NotFound, TooLarge
from storax_core.log import cloud_events
from storax_core.log.append import Context
from storax_core.queries import plans, select
from storax_core.resources import EVENTS, JOBS, Resource

MAX_ROWS = limits.ROWS
PATCH_WHERE: TypeAdapter[PatchWhere] = TypeAdapter(PatchWhere)
Finish = Callable[[Service, Response], Awaitable[Response]]  # adds to the answer what is not kept for a repeat


def answer_page(page: select.Page, form: str) -> Response:
    """Answer with a page, as objects, as rows, or as CloudEvents."""
    if form == "rows":
        return json({"columns": page.columns, "rows": page.rows, "next": page.next, "count": page.count})
    rows = [dict(zip(page.columns, row, strict=True)) for row in page.rows]
    results = [cloud_events.cloud_event(row) for row in rows] if form == cloud_events.NAME else rows
    return json({"results": results, "next": page.next, "count": page.count})


def _require_format(resource: Resource, query: select.Query) -> None:
    if query.format == cloud_events.NAME and resource is not EVENTS:
        raise Invalid(f"{resource.path} have no format {query.format}", hint="It is for events; take objects or rows.")
    if query.format == cloud_events.NAME and query.fields:
        raise Invalid("a CloudEvent has all fields of its event", hint="Leave out fields, or format=cloudevents.")


def _row_limit(rows: Any) -> None:
    if isinstance(rows, list) and len(rows) > MAX_ROWS:
        raise TooLarge(f"{len(rows)} rows in one call; at most {MAX_ROWS}", hint="Send them in several calls.")


def mount(resource: Resource, *, finish_create: Finish | None = None) -> APIRouter:
    """The routes of one resource; ``finish_create`` completes the answers to its creation."""
    router = PlainRouter(prefix=f"/api/v1/{resource.path}", tags=[resource.path])
    _mount_reads(router, resource)
    if "create" in resource.verbs:
        _mount_create(router, resource, finish_create)
    if "update" in resource.verbs:
        _mount_updates(router, resource)
    if "delete" in resource.verbs:
        _mount_deletes(router, resource)
    if "cancel" in resource.verbs:
        _mount_cancel(router)
    if "retry" in resource.verbs:
        _mount_retry(router)
    return router


def _mount_reads(router: APIRouter, resource: Resource) -> None:
    async def answer(request: Request, who: Caller, query: select.Query) -> Response:
        _require_format(resource, query)
        service, query = service_of(request), scope.narrow(who, resource, query)
        kept = plans.is_kept(resource, query)
        async with query_connection(request, who, by_filter=not kept, by_key=kept) as conn:
            page = await select.fetch_page(conn, resource, who.owner_id, query)
        service.memory.of(request.scope).add(page.size)
        return answer_page(page, query.format)

    @router.get("/", **document(resource, "list"))
    async def list_rows(request: Request, who: Who) -> Response:
        return await answer(request, who, query_of(resource, request.query_params))

    @router.post("/query", **document(resource, "query"))
    async def query_rows(request: Request, who: Who) -> Response:
        only(request)
        raw = await service_of(request).body(request)
        return await answer(request, who, parse_as(select.Query, raw))

    @router.post("/counts", **document(resource, "counts"))
    async def count_rows(request: Request, who: Who) -> Response:
        only(request)
        ask = parse_as(CountBy, await service_of(request).body(request))
        query = select.Query(filter=ask.filter, exclude=ask.exclude, as_of=ask.as_of)
        kept = plans.is_counted(resource, query, ask.by)
        async with query_connection(request, who, by_filter=not kept, by_key=kept) as conn:
            return json({"counts": await select.counts(conn, resource, who.owner_id, ask.by, query)})

    @router.get("/{id}", **document(resource, "read"))
    async def read_row(request: Request, who: Who, id: str) -> Response:  # noqa: A002
        only(request, "as_of")
        wanted, as_of = row_id(id, resource), as_of_parameter(request)
        async with service_of(request).db.owner(who.owner_id, by_key=as_of is None) as conn:
            row = await existing_row(conn, resource, who.owner_id, wanted, as_of)
        scope.require_row(who, resource, row)
        return json(row)


def _mount_create(router: APIRouter, resource: Resource, finish: Finish | None) -> None:
    known = tuple(resource.create_model.model_fields)

    @router.post("/", status_code=201, **document(resource, "create"))
    async def create_rows(request: Request, who: Who) -> Response:
        only(request, "format")
        service = service_of(request)
        raw = await service.body(request, service.largest_body)
        value = parse(raw)
        single = isinstance(value, dict)
        _row_limit(value)
        require_small_rows(raw, value)
        rows = [value] if single else value
        if not isinstance(rows, list):
            raise Invalid("one row or a list of rows is needed", hint="Send a JSON object, or an array of them.")
        checked = validate_rows(resource.create_adapter, rows, known)
        scope.require_new(who, checked)
        compact = choice(request, "format", "objects", "rows") == "rows"

        async def command(conn: Connection, ctx: Context) -> Any:
            if single:
                return await create.create_one(conn, ctx, resource, checked[0])
            created = await create.create(conn, ctx, resource, checked)
            if compact:
                columns = list(created[0]) if created else ["id"]
                return {"columns": columns, "rows": [list(row.values()) for row in created]}
            return {"results": await _read_many(conn, resource, who.owner_id, [row["id"] for row in created])}

        async def one_round_trip(conn: Connection, ctx: Context) -> bytes | None:
            return await create_job(conn, ctx, service.apps, checked[0])

        alone = one_round_trip if single and resource is JOBS else None
        answer = await service.run(request, who, raw, command, status=201, one_round_trip=alone)
        return await finish(service, answer) if finish else answer


async def _read_many(conn: Connection, resource: Resource, owner_id: int, ids: list[int]) -> list[dict[str, Any]]:
    query = select.Query(filter={"id": ids}, ordering=["id"], limit=MAX_ROWS)
    page = await select.fetch_page(conn, resource, owner_id, query)
    if len(page.rows) < len(ids):
        size = limits.PAGE_BYTES >> 20
        raise TooLarge(
            f"the answer would be larger than {size} MiB", hint="Add format=rows: it then has ids and states alone."
        )
    rows = [dict(zip(page.columns, row, strict=True)) for row in page.rows]
    place = {i: n for n, i in enumerate(ids)}
    return sorted(rows, key=lambda r: place[r["id"]])


def _mount_updates(router: APIRouter, resource: Resource) -> None:
    known = (*resource.update_keys, *resource.merge_keys)

    @router.patch("/{id}", **document(resource, "update"))
    async def update_row(request: Request, who: Who, id: str) -> Response:  # noqa: A002
        service, wanted, how = service_of(request), row_id(id, resource), how_of(request, resource)
        raw = await service.body(request, limits.ROW_BYTES)
        row = {"id": wanted, **validate(resource.one_patch_adapter, parse(raw), (*known, "if_version"))}
        scope.require_fields(request, who, [{n: v for n, v in row.items() if n not in ("id", "if_version")}])

        async def command(conn: Connection, ctx: Context) -> Any:
            await scope.require_rows(conn, who, resource, [wanted])
            await update.update_rows(conn, ctx, resource, [row], how=how)
            return await existing_row(conn, resource, who.owner_id, wanted)

        alone = partial(change_job, row=row) if resource is JOBS and who.site_id is None else None
        return await service.run(request, who, raw, command, one_round_trip=alone)

    @router.patch("/", **document(resource, "update_many"))
    async def update_many(request: Request, who: Who) -> Response:
        service, how = service_of(request), how_of(request, resource)
        raw = await service.body(request, service.largest_body)
        value = parse(raw)
        _row_limit(value)
        require_small_rows(raw, value)
        if isinstance(value, dict):
            scope.require_rows_by_id(who)
            return await service.run(request, who, raw, _where(resource, value, known, how))
        rows = validate(resource.row_patches_adapter, value, (*known, "id", "if_version"))
        scope.require_fields(request, who, rows)

        async def command(conn: Connection, ctx: Context) -> Any:
            await scope.require_rows(conn, who, resource, [row["id"] for row in rows])
            changed = await update.update_rows(conn, ctx, resource, rows, how=how) if rows else update.Updated()
            back = {"brought_back": changed.brought_back} if changed.brought_back else {}
            return {"updated": len(changed.rows), **back, "columns": changed.columns, "rows": changed.rows}

        return await service.run(request, who, raw, command)


def _where(resource: Resource, value: dict[str, Any], known: Any, how: update.How) -> Any:
    ask: PatchWhere = validate(PATCH_WHERE, value, PatchWhere.model_fields)
    return bulk_commands.change_matching(resource, ask, validate(resource.patch_adapter, ask.patch, known), how)


def _mount_deletes(router: APIRouter, resource: Resource) -> None:
    @router.delete("/{id}", status_code=204, **document(resource, "delete"))
    async def delete_row(request: Request, who: Who, id: str) -> Response:  # noqa: A002
        only(request)
        wanted = row_id(id, resource)

        async def command(conn: Connection, ctx: Context) -> Any:
            await scope.require_rows(conn, who, resource, [wanted])
            gone, held = await delete.delete_ids(conn, ctx, resource, [wanted])
            if held:
                raise Leased(f"job {wanted} is leased or running", hint="Call cancel() first, then delete it.")
            if not gone:
                raise NotFound(f"{resource.entity.replace('_', ' ')} {wanted} does not exist")

        return await service_of(request).run(request, who, b"", command, status=204)

    @router.post("/delete", **document(resource, "delete_many"))
    async def delete_by_body(request: Request, who: Who) -> Response:
        only(request)
        raw = await service_of(request).body(request)
        ask = parse_as(Selection, raw)
        query = select.Query(filter=ask.filter, exclude=ask.exclude)
        return await service_of(request).run(request, who, raw, bulk_commands.delete_matching(resource, query))

    @router.delete("/", **document(resource, "delete_where"))
    async def delete_by_url(request: Request, who: Who) -> Response:
        everything = choice(request, "all", "false", "true") == "true"
        pairs = [(n, v) for n, v in request.query_params.multi_items() if n != "all"]
        query = query_of(resource, QueryParams(pairs), ("exclude",))
        if not query.filter and not query.exclude and not everything:
            raise Invalid("no filter: this would delete all of them", hint="Add all=true if that is what you mean.")
        return await service_of(request).run(request, who, b"", bulk_commands.delete_matching(resource, query))


def _mount_cancel(router: APIRouter) -> None:
    @router.post("/cancel", **document(JOBS, "cancel"))
    async def cancel_jobs(request: Request, who: Who) -> Response:
        only(request)
        raw = await service_of(request).body(request)
        return await service_of(request).run(request, who, raw, bulk_commands.cancel(parse_as(Selection, raw)))


def _mount_retry(router: APIRouter) -> None:
    @router.post("/retry", **document(JOBS, "retry"))
    async def retry_jobs(request: Request, who: Who) -> Response:
        only(request)
        raw = await service_of(request).body(request)
        return await service_of(request).run(request, who, raw, bulk_commands.retry(parse_as(Retry, raw)))
