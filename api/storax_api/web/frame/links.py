"""Addresses between pages. All are relative, so that the page also works behind a proxy that puts a path before it."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode, urlsplit

from fastapi import Request

ROOT = "/ui/"
DEEPEST = 8  # folders of a page below it
Value = str | int | bool | None
Parameters = Mapping[str, "Value | Sequence[Value]"]


def base(request: Request) -> str:
    """Return the way to ``/ui/``, such as ``../``: from this page, or from the one that asks for a part of itself."""
    asking = urlsplit(request.headers.get("hx-current-url", "")).path
    below = (asking if ROOT in asking else str(request.scope["path"])).partition(ROOT)[2]
    return "../" * min(below.count("/"), DEEPEST) or "./"


def link(request: Request, path: str, parameters: Parameters | None = None) -> str:
    """Return the address of a page below ``/ui/`` as this page names it; parameters that are None are left out."""
    return base(request) + path + query_string(parameters or {})


def query_string(parameters: Parameters) -> str:
    """Return ``?name=value&...``; empty where there are no parameters."""
    named = {name: value for name, value in parameters.items() if value is not None}
    return "?" + urlencode(named, doseq=True) if named else ""


def query_string_of(pairs: Sequence[tuple[str, str]]) -> str:
    """Return ``?name=value&...`` of pairs, of which several may have one name."""
    return "?" + urlencode(pairs) if pairs else ""


def here(request: Request) -> str:
    """Return this page's path and query below ``/ui/``, to come back to."""
    query = request.scope["query_string"].decode("ascii", "replace")
    return str(request.scope["path"]).partition(ROOT)[2] + (f"?{query}" if query else "")


def safe_target(text: str) -> str:
    """Return where to go on to below ``/ui/``; the start page for what leads anywhere else."""
    parts = urlsplit(text) if text.isprintable() and "\\" not in text else urlsplit("//refused")
    outside = parts.scheme or parts.netloc or parts.path.startswith("/") or ".." in parts.path
    return "" if outside or ":" in parts.path else text
