"""Answers of the web page: every one has the same headers, which allow nothing but files of this server."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from storax_api.web.frame import links
from storax_api.web.frame.templates import render

# No script and no style in a page, no other host, no frame. Icons of the style sheet are data: addresses.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Cookie, HX-Request",
}


@dataclass(frozen=True)
class Live:
    """What a page follows: kinds of things, or some of them by id; ``after`` is the position that it shows.

    ``every_sec``: the least time between two renewals of its content.
    """

    after: int
    entities: Sequence[str]
    ids: Sequence[int] = ()
    every_sec: int = 2


def is_part(request: Request) -> bool:
    """Whether a page asks for a part of itself, and not a browser for a page."""
    return request.headers.get("hx-request") == "true"


def page(request: Request, template: str, context: dict[str, Any] | None = None, *, status: int = 200) -> HTMLResponse:
    """Answer with a template."""
    return HTMLResponse(render(request, template, context or {}, is_part=is_part(request)), status, HEADERS)


def live_page(
    request: Request, template: str, context: dict[str, Any], *, changes: Live, status: int = 200
) -> HTMLResponse:
    """Answer with a page whose content is asked for again when such things change."""
    trigger = ", ".join(f"{entity}-changed from:#live throttle:{changes.every_sec}s" for entity in changes.entities)
    stream = [("after", str(changes.after)), *(("entity", entity) for entity in changes.entities)]
    stream += [("entity_id", str(number)) for number in changes.ids]
    return page(request, template, {**context, "live": stream, "live_trigger": trigger}, status=status)


def go_to(request: Request, path: str, parameters: links.Parameters | None = None) -> Response:
    """Send the browser to another page below ``/ui/``, by GET."""
    return Response(None, 303, {**HEADERS, "Location": links.link(request, path, parameters)})
