"""The OpenAPI document says all that a caller needs, and /docs can be used by who has a token."""

from collections.abc import Iterator
from typing import Any

import pytest

from storax_api.app import create_app
from storax_api.events.routes import STREAM_FILTERS
from storax_core.settings import Settings

UNKEYED = {"login", "login_code", "register", "session_heartbeat", "site_file_requests", "site_file_replies"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(Settings()).openapi()


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    paths = document["paths"]
    return {o["operationId"]: {**o, "method": m, "path": p} for p, ms in paths.items() for m, o in ms.items()}


def test_all_but_the_open_calls_say_that_they_need_a_token(
    document: dict[str, Any], operations: dict[str, Any]
) -> None:
    schemes = document["components"]["securitySchemes"]
    assert {(s["type"], s["scheme"]) for s in schemes.values()} == {("http", "bearer")}
    closed = {n for n, o in operations.items() if o.get("security") == [{n: []} for n in schemes]}
    left = {o["path"] for n, o in operations.items() if n not in closed}
    assert left == {"/api/v1/auth/login", "/api/v1/auth/register", "/healthz", "/readyz", "/metrics"}


def test_every_changing_call_declares_its_key(operations: dict[str, Any]) -> None:
    keyed = {n for n, o in operations.items() if any(p["name"] == "Idempotency-Key" for p in o.get("parameters", ()))}
    reading = {n for n, o in operations.items() if o["method"] == "get"}
    reading |= {n for n in operations if n.endswith(("_query", "_counts", "_footprint", "_failures", "_metrics"))}
    assert keyed == operations.keys() - reading - UNKEYED


def test_the_event_stream_declares_its_parameters(operations: dict[str, Any]) -> None:
    stream = operations["event_stream"]
    assert {p["name"] for p in stream["parameters"]} == {
        *STREAM_FILTERS,
        "exclude",
        "after",
        "include",
        "carry",
        "format",
        "Last-Event-ID",
    }
    assert "text/event-stream" in stream["responses"]["200"]["content"]


def test_every_answer_has_a_shape(operations: dict[str, Any]) -> None:
    bare = []
    for name, operation in operations.items():
        good = next(v for k, v in operation["responses"].items() if k.startswith("2"))
        shapes = [c.get("schema", {}) for k, c in good.get("content", {}).items() if k == "application/json"]
        bare += [name for s in shapes if not s.get("properties") and not s.get("oneOf")]
    assert bare == []


def test_every_reference_of_the_document_leads_somewhere(document: dict[str, Any]) -> None:
    def references(node: Any) -> Iterator[str]:
        children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        for child in children:
            yield from references(child)
        if isinstance(node, dict) and "$ref" in node:
            yield node["$ref"]

    def resolves(reference: str) -> bool:
        node: Any = document
        for part in reference.removeprefix("#/").split("/"):
            node = node.get(part, {})
        return bool(node)

    assert [reference for reference in references(document) if not resolves(reference)] == []
