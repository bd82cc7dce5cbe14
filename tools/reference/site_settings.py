"""``python -m tools.reference.site_settings``: write docs/reference/site/settings.md from the agent's settings model.

Not in a package of ours: it takes the agent's model and the words of the core's pages, which know nothing of each
other.
"""

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from storax_agent.settings.job_environment import BASE
from storax_agent.settings.locations import KINDS, AnyLocation
from storax_agent.settings.site import SiteSettings
from tools.reference.pages import FOLDER, table
from tools.reference.type_text import kind_of

PAGE = FOLDER / "site" / "settings.md"
HEADER = "<!-- Written by `python -m tools.reference.site_settings`; do not edit. -->"
FOUND_OUT = {
    "slots": "all of the machine", "memory_mb": "the machine's, or its control group's",
    "base_environment": "[the list below](#default-of-base_environment)",
}  # fmt: skip
HEAD = ("Setting", "Type", "Default", "Meaning")


def render() -> str:
    """The page."""
    return "\n".join([HEADER, "", *_page()]) + "\n"


def _page() -> Iterator[str]:
    yield "# Site settings\n"
    yield "The settings in `site.toml`, in the site's folder. `storax site init` writes `name`, `site_id`, `url` and"
    yield "the options it was given; all others have the defaults below. A variable `STORAX_AGENT_X` overrides the"
    yield "setting `x` of the first table. An agent reads its settings at start; `storax site check` reports"
    yield "invalid ones.\n"
    yield from _table("", SiteSettings)
    yield "\n## Default of `base_environment`\n"
    yield from wrap(", ".join(f"`{pattern}`" for pattern in BASE), width=128, break_on_hyphens=False)
    yield "\n## `[transfer_locations]`\n"
    yield 'Each is `alias = "URL"`, or a table `[transfer_locations.alias]` with `url` and the settings of its kind.'
    yield "[Move files](../../how-to/move-files.md) has examples.\n"
    for kind in dict.fromkeys(KINDS.values()):
        schemes = ", ".join(f"`{name}://`" for name, model in KINDS.items() if model is kind)
        yield f"### {schemes}\n"
        yield from _table("", kind)
        yield ""


def _table(name: str, model: type[BaseModel]) -> Iterator[str]:
    """The plain settings of a model, then each of its tables."""
    fields = {field: info for field, info in model.model_fields.items() if info.annotation is not None}
    inner = {field: inner_model for field, info in fields.items() if (inner_model := _model(info))}
    plain = {field: info for field, info in fields.items() if field not in inner and not _is_locations(info)}
    if name:
        yield f"\n## `{name}`\n"
        yield inspect.cleandoc(_docstring(model)) + "\n"
    yield from table(HEAD, (_row(field, info) for field, info in plain.items()))
    for field, inner_model in inner.items():
        yield from _table(_heading(name, field, fields[field]), inner_model)


def _model(info: FieldInfo) -> type[BaseModel] | None:
    """The model of a table, of each of several, or of each by name."""
    for annotation in (info.annotation, *get_args(info.annotation)):
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return annotation
    return None


def _is_locations(info: FieldInfo) -> bool:
    return AnyLocation in get_args(info.annotation)


def _heading(above: str, field: str, info: FieldInfo) -> str:
    path = f"{above.strip('[]')}.{field}" if above else field
    kind = get_origin(info.annotation)
    return f"[[{path}]]" if kind is list else f"[{path}.NAME]" if kind is dict else f"[{path}]"


def _docstring(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").replace("``", "`")


def _row(field: str, info: FieldInfo) -> tuple[str, ...]:
    kind = kind_of(Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation)
    return f"`{field}`", kind.replace(" or null", ""), _default(field, info), info.description or "URL of the location."


def _default(field: str, info: FieldInfo) -> str:
    if info.default_factory is not None:
        return FOUND_OUT[field]
    if info.default is PydanticUndefined:
        return "required"
    return "unset" if info.default is None else f"`{_toml(info.default)}`"


def _toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value).replace("'", '"')


def main() -> int:
    """Write the page."""
    if not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != render():
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(render(), encoding="utf-8")
        sys.stdout.write(f"{PAGE.relative_to(Path(__file__).resolve().parents[2])}: written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
