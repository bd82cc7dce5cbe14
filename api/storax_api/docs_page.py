"""The page at ``/docs``: Swagger UI from an installed package. It asks no other host for anything, and may not."""

from importlib.resources import as_file, files

from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

# The package is there for its files alone: Swagger UI that knows OpenAPI 3.1, renewed with every release of FastAPI.
ASSETS = files("fastapi_offline") / "static"
# Addresses are relative, so that the page also works behind a proxy that puts a path before them.
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Storax API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="docs-assets/swagger-ui.css"><link rel="icon" href="data:,"></head>
<body><div id="ui"></div>
<script src="docs-assets/swagger-ui-bundle.js"></script><script src="docs-start.js"></script></body></html>
"""
# Without `validatorUrl` Swagger UI would show the document's address to a service of its makers.
START = """SwaggerUIBundle({url: "openapi.json", dom_id: "#ui", deepLinking: true, validatorUrl: null,
  docExpansion: "none", defaultModelsExpandDepth: -1});
"""
# Swagger UI sets styles on elements and draws its icons as data: addresses; scripts are those two files alone.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def install(app: FastAPI) -> None:
    """Add the page and what it loads."""
    with as_file(ASSETS) as folder:  # an installed package is a folder, so this copies nothing
        app.mount("/docs-assets", StaticFiles(directory=folder))

    @app.get("/docs", include_in_schema=False)
    async def page() -> HTMLResponse:
        """The page."""
        return HTMLResponse(PAGE, headers={"Content-Security-Policy": POLICY})

    @app.get("/docs-start.js", include_in_schema=False)
    async def start() -> Response:
        """What starts it. In a file of its own, so that the page's policy need allow no script in the page."""
        return Response(START, media_type="text/javascript")
