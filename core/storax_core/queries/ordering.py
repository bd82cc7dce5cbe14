"""Orders of a page's rows, and the cursors that continue behind a row."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from storax_core.errors import Invalid
from storax_core.resources import Resource
from storax_core.suggest import nearest


class Key(NamedTuple):
    """One key of an ordering."""

    name: str
    down: bool
    pg_type: str

    @property
    def text(self) -> str:
        """The key as a query names it."""
        return f"-{self.name}" if self.down else self.name


def keys_of(resource: Resource, ordering: Sequence[str]) -> tuple[Key, ...]:
    """The ordering with the unique key as its last part, so that pages never overlap. Raises Invalid."""
    unique = "id" if "id" in resource.fields else "position"
    keys = []
    for text in [name for name in ordering if name] or [resource.default_order]:
        name = text.removeprefix("-")
        name = unique if name == "id" else name
        if name not in resource.orderings:
            raise Invalid(f"{resource.path} cannot be ordered by {name!r}", hint=nearest(name, resource.orderings))
        keys.append(Key(name, text.startswith("-"), resource.fields[name].pg_type))
    if all(key.name != unique for key in keys):
        keys.append(Key(unique, keys[0].down, "bigint"))
    return tuple(keys)


def encode(keys: Sequence[Key], values: Sequence[Any]) -> str:
    """The cursor of the rows behind the one with these values of the keys."""
    return base64.urlsafe_b64encode(orjson.dumps([[key.text for key in keys], list(values)])).decode()


def decode(cursor: str, keys: Sequence[Key]) -> list[Any]:
    """The values of the keys in a cursor. Raises Invalid where it belongs to another query."""
    try:
        names, values = orjson.loads(base64.urlsafe_b64decode(cursor.encode()))
        if names != [key.text for key in keys]:
            raise ValueError
        return [_typed(key, value) for key, value in zip(keys, values, strict=True)]
    except (ValueError, TypeError):
        raise Invalid("the cursor does not fit this query", hint="Start again without a cursor.") from None


def _typed(key: Key, value: Any) -> Any:
    if key.pg_type == "timestamptz":
        return datetime.fromisoformat(value)
    if type(value) is not {"text": str, "boolean": bool, "float": float}.get(key.pg_type, int):
        raise TypeError
    return value
