"""OpenAPI of the mounted routes, from the resource declarations."""

from collections.abc import Collection
from typing import Any

from pydantic import BaseModel, TypeAdapter

from storax_api.schemas import (
    CountBy,
    FailureGroups,
    Footprint,
    JobFlow,
    JobMetrics,
    JobRuns,
    PatchWhere,
    Retry,
    Selection,
)
from storax_core.queries.select import Query
from storax_core.resources import EVENTS, Resource
from storax_core.resources.base import FilterSpec
from storax_core.resources.types import AsOf

SUMMARY = {
    "list": "List {}",
    "query": "List {} by a query in the body",
    "counts": "Count {} by the values of a field",
    "read": "Read one of the {}",
    "create": "Create one or many {}, all or none",
    "update": "Change one of the {}",
    "update_many": "Change many {}: each its own way, or all that match the same way",
    "delete": "Delete one of the {}",
    "delete_many": "Delete {} that match a query in the body",
    "delete_where": "Delete {} that match the URL's filters",
    "cancel": "Cancel {} that match",
    "retry": "Run failed {} again, with the descendants that failed only because of them",
    "failures": "FAILED {} that match, grouped by App, exit code and last line of the error",
    "throughput": "How many {} were created and ended in each part of a window, and were in each state at its end",
    "metrics": "How long {} ran, waited and were in each state in a window, and how many nodes they used",
    "runs": "What ran when in a window: the runs of {}, and how many there were at once",
    "footprint": "How many nodes the {} that match would fill",
}
JSON = "application/json"
BODIES: dict[str, type[BaseModel]] = {
    "query": Query,
    "counts": CountBy,
    "update_many": PatchWhere,
    "delete_many": Selection,
    "cancel": Selection,
    "retry": Retry,
    "footprint": Footprint,
    "failures": FailureGroups,
    "throughput": JobFlow,
    "metrics": JobMetrics,
    "runs": JobRuns,
}


def _schema(kind: Any) -> dict[str, Any]:
    schema = TypeAdapter(kind).json_schema(ref_template="#/components/schemas/{model}")
    inlined: dict[str, Any] = _inline(schema, schema.pop("$defs", {}))
    return inlined


def _inline(node: Any, defs: dict[str, Any]) -> Any:
    """Definitions copied to where they are used, so that no two resources' names can clash."""
    if isinstance(node, dict):
        if "$ref" in node:
            return _inline(defs[node["$ref"].rsplit("/", 1)[1]], defs)
        return {k: _inline(v, defs) for k, v in node.items()}
    return [_inline(v, defs) for v in node] if isinstance(node, list) else node


def _parameter(spec: FilterSpec) -> dict[str, Any]:
    inner = _schema(spec.annotation) if spec.op != "contains_json" else {"type": "string"}
    schema = {"type": "array", "items": inner} if spec.many or spec.op == "contains_json" else inner
    return {"name": spec.name, "in": "query", "required": False, "description": spec.description, "schema": schema}


def _paging(resource: Resource) -> list[dict[str, Any]]:
    fields = Query.model_fields
    kinds: dict[str, dict[str, Any]] = {
        "ordering": {"type": "string"}, "limit": {"type": "integer", "minimum": 0, "maximum": 10_000},
        "offset": {"type": "integer", "minimum": 0}, "cursor": {"type": "string"}, "fields": {"type": "string"},
        "count": {"type": "boolean"},
        "format": {"enum": [*FORMATS, "rows"] if resource is EVENTS else ["objects", "rows"]},
        "exclude": {"type": "array", "items": {"type": "string"}}, "as_of": _schema(AsOf),
    }  # fmt: skip
    return [
        {"name": n, "in": "query", "required": False, "description": fields[n].description, "schema": s}
        for n, s in kinds.items()
    ]


def _row(resource: Resource) -> dict[str, Any]:
    properties = {n: _field(resource, n) for n in resource.visible}
    return {"type": "object", "title": resource.python_name, "properties": properties}


def _field(resource: Resource, name: str) -> dict[str, Any]:
    if name in resource.computed:
        kind, _, description = resource.computed[name]
        return {**_schema(kind), "description": description}
    spec = resource.fields[name]
    return {**_schema(spec.annotation), "description": spec.description}


