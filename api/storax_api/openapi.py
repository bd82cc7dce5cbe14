"""The OpenAPI document's last touches: who may call, and which calls take an Idempotency-Key."""

from typing import Any

from fastapi import FastAPI

BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token of `storax login` or `POST /api/v1/auth/login`: `stx_...`.",
}
KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "format": "uuid"},
    "description": "One effect however often the call is sent: a repeat answers what the first did. Kept for 7 days.",
}
OPEN = ("login", "register")  # and whatever lies outside of /api/v1
# POSTs that change nothing worth a key.
READING = (
    "_query",
    "_counts",
    "_footprint",
    "_failures",
    "_metrics",
    "_heartbeat",
    "_file_requests",
    "_file_replies",
    "login_code",
)


def install(app: FastAPI) -> None:
    """Finish the application's document when it is first needed."""
    of_routes = app.openapi

    def document() -> dict[str, Any]:
        return app.openapi_schema or _finished(of_routes())

    app.openapi = document  # type: ignore[method-assign]


def takes_key(method: str, operation_id: str) -> bool:
    """Whether a call is run once per key."""
    return method != "get" and operation_id not in OPEN and not operation_id.endswith(READING)


def _finished(schema: dict[str, Any]) -> dict[str, Any]:
    schema.setdefault("components", {})["securitySchemes"] = {"token": BEARER}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            name = operation.get("operationId", "")
            if path.startswith("/api/v1/") and name not in OPEN:
                operation["security"] = [{"token": []}]
                if takes_key(method, name):
                    operation.setdefault("parameters", []).append(KEY)
    return schema
