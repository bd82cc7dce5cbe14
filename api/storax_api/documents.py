"""OpenAPI of the mounted routes, from the resource declarations."""

from typing import Any

from pydantic import TypeAdapter

from storax_core.node_share import NodeSize
from storax_core.queries import Query
from storax_core.resources import Resource
from storax_core.resources.base import FilterSpec

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
    "footprint": "How many nodes the {} that match would fill",
}
JSON = "application/json"


def _schema(kind: Any) -> dict[str, Any]:
    schema = TypeAdapter(kind).json_schema(ref_template="#/components/schemas/{model}")
    found: dict[str, Any] = _inline(schema, schema.pop("$defs", {}))
    return found


def _packing() -> dict[str, Any]:
    flag = {"type": "boolean", "default": False}
    return {"node": _schema(NodeSize), "whole_nodes": flag, "fitting": flag}


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


def _paging() -> list[dict[str, Any]]:
    words = Query.model_fields
    kinds: dict[str, dict[str, Any]] = {
        "ordering": {"type": "string"}, "limit": {"type": "integer", "minimum": 0, "maximum": 10_000},
        "offset": {"type": "integer", "minimum": 0}, "cursor": {"type": "string"}, "fields": {"type": "string"},
        "count": {"type": "boolean"}, "format": {"enum": ["objects", "rows"]},
        "exclude": {"type": "array", "items": {"type": "string"}},
    }  # fmt: skip
    return [
        {"name": n, "in": "query", "required": False, "description": words[n].description, "schema": s}
        for n, s in kinds.items()
    ]


def _row(resource: Resource) -> dict[str, Any]:
    properties = {n: _field(resource, n) for n in resource.visible}
    return {"type": "object", "title": resource.python_name, "properties": properties}


def _field(resource: Resource, name: str) -> dict[str, Any]:
    if name in resource.computed:
        kind, _, words = resource.computed[name]
        return {**_schema(kind), "description": words}
    spec = resource.fields[name]
    return {**_schema(spec.annotation), "description": spec.description}


def _body(resource: Resource, verb: str) -> dict[str, Any] | None:
    selection = {"filter": {"type": "object"}, "exclude": {"type": "array", "items": {"type": "object"}}}
    one = _schema(resource.create_model) if verb == "create" else {}
    patch = _schema(resource.patch_type) if verb == "update_many" and resource.update_keys else {}
    shapes: dict[str, dict[str, Any]] = {
        "query": _schema(Query),
        "counts": {"type": "object", "properties": {"by": {"type": "string"}, **selection}},
        "create": {"oneOf": [one, {"type": "array", "maxItems": 10_000, "items": one}]},
        "update": _schema(resource.one_patch_type) if verb == "update" else {},
        "update_many": {
            "oneOf": [
                {"type": "array", "maxItems": 10_000, "items": _schema(resource.row_patch_type) if patch else {}},
                {"type": "object", "required": ["filter", "patch"], "properties": {**selection, "patch": patch}},
            ]
        },
        "delete_many": {"type": "object", "required": ["filter"], "properties": selection},
        "cancel": {"type": "object", "required": ["filter"], "properties": selection},
        "footprint": {"type": "object", "properties": {**selection, **_packing()}},
    }
    return {"required": True, "content": {JSON: {"schema": shapes[verb]}}} if verb in shapes else None


def _answer(resource: Resource, verb: str) -> dict[str, Any]:
    row = _row(resource)
    rows = {"type": "array", "items": row}
    listing = {
        "type": "object",
        "properties": {"results": rows, "next": {"type": ["string", "null"]}, "count": {"type": ["integer", "null"]}},
    }
    shapes: dict[str, dict[str, Any]] = {
        "list": listing,
        "query": listing,
        "read": row,
        "update": row,
        "create": {"oneOf": [row, {"type": "object", "properties": {"results": rows}}]},
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
        extra["parameters"] += _paging() if verb == "list" else []
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
        "responses": {status: {"description": "Done.", **content}, **problems(401, 404, 409, 413, 422, 503)},
    }
