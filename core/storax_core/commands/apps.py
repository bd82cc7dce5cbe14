"""Check the declaration of an App: parameters cover the template, slots and globs stay inside the workdir."""

import re
from collections.abc import Sequence
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from storax_core.commands.locks import require_mine
from storax_core.database.connections import Connection
from storax_core.errors import Conflict, Invalid
from storax_core.lifecycle.change import Patch, Row
from storax_core.lifecycle.states import HOOKS
from storax_core.log.append import Context
from storax_core.resources import SITES
from storax_core.resources.types import InsidePath, JsonValue, Text

HOOK_NAMES = tuple(HOOKS.values())
PARAMETER = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
STORED = """SELECT name, site_id, command_template, parameters::text AS parameters,
  EXISTS (SELECT FROM job WHERE app_id = app.id) AS used FROM app
WHERE id = $1 AND owner_id IS NOT DISTINCT FROM $2 FOR UPDATE OF app"""


class Parameter(BaseModel):
    """How one parameter is declared."""

    model_config = ConfigDict(extra="forbid", strict=True)

    required: bool = True
    default: JsonValue = None
    help: Text = ""


class Slot(BaseModel):
    """How one transfer slot is declared; without ``local_path`` the file is named as the slot."""

    model_config = ConfigDict(extra="forbid", strict=True)

    required: bool = True
    direction: Literal["in", "out"] = "in"
    local_path: InsidePath | None = None
    description: Text = ""
    recursive: bool = False


RULES: dict[str, tuple[TypeAdapter[Any], str]] = {
    "parameters": (TypeAdapter(dict[str, Parameter]), "Give {name: {required, default, help}}."),
    "transfers": (
        TypeAdapter(dict[InsidePath, Slot]),
        "Give {slot: {required, direction, local_path, description, recursive}}.",
    ),
    "hooks": (TypeAdapter(list[Literal[*HOOK_NAMES]]), f"Name any of {', '.join(HOOK_NAMES)}."),  # type: ignore[valid-type]
    "cleanup_files": (TypeAdapter(list[InsidePath]), "Give globs relative to the workdir, such as '*.tmp'."),
}


def placeholders(template: str) -> list[str]:
    """Names of the ``{{ name }}`` places of a command template. Raises Invalid for any other brace expression."""
    rest = PARAMETER.sub("", template)
    if "{{" in rest or "}}" in rest or "{%" in rest:
        raise Invalid(
            "the command template holds more than {{ name }} places", hint="Only plain names may be filled in."
        )
    return list(dict.fromkeys(PARAMETER.findall(template)))


def check(row: Row) -> None:
    """Check a declaration, whole or in part, and add the template's parameters. Raises Invalid."""
    for name, (adapter, hint) in RULES.items():
        if name in row:
            _declared(adapter, row[name], name, hint)
    for name, spec in row.get("parameters", {}).items():
        _check_parameter(name, spec)
    for name in row.get("environment", {}):
        if not name or "=" in name:
            raise Invalid(f"environment variable {name!r} has no legal name", hint="Leave out '='.")
    if row.get("command_template"):
        places = {name: {"required": True} for name in placeholders(row["command_template"])}
        row["parameters"] = places | row.get("parameters", {})


def _declared(adapter: TypeAdapter[Any], value: Any, name: str, hint: str) -> None:
    try:
        adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(str(p) for p in (name, *first["loc"]))
        raise Invalid(f"{place}: {first['msg'].removeprefix('Value error, ')}", hint=hint) from None


def _check_parameter(name: str, spec: Row) -> None:
    if not name.isidentifier():
        raise Invalid(f"parameter {name!r} has no legal name", hint="Use letters, digits and '_'.")
    if spec.get("required", True) and spec.get("default") is not None:
        raise Invalid(f"parameter {name!r} is required and has a default", hint="Drop one of the two.")


async def check_new(_conn: Connection, _ctx: Context, rows: Sequence[Row]) -> None:
    """Check new declarations."""
    for row in rows:
        check(row)


async def check_patches(conn: Connection, ctx: Context, patches: Sequence[Patch]) -> None:
    """Check patches, each together with the stored App."""
    for patch in patches:
        await _check_patch(conn, ctx, patch.id, patch.fields)


async def _check_patch(conn: Connection, ctx: Context, app_id: int, patch: Row) -> None:
    """Check a patch together with the stored App: a template and its parameters belong to each other."""
    stored = await conn.fetchrow(STORED, app_id, ctx.owner_id)
    if stored is None:
        return
    if patch.get("site_id", stored["site_id"]) != stored["site_id"]:
        await _check_move(conn, ctx, stored, patch["site_id"])
    if "parameters" in patch and "command_template" not in patch:
        whole = {**patch, "command_template": stored["command_template"]}
        check(whole)
        patch["parameters"] = whole["parameters"]
        return
    if "command_template" in patch and "parameters" not in patch:
        gone = set(placeholders(stored["command_template"] or ""))
        kept = orjson.loads(stored["parameters"])
        wanted = placeholders(patch["command_template"] or "")
        patch["parameters"] = {n: s for n, s in kept.items() if n in wanted or n not in gone}
    check(patch)


async def _check_move(conn: Connection, ctx: Context, app: Any, site_id: int) -> None:
    if app["used"]:
        raise Conflict(
            f"App {app['name']!r} has jobs at its site and cannot move to another", hint="Create it there as a new App."
        )
    await require_mine(conn, ctx.owner_id, SITES, [site_id])