def _body(resource: Resource, verb: str) -> dict[str, Any] | None:
    model = BODIES.get(verb)
    schema = _schema(model) if model else {}
    if verb == "create":
        one = _schema(resource.create_model)
        schema = {"oneOf": [one, {"type": "array", "maxItems": 10_000, "items": one}]}
    elif verb == "update":
        schema = _schema(resource.one_patch_type)
    elif verb == "update_many":
        rows = {"type": "array", "maxItems": 10_000, "items": _schema(resource.row_patch_type)}
        schema["properties"]["patch"] |= _schema(resource.patch_type)
        schema = {"oneOf": [rows, schema]}
    return {"required": True, "content": {JSON: {"schema": schema}}} if schema else None


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


INTEGER = {"type": "integer"}
NUMBERS = {"type": "array", "items": INTEGER}
SERIES = {"type": "object", "additionalProperties": NUMBERS, "description": "Numbers of the parts, by state."}
TEXT = {"type": "string"}
TIME = {"type": "string", "format": "date-time"}
NUMBER = SECONDS = {"type": "number"}
NODES = {"type": "array", "items": {"type": "number"}, "description": "Average numbers of nodes in the parts."}
SPREAD = dict.fromkeys(("min", "lower_quartile", "median", "upper_quartile", "p95", "max"), SECONDS)
OF_APPS = {"type": "array", "items": _object(app_id=INTEGER, number=INTEGER, **SPREAD)}
OF_STATES = {"type": "array", "items": _object(state=TEXT, number=INTEGER, **SPREAD)}
FORMATS = ["objects", "cloudevents"]  # of the stream; a list has rows too
CLOUD_EVENT = _object(
    specversion=TEXT, id=TEXT, source=TEXT, type=TEXT, subject=TEXT, time=TIME, datacontenttype=TEXT,
    data={"type": "object"},
)  # fmt: skip
METRICS = _object(
    since=TIME, until=TIME, step_sec=SECONDS, run_times=OF_APPS, waits=OF_STATES, stages=OF_STATES, ended=SERIES,
    used=NODES, allocated=NODES,
)  # fmt: skip
RUN = _object(
    job_id=INTEGER, app_id=INTEGER, site_id=INTEGER, batch_job_id={"type": ["integer", "null"]}, nodes=NUMBER,
    outcome={"type": ["string", "null"]}, began_before={"type": "boolean"}, started=TIME, ended=TIME,
)  # fmt: skip
LANE = _object(lane=INTEGER, number=INTEGER, levels={"type": "array", "items": NUMBER})
RUNS = _object(
    since=TIME, until=TIME, step_sec=SECONDS, runs={"type": "array", "items": RUN}, more={"type": "boolean"},
    lanes={"type": "array", "items": LANE},
)  # fmt: skip
GROUP = _object(
    app_id=INTEGER, return_code={"type": ["integer", "null"]}, failure_line=TEXT, jobs=INTEGER, first=TIME, last=TIME,
    newest_id=INTEGER,
)  # fmt: skip
COMPACT = _object(columns={"type": "array", "items": TEXT}, rows={"type": "array", "items": {"type": "array"}})
DELETED = _object(deleted=INTEGER, not_deleted={"type": "array", "items": INTEGER})
CANCEL = {"type": "array", "items": _object(id=INTEGER, lease_epoch=INTEGER), "description": "Jobs to be stopped."}


def asks(model: type[BaseModel]) -> dict[str, Any]:
    """The ``openapi_extra`` of a route that reads its body itself, as this model says."""
    return {"requestBody": {"required": True, "content": {JSON: {"schema": _schema(model)}}}}


def answers(status: int = 200, /, **properties: Any) -> dict[str, Any]:
    """Keyword arguments for a route whose answer is an object of these fields, for routes of one noun alone."""
    return {"responses": {status: {"description": "Done.", "content": {JSON: {"schema": _object(**properties)}}}}}


def row_of(resource: Resource) -> dict[str, Any]:
    """Keyword arguments for a route whose answer is a row of a resource."""
    return {"responses": {200: {"description": "Done.", "content": {JSON: {"schema": _row(resource)}}}}}


def rows_of(resource: Resource) -> dict[str, Any]:
    """The schema of a list of a resource's rows."""
    return {"type": "array", "items": _row(resource)}


