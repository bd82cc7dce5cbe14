"""Errors as pages: what happened, why, and the way out. A browser that is not signed in goes to the login page."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response

from storax_api.web.frame import links
from storax_api.web.frame.respond import go_to, is_part, page

TITLES = {
    401: "Sign in",
    403: "Not allowed",
    404: "Not there",
    405: "Not here",
    409: "Not now",
    422: "This cannot be shown",
    429: "Too much at once",
    500: "An error on our side",
    503: "Not available at the moment",
}


def problem_page(request: Request, problem: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    """Answer a request below ``/ui/`` that failed; ``problem`` is what a client of REST would get."""
    status = int(problem["status"])
    part = is_part(request) or "text/event-stream" in request.headers.get("accept", "")
    if status == 401 and request.method == "GET" and not part:
        back = links.here(request)
        return go_to(request, "login", {"next": back or None, "ended": "1" if "ended" in problem["detail"] else None})
    template = "templates/problem_part.html" if part else "templates/problem.html"
    answer = page(request, template, {"problem": problem, "title": TITLES.get(status, "Error")}, status=status)
    answer.headers.update({name: value for name, value in headers.items() if name != "WWW-Authenticate"})
    return answer
