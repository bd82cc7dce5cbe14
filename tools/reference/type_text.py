"""A declared type in words, for the reference pages: what it is and how large it may be."""

from typing import Any

from pydantic import TypeAdapter

NAMES = {"string": "text", "date-time": "time", "uuid": "UUID", "path": "path"}


def kind_of(annotation: Any) -> str:
    """The type in words, by way of its JSON schema."""
    schema = TypeAdapter(annotation).json_schema()
    return _text(schema, schema.get("$defs", {}))


def _text(schema: dict[str, Any], defs: dict[str, Any]) -> str:
    if "$ref" in schema:
        return _text(defs[schema["$ref"].rsplit("/", 1)[1]], defs)
    if "anyOf" in schema:
        return " or ".join(_text(s, defs) for s in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{w}`" for w in schema["enum"])
    kind = schema.get("type", "any JSON")
    if kind == "array":
        inner = _text(schema.get("items", {}), defs)
        return "list" if inner == "any JSON" else f"list of {inner}"
    if kind == "object":
        inner = schema.get("additionalProperties", True)
        return "object" if not isinstance(inner, dict) or not inner else f"object of {_text(inner, defs)}"
    return f"{NAMES.get(schema.get('format', kind), kind)}{_bounds(schema)}"


def _bounds(schema: dict[str, Any]) -> str:
    low, high, longest = schema.get("minimum"), schema.get("maximum"), schema.get("maxLength")
    if longest:
        return f", at most {longest:,} characters"
    if low is not None and high is not None and high < 2**63 - 1:
        return f", {low:,} to {high:,}"
    return f", at least {low:,}" if low is not None else ""
