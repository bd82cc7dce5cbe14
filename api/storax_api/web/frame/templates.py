"""Jinja2 as all pages use it: autoescape, no undefined names, every printed text visible."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from storax_api.web.frame import assets, links, states, text, times

FOLDER = Path(__file__).parents[1]  # a page's templates lie beside its code
THEMES = ("auto", "light", "dark")
THEME_COOKIE = "storax_theme"


def _printed(value: Any) -> Any:
    """Return what is printed of a value: text of users has no character that cannot be seen."""
    if value is None:
        return ""
    return text.visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _exact(value: str) -> Markup:
    """Escape a text for the value of a form's field, which has to come back as it is."""
    return escape(value)


def _output(value: str) -> Markup:
    """Escape what a program wrote, with its lines."""
    return escape(text.output(value))


def _json(value: Any) -> Markup:
    """Show a value as indented JSON."""
    shown = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
    return escape("\n".join(map(text.visible, shown.split("\n"))))


def _line(value: Any) -> Markup:
    """Show a value as JSON on one line."""
    return escape(text.visible(orjson.dumps(value).decode()))


def _number(value: float) -> Markup:
    """Write a number with thin spaces between thousands."""
    shown = f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".rstrip("0").rstrip(".")
    return escape(shown.replace(",", "\u202f"))


def _size(number: float) -> Markup:
    """Write a number of bytes in the largest unit that leaves at least one of it."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            shown = f"{number:.0f}" if unit == "B" or number >= 10 else f"{number:.1f}"
            return escape(f"{shown}\u00a0{unit}")
        number /= 1024
    return escape(f"{number:,.1f}\u00a0TiB")


@cache
def environment() -> Environment:
    """Return the one environment of all templates."""
    env = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printed,
    )
    env.filters |= {
        "exact": _exact, "output": _output, "as_json": _json, "as_line": _line, "number": _number, "size": _size,
        "duration": times.duration, "iso": times.iso, "full": times.full,
    }  # fmt: skip
    env.globals |= {"look_of": states.look_of, "JOB_STATES": states.JOB_STATES, "visible": text.visible}
    return env


def theme_of(request: Request) -> str:
    """Return the theme that the viewer chose; auto follows the system."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else "auto"


def render(request: Request, name: str, context: dict[str, Any], *, is_part: bool = False) -> str:
    """Fill a template. It knows the viewer (or None), the time, ``url`` and ``asset`` beside its context.

    A page extends ``layout``: the whole page, or only its content where the page asks for that again.
    """
    viewer = getattr(request.state, "viewer", None)
    now = datetime.now(UTC)
    shared = {
        "layout": "templates/part.html" if is_part else "templates/base.html",
        "live": (),
        "viewer": viewer,
        "now": now,
        "theme": theme_of(request),
        "here": links.here(request),
        "age": lambda moment: times.age(moment, now),
        "url": lambda path="", **parameters: links.link(request, path, parameters),
        "url_of": lambda path, pairs: links.base(request) + path + links.query_string_of(pairs),
        "asset": lambda file: links.base(request) + assets.address(file),
        "nav": getattr(request.app.state, "navigation", ()),
    }
    return environment().get_template(name).render({**shared, **context})
