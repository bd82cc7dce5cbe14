"""``python -m tools.reference.pages``: write docs/reference from the declarations; ``--check``: what is stale?"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic_core import PydanticUndefined

from storax_core import errors
from storax_core.lifecycle.states import AGENT_STATES, AUTOMATIC
from storax_core.log.event_types import EVENT_TYPES
from storax_core.resources import EVENTS, RESOURCES, Resource
from storax_core.resources.base import FieldSpec
from storax_core.settings import Settings
from tools.reference import limits_text
from tools.reference.route_texts import OTHER_ROUTES, VERB_ROUTES
from tools.reference.type_text import kind_of

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"
HEADER = "<!-- Written by `python -m tools.reference.pages`; do not edit. -->"


def render_all() -> dict[str, str]:
    """Every generated page, by file name."""
    pages = {
        "resources.md": _resources(), "states.md": _states(), "events.md": _events(), "rest.md": _rest(),
        "errors.md": _errors(), "limits.md": _limits(), "settings.md": _settings(),
    }  # fmt: skip
    return {name: "\n".join([HEADER, "", *lines]) + "\n" for name, lines in sorted(pages.items())}


def routes() -> list[tuple[str, str, str]]:
    """Every route: method, path, what it does."""
    mounted = [
        (method, f"/api/v1/{r.path}{path}", description)
        for r in RESOURCES
        for verb in r.verbs
        for method, path, description in VERB_ROUTES[verb]
    ]
    return [*mounted, *OTHER_ROUTES]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A Markdown table."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


# ---- resources ------------------------------------------------------------------------------------------------------


def _resources() -> Iterator[str]:
    yield "# Resources\n"
    yield "*Written by* names the calls that set a field; *server* means that only the server sets it. A field of"
    yield "*create* without a default is required. Times are in UTC, by the database's clock.\n"
    for resource in RESOURCES:
        yield from _resource(resource)


def _resource(resource: Resource) -> Iterator[str]:
    yield f"## {resource.python_name}\n"
    yield " ".join((resource.model.__doc__ or "").split())
    yield f"\nREST: `/api/v1/{resource.path}/`. In the log: `{resource.entity}`. Verbs: {', '.join(resource.verbs)}."
    if resource.parent:
        yield f"Deleted with its {resource.parent.resource.replace('_', ' ')} (`{resource.parent.field}`)."
    for names in resource.unique:
        yield f"Unique: {', '.join(f'`{n}`' for n in names)}."
    yield ""
    yield from table(
        ("Field", "Type", "Default", "Written by", "Meaning"),
        (_field(resource, n) for n in _documented_fields(resource)),
    )
    yield f"\nOrderings: {', '.join(f'`{n}`' for n in resource.orderings)}; each also with a leading `-`."
    yield f"Default: `{resource.default_order}`.\n"
    yield from table(("Filter", "Takes", "Meaning"), _filters(resource))
    yield ""


def _documented_fields(resource: Resource) -> tuple[str, ...]:
    return (*resource.visible, *resource.extra_create)


def _field(resource: Resource, name: str) -> tuple[str, ...]:
    if name in resource.computed:
        annotation, _, description = resource.computed[name]
        return f"`{name}`", kind_of(annotation), "", "server", description
    if name in resource.extra_create:
        annotation, info = resource.extra_create[name]
        return (
            f"`{name}`",
            kind_of(annotation),
            "`{}`" if "dict" in str(annotation) else "`[]`",
            "create only",
            info.description or "",
        )
    spec = resource.fields[name]
    writers = [v for v in ("create", "update") if v in spec.mark.write and v in resource.verbs]
    return (
        f"`{name}`",
        kind_of(spec.validated_type),
        _default(spec, writers),
        ", ".join(writers) or "server",
        spec.description,
    )


def _default(spec: FieldSpec, writers: Sequence[str]) -> str:
    if "create" not in writers or spec.required:
        return ""
    return (
        "null"
        if spec.default is None
        else f"`{str(spec.default) if isinstance(spec.default, str) else spec.default!r}`"
    )


def _filters(resource: Resource) -> Iterator[tuple[str, ...]]:
    for spec in resource.filters.values():
        bare = [a for a in get_args(spec.annotation) if a is not type(None)] if spec.op != "isnull" else []
        nullable = type(None) in get_args(spec.annotation)
        kind = kind_of(bare[0] if nullable and len(bare) == 1 else spec.annotation)
        yield f"`{spec.name}`", f"{kind}, or a list" if spec.many else kind, spec.description


# ---- states, events, routes, errors, settings -----------------------------------------------------------------------


def _states() -> Iterator[str]:
    yield "# States and transitions\n"
    yield "The server refuses a transition that is not in these tables with `illegal_move`. `force` makes it anyway,"
    yield "with an event type of its own. Only a lease holder can move a job to `RUNNING`."
    yield f"A lease holder may report: {', '.join(f'`{s}`' for s in sorted(AGENT_STATES))}.\n"
    for resource in RESOURCES:
        if resource.machine:
            yield f"## {resource.python_name}\n"
            moves = resource.machine.transitions.items()
            yield from table(
                ("From", "To"), ((f"`{s}`", ", ".join(f"`{t}`" for t in sorted(to)) or "final") for s, to in moves)
            )
            yield ""
    yield "## Automatic transitions\n"
    yield "If a stage has nothing to do, the server enters the next state in the same transaction. The event lists the"
    yield "skipped stages. The first row whose condition holds applies.\n"
    rows = (
        (f"`{a.state}`", a.when.replace("_", " "), f"`{a.to}`", ", ".join(f"`{s}`" for s in a.skipped))
        for a in AUTOMATIC
    )
    yield from table(("From", "When", "To", "Skips"), rows)


def _events() -> Iterator[str]:
    yield "# Event types\n"
    yield "This list is complete. `data` is a patch of the resource's fields; the ordered merge of all its events is"
    yield "the resource's state. A *note* changes no field.\n"
    rows = (
        (f"`{t.name}`", t.doc, "note" if t.note else "", str(t.schema_version)) for _, t in sorted(EVENT_TYPES.items())
    )
    yield from table(("Type", "Meaning", "", "Schema version"), rows)
    yield "\n## The record\n"
    yield from table(
        ("Field", "Type", "Meaning"), ((f[0], f[1], f[4]) for f in (_field(EVENTS, n) for n in EVENTS.visible))
    )


def _rest() -> Iterator[str]:
    yield "# REST routes\n"
    yield "Bodies are JSON; calls need `Authorization: Bearer stx_...`. [REST conventions](../rest-conventions.md)"
    yield "describes filters, pages, retries and errors. A running server shows its OpenAPI document at `/docs`.\n"
    yield from table(("Method", "Path", "What it does"), ((m, f"`{p}`", w) for m, p, w in routes()))


def _errors() -> Iterator[str]:
    yield "# Errors\n"
    yield "Every error response is `application/problem+json` with these members: `type`, `title`, `status`, `detail`"
    yield "(what happened), `code`, `hint` (what to do), `request_id` and, for invalid fields, `errors`."
    yield "[REST conventions](../rest-conventions.md) lists the status of each code.\n"
    yield from table(
        ("Code", "Meaning", "Is a"), ((f"`{e.code}`", _first_line(e), _parents(e)) for e in _tree(errors.CoreError))
    )


def _tree(root: type[errors.CoreError]) -> Iterator[type[errors.CoreError]]:
    for kind in sorted(root.__subclasses__(), key=lambda k: k.code):
        yield kind
        yield from _tree(kind)


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


def _parents(kind: type[errors.CoreError]) -> str:
    above = [k.code for k in kind.__mro__[1:] if issubclass(k, errors.CoreError) and k is not errors.CoreError]
    return ", ".join(f"`{code}`" for code in above)


def _limits() -> Iterator[str]:
    yield from limits_text.INTRODUCTION
    yield from table(limits_text.HEAD, limits_text.rows())


def _settings() -> Iterator[str]:
    yield "# Server settings\n"
    yield "Every server process reads these variables. In a container, `STORAX_X_FILE=path` reads `STORAX_X` from a"
    yield "file.\n"
    yield from table(("Variable", "Type", "Default", "Meaning"), map(_setting, Settings.model_fields.items()))


def _setting(pair: tuple[str, Any]) -> tuple[str, ...]:
    name, info = pair
    default = "" if info.default is PydanticUndefined else f"`{info.default}`"
    kind = kind_of(info.rebuild_annotation())
    return f"`STORAX_{name.upper()}`", kind, default, info.description or ""


# ---- files ----------------------------------------------------------------------------------------------------------


def stale(folder: Path = FOLDER) -> list[str]:
    """Names of the pages in ``folder`` that differ from the declarations, are missing, or should not be there."""
    wanted = render_all()
    present = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    return sorted(name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name))


def write(folder: Path = FOLDER) -> list[str]:
    """Bring ``folder`` up to date; returns the names of the pages that changed."""
    changed, wanted = stale(folder), render_all()
    folder.mkdir(parents=True, exist_ok=True)
    for name in changed:
        if name in wanted:
            (folder / name).write_text(wanted[name], encoding="utf-8")
        else:
            (folder / name).unlink()
    return changed


def main() -> int:
    """Write or check; exit code 1 where a check finds stale pages."""
    parser = argparse.ArgumentParser(prog="python -m tools.reference.pages", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a page is out of date")
    check = parser.parse_args().check
    names = stale() if check else write()
    for name in names:
        sys.stdout.write(f"docs/reference/{name}: {'out of date; run `make generate`' if check else 'written'}\n")
    return 1 if check and names else 0


if __name__ == "__main__":
    sys.exit(main())