def stream_parameters(resource: Resource, filters: Collection[str]) -> list[dict[str, Any]]:
    """The parameters of the event stream."""
    own: list[dict[str, Any]] = [
        {
            "name": "after",
            "in": "query",
            "schema": INTEGER,
            "description": "The last position you have; none: from now.",
        },
        {"name": "include", "in": "query", "schema": {"enum": ["", "job"]}, "description": "job: bring the job along."},
        {
            "name": "carry",
            "in": "query",
            "schema": {"enum": ["", "job"]},
            "deprecated": True,
            "description": "The old name of include.",
        },
        {
            "name": "exclude",
            "in": "query",
            "schema": {"type": "array", "items": TEXT},
            "description": "Leave out what matches all filters of this JSON object.",
        },
        {"name": "format", "in": "query", "schema": {"enum": FORMATS}, "description": "How an event is sent."},
        {"name": "Last-Event-ID", "in": "header", "schema": INTEGER, "description": "As after, and wins over it."},
    ]
    return [*(_parameter(resource.filters[name]) for name in sorted(filters)), *own]


def _answer(resource: Resource, verb: str) -> dict[str, Any]:
    row = _row(resource)
    rows = {"type": "array", "items": {"anyOf": [row, CLOUD_EVENT]} if resource is EVENTS else row}
    listing = {
        "type": "object",
        "properties": {"results": rows, "next": {"type": ["string", "null"]}, "count": {"type": ["integer", "null"]}},
    }
    shapes: dict[str, dict[str, Any]] = {
        "list": listing,
        "query": listing,
        "read": row,
        "update": row,
        "create": {"oneOf": [row, _object(results=rows), COMPACT]},
        "counts": _object(counts={"type": "object", "additionalProperties": INTEGER}),
        "update_many": _object(updated=INTEGER, **COMPACT["properties"]),
        "delete_many": DELETED,
        "delete_where": DELETED,
        "retry": _object(retried=INTEGER, brought_back=INTEGER, left=INTEGER, reason=TEXT, hint=TEXT),
        "cancel": _object(cancelled=INTEGER, requested=INTEGER),
        "failures": _object(
            groups={"type": "array", "items": GROUP}, jobs=INTEGER, more={"type": "boolean"}, since=TIME
        ),
        "throughput": _object(
            since=TIME,
            until=TIME,
            step_sec=INTEGER,
            created=NUMBERS,
            ended=SERIES,
            states=SERIES,
            partial={"type": "boolean"},
        ),
        "metrics": METRICS,
        "runs": RUNS,
        "footprint": _object(num_jobs=INTEGER, nodes={"type": "number"}, max_nodes=INTEGER, max_wall_time_min=INTEGER),
    }
    return shapes.get(verb, {"type": "object"})


PROBLEM = {
    "description": "What went wrong, why, and the way out.",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "properties": {n: {"type": "string"} for n in ("type", "title", "detail", "code", "hint", "request_id")}
                | {"status": {"type": "integer"}, "errors": {"type": "array", "items": {"type": "object"}}},
            }
        }
    },
}


def problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    """The error answers that a route may give."""
    return dict.fromkeys(codes, PROBLEM)


def document(resource: Resource, verb: str) -> dict[str, Any]:
    """Keyword arguments for a route's decorator."""
    extra: dict[str, Any] = {}
    if verb in ("list", "delete_where"):
        extra["parameters"] = [_parameter(f) for f in resource.filters.values()]
        extra["parameters"] += _paging(resource) if verb == "list" else []
    if verb == "delete_where":
        extra["parameters"].append({"name": "all", "in": "query", "required": False, "schema": {"type": "boolean"}})
    body = _body(resource, verb)
    if body:
        extra["requestBody"] = body
    status = {"create": 201, "delete": 204}.get(verb, 200)
    content = {} if status == 204 else {"content": {JSON: {"schema": _answer(resource, verb)}}}
    return {
        "summary": SUMMARY[verb].format(resource.path),
        "operation_id": f"{resource.entity}_{verb}",
        "openapi_extra": extra,
        "responses": {
            status: {"description": "Done.", **content},
            **problems(401, 403, 404, 408, 409, 413, 422, 429, 503),
        },
    }
